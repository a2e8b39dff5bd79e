"""An environment with the package in it as people have it: files of a folder, and nothing that finds them.

A checkout that is installed from its folder (`pip install -e`) has a finder that each Python loads before its
first line, which takes longer than much of what is measured here.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from bench.processes import Command

__all__ = ["installed"]

_ROOT = Path(__file__).resolve().parent.parent
_SCRIPT = "#!{python}\nimport sys\nfrom otel_replay.cli.start import main\nsys.exit(main())\n"


def installed(place: Path) -> tuple[str, list[str]]:
    """The Python of a new environment in `place`, of this interpreter's version, and its `otel-replay`.

    It finds the packages of the environment that measures, and none of the `.pth` files there is read.
    """
    # Compiled already, as by pip; the environment's own folder comes before the checkout.
    Command([sys.executable, "-m", "venv", "--without-pip", str(place)])()
    python = place / "bin" / "python"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = place / "lib" / version / "site-packages"
    os.symlink(_ROOT / "otel_replay", packages / "otel_replay")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    script = place / "bin" / "otel-replay"
    script.write_text(_SCRIPT.format(python=python), encoding="utf-8")
    script.chmod(0o755)
    return str(python), [str(script)]
