"""The command: `python -m bench [--quick] [--only NAME]… [--json]`.

Exit code 0 when all was measured, whatever the figures; 1 when bars were missed and `--check` was given; 2
when something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench.measurements import NAMES
from bench.page import as_markdown, put_into
from bench.rows import Row, as_document, as_table
from bench.scale import SCALES

__all__ = ["command", "main"]


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, each in its own process, and print the table."""
    options = command().parse_args(arguments)
    rows: list[Row] = []
    failed = False
    for name in options.only or NAMES:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        measured = _measured(name, options.scale)
        failed = failed or measured is None
        rows += measured or []
    about = _about(options.scale)
    if options.update is not None:
        page = put_into(options.update.read_text(encoding="utf-8"), as_markdown(rows, about))
        options.update.write_text(page, encoding="utf-8")
    if options.json:
        print(json.dumps(as_document(rows, about), indent=2, ensure_ascii=False))
    else:
        print(" · ".join(f"{key} {value}" for key, value in about.items()))
        print(as_table(rows))
    if failed:
        return 2
    return int(options.check and any(item.ok is False for item in rows))


def command() -> argparse.ArgumentParser:
    """What the command understands."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure side by side, as ratios.")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument(
        "--quick", action="store_const", const="quick", dest="scale", help="smaller sizes, fewer rounds"
    )
    parser.add_argument("--scale", choices=SCALES, help="how much is done (default: full)")
    parser.set_defaults(scale="full")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--update", type=Path, metavar="PAGE", help="put the figures into a page as well")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    return parser


def _measured(name: str, scale: str) -> list[Row] | None:
    """The rows of one measurement; None, and told, when it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.child", name, scale],
        stdout=subprocess.PIPE,
        env=_environment(),
        check=False,
    )
    if done.returncode != 0:
        print(f"error: {name} could not be measured (exit {done.returncode})", file=sys.stderr)
        return None
    return [Row(**item) for item in json.loads(done.stdout)]


def _environment() -> dict[str, str]:
    """This process's environment without what OpenTelemetry, we or the import of modules would read."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OTEL_") and name not in _NOT_FOR_CHILDREN
    }


# Without compiled modules on the disk each start would compile them again, which no user has to wait for.
_NOT_FOR_CHILDREN = {"TRACEPARENT", "TRACESTATE", "BAGGAGE", "PYTHONDONTWRITEBYTECODE"}


def _about(scale: str) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "scale": scale,
    }


if __name__ == "__main__":
    sys.exit(main())
