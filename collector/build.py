#!/usr/bin/env python3
"""Builds the real Collector and the real Jaeger once, from committed lock files, into a cache of the user.

The cache is $OTEL_REPLAY_ENGINES, or ~/.cache/otel-replay/engines; each set of lock files has its own
folder in it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from collector.compile import compile_engine
from collector.errors import EngineError
from collector.toolchain import Toolchain, Version, find_toolchain

if sys.platform != "win32":
    import fcntl

HERE = Path(__file__).resolve().parent
OCB = "go.opentelemetry.io/collector/cmd/builder@v0.159.0"
JAEGER_VERSION = "github.com/jaegertracing/jaeger/internal/version.latestVersion=v2.13.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One binary: the Go module that locks it, the package of its program, and about how long it takes."""

    name: str
    title: str
    module: Path
    package: str
    ldflags: str
    seconds: int


COLLECTOR = Engine(
    name="otelcol",
    title="OpenTelemetry Collector v0.159.0",
    module=HERE / "otelcol",
    package=".",
    ldflags="-s -w",
    seconds=230,
)
# Module v1.76.0 is Jaeger 2.13.0: both numbers were given to one release.
JAEGER = Engine(
    name="jaeger",
    title="Jaeger v2.13.0",
    module=HERE / "jaeger",
    package="github.com/jaegertracing/jaeger/cmd/jaeger",
    ldflags=f"-s -w -X {JAEGER_VERSION}",
    seconds=280,
)
ENGINES = (COLLECTOR, JAEGER)


def say(line: str) -> None:
    """Progress goes to stderr: stdout holds the paths alone."""
    print(line, file=sys.stderr, flush=True)


def cache_root(environ: Mapping[str, str]) -> Path:
    """The folder of all builds: $OTEL_REPLAY_ENGINES, else the user's cache."""
    chosen = environ.get("OTEL_REPLAY_ENGINES")
    if chosen:
        return Path(chosen).expanduser().resolve()
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "otel-replay" / "engines"


def build_key() -> str:
    """Changes with anything that goes into a binary: lock files, sources, flags, platform."""
    digest = hashlib.sha256()
    for engine in ENGINES:
        digest.update(f"{engine.name}\0{engine.package}\0{engine.ldflags}\0".encode())
        for file in sorted(engine.module.iterdir()):
            digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return f"{digest.hexdigest()[:12]}-{platform.system()}-{platform.machine()}".lower()


def binaries(environ: Mapping[str, str] = os.environ) -> tuple[Path, Path]:
    """Where the Collector and Jaeger are, or will be once they are built."""
    folder = cache_root(environ) / build_key()
    return folder / COLLECTOR.name, folder / JAEGER.name


def build_all(environ: Mapping[str, str] = os.environ) -> tuple[Path, Path]:
    """Build what is missing; gives the paths of the Collector and of Jaeger."""
    paths = binaries(environ)
    if all(path.is_file() for path in paths):
        return paths
    folder = paths[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one_at_a_time(folder.with_name(f"{folder.name}.lock")):
            missing = [e for e, path in zip(ENGINES, paths, strict=True) if not path.is_file()]
            if missing:
                _build(missing, folder)
    except OSError as error:
        raise EngineError(
            f"cannot write to the engines' cache `{folder}`: {error.strerror or error}",
            hint="free some space there, or set OTEL_REPLAY_ENGINES to a folder that you can write to",
        ) from error
    return paths


def _build(missing: list[Engine], folder: Path) -> None:
    minutes = sum(engine.seconds for engine in missing) / 60
    names = " and ".join(engine.title for engine in missing)
    say(f"engines: building {names} into {folder}")
    say(f"engines: this is done once and takes about {minutes:.0f} minutes on 2 cores; the logs go there")
    started = time.monotonic()
    scratch = folder.parent / "toolchain"
    toolchain = find_toolchain(required=_required_go(missing), home=scratch, say=say)
    say(f"go: {toolchain.version} ({toolchain.go})")
    for engine in missing:
        compile_engine(
            name=engine.name,
            module=engine.module,
            package=engine.package,
            ldflags=engine.ldflags,
            toolchain=toolchain,
            target=folder / engine.name,
            say=say,
        )
    if toolchain.brought:
        # Three gigabytes that only another build would need; kept when a build fails, so that it can go on.
        shutil.rmtree(scratch, ignore_errors=True)
    say(f"engines: ready after {time.monotonic() - started:.0f} s")


def _required_go(engines: list[Engine]) -> Version:
    """The newest `go` line among the modules."""
    found = [re.search(r"^go (\d+)\.(\d+)", (e.module / "go.mod").read_text(), re.M) for e in engines]
    return max((int(match[1]), int(match[2])) for match in found if match)


@contextmanager
def _only_one_at_a_time(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel takes back when we die; whoever comes second waits, then finds all done."""
    if sys.platform == "win32":
        raise EngineError("the engines are not built on Windows", hint="use docker compose, or WSL")
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"engines: another process is building them (it holds {path}), waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def regenerate(environ: Mapping[str, str] = os.environ) -> None:
    """Write otelcol/ anew from builder.yaml, with the Collector's own builder; commit what changes."""
    toolchain: Toolchain = find_toolchain(
        required=_required_go(list(ENGINES)), home=cache_root(environ) / "toolchain", say=say
    )
    command = [str(toolchain.go), "run", OCB, "--skip-compilation", "--config", "builder.yaml"]
    # New checksums are asked of the public database, unless the caller says otherwise.
    inherited = {name: environ[name] for name in ("GOSUMDB",) if name in environ}
    settings = {k: v for k, v in toolchain.environment.items() if k != "GOSUMDB"} | inherited
    say(f"engines: {' '.join(command)}")
    if os.spawnvpe(os.P_WAIT, command[0], command, settings) != 0:
        raise EngineError("the Collector's builder failed", hint="its own message is above")


def main(arguments: list[str]) -> int:
    """`build.py [--print|--check|--regenerate]`; 0 done, 1 not built (--check), 2 could not."""
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__.splitlines()[0])
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--print", action="store_true", help="print the two paths, built or not")
    choice.add_argument("--check", action="store_true", help="exit 1 unless both are built")
    choice.add_argument("--regenerate", action="store_true", help="write otelcol/ anew from builder.yaml")
    options = parser.parse_args(arguments)
    # Ended by a job's time limit, we still take the compiler down with us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.regenerate:
            os.chdir(HERE)
            regenerate()
            return 0
        paths = binaries() if options.print or options.check else build_all()
    except EngineError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted; what was downloaded and compiled is kept for the next try")
        return 130
    print(*paths, sep="\n")
    missing = [path for path in paths if not path.is_file()]
    if options.check and missing:
        say(f"not built: {', '.join(path.name for path in missing)}; run `python collector/build.py`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
