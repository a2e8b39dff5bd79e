#!/usr/bin/env python3
"""Starts the real Collector and the real Jaeger on loopback, in the background; says where; stops them.

What they keep (queue, archive, logs, and which processes are ours) is in $OTEL_REPLAY_STACK, or
~/.local/state/otel-replay/stack.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from collector import build, processes
from collector.engine import (
    COLLECTOR,
    JAEGER,
    JAEGER_ON_DISK,
    LOOPBACK,
    Engine,
    EngineKind,
    PortTakenError,
    free_ports,
    is_free,
    is_healthy,
    tail,
)
from collector.errors import EngineError

if sys.platform != "win32":
    import fcntl

KINDS = {"otelcol": COLLECTOR, "jaeger": JAEGER, "jaeger-on-disk": JAEGER_ON_DISK}
TRIES = 3
# Jaeger 2.13 knows the second spelling only, newer ones the first; what is not known is ignored.
RAW = "rawTraces=true&raw_traces=true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """An engine that we started: enough to find it again, and to leave a stranger alone."""

    kind: str
    pid: int
    mark: str
    ports: dict[str, int]
    settings: dict[str, str]
    log: str

    @property
    def runs(self) -> bool:
        """Whether it is still that process."""
        return processes.is_same(self.pid, self.mark)

    @property
    def ready(self) -> bool:
        """Whether its health endpoint says so."""
        return self.runs and is_healthy(
            f"http://{LOOPBACK}:{self.ports['health']}{KINDS[self.kind].health_path}"
        )


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the stack keeps everything: $OTEL_REPLAY_STACK, else the user's state folder."""
    chosen = environ.get("OTEL_REPLAY_STACK")
    if chosen:
        return Path(chosen).expanduser().resolve()
    state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "otel-replay" / "stack"


def read_state(folder: Path) -> list[Started]:
    """What we started; nothing where we started nothing."""
    try:
        held = json.loads((folder / "stack.json").read_text(encoding="utf-8"))
        return [Started(**entry) for entry in held["engines"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"cannot read `{folder / 'stack.json'}`: {error}",
            hint="it names the processes that were started; end them by hand, then delete it",
        ) from error


def write_state(folder: Path, engines: list[Started]) -> None:
    """Replace the state, whole or not at all."""
    document = {"version": 1, "engines": [asdict(engine) for engine in engines]}
    partial = folder / f"stack.json.{os.getpid()}"
    partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / "stack.json")


def up(folder: Path, *, on_disk: bool) -> list[Started]:
    """Start what does not run yet, Jaeger first; gives both engines, ready."""
    with _locked(folder):
        collector, jaeger = build.build_all()
        known = {role_of(engine.kind): engine for engine in read_state(folder)}
        settings: dict[str, str] = {}
        for name, binary in (("jaeger-on-disk" if on_disk else "jaeger", jaeger), ("otelcol", collector)):
            before = known.get(role_of(name))
            if before is not None and before.runs and before.settings == settings:
                _tell_what_stays(before, name)
            else:
                if before is not None:
                    processes.end(before.pid, before.mark)
                known[role_of(name)] = _start(name, binary, folder, settings, before.ports if before else {})
                # After each start: what runs must be known even if the next one fails.
                write_state(folder, list(known.values()))
            settings = {"OTEL_REPLAY_JAEGER_GRPC": f"{LOOPBACK}:{known['jaeger'].ports['grpc']}"}
        return [known["otelcol"], known["jaeger"]]


def role_of(kind: str) -> str:
    """`jaeger` or `otelcol`, however Jaeger keeps its traces."""
    return kind.partition("-")[0]


def _tell_what_stays(engine: Started, wanted: str) -> None:
    say(f"{KINDS[engine.kind].title}: runs already (pid {engine.pid})")
    if wanted != engine.kind:
        say(f"  as `{engine.kind}`, not as `{wanted}`: `down` it first to change that")


def _start(
    name: str, binary: Path, folder: Path, settings: dict[str, str], last: Mapping[str, int]
) -> Started:
    kind = KINDS[name]
    for attempt in range(TRIES):
        ports = _choose_ports(kind, last)
        engine = Engine(kind, binary=binary, folder=folder, ports=ports, settings=settings, detached=True)
        try:
            engine.start()
        except PortTakenError:
            if attempt == TRIES - 1:
                raise
            continue
        except KeyboardInterrupt:
            if engine.is_running():
                engine.kill()
            raise
        say(f"{kind.title}: ready (pid {engine.pid})")
        return Started(
            kind=name,
            pid=engine.pid,
            mark=processes.start_mark(engine.pid),
            ports=ports,
            settings=settings,
            log=str(engine.log),
        )
    raise AssertionError("the loop returns or raises")


def _choose_ports(kind: EngineKind, last: Mapping[str, int]) -> dict[str, int]:
    """The port of each role that it had before, else the usual one, else a free one."""
    spare = free_ports(len(kind.ports))
    ports = {}
    for port, other in zip(kind.ports, spare, strict=True):
        wanted = last.get(port.role, port.usual)
        free = is_free(wanted)
        ports[port.role] = wanted if free else other
        if not free:
            say(f"{kind.title}: port {wanted} ({port.role}) is taken, using {other}")
    return ports


def down(folder: Path) -> list[Started]:
    """Stop what we started, the Collector first, so that it can hand on what it holds."""
    with _locked(folder):
        engines = read_state(folder)
        if not engines:
            say("nothing was started here, or it has been stopped already")
        for engine in sorted(engines, key=lambda engine: engine.kind != "otelcol"):
            stopped = processes.end(engine.pid, engine.mark)
            say(f"{KINDS[engine.kind].title}: {'stopped' if stopped else 'did not run any more'}")
        (folder / "stack.json").unlink(missing_ok=True)
    return engines


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One `up` or `down` at a time."""
    if sys.platform == "win32":
        raise EngineError("the engines are not run on Windows", hint="use docker compose, or WSL")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise EngineError(
            f"cannot write to `{folder}`: {error.strerror}",
            hint="set OTEL_REPLAY_STACK to a folder that you can write to",
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def endpoints(engines: list[Started], folder: Path) -> dict[str, str]:
    """Where to send, where to look."""
    ports = {role_of(engine.kind): engine.ports for engine in engines}
    found: dict[str, str] = {}
    if "otelcol" in ports:
        found["otlp_grpc"] = f"http://{LOOPBACK}:{ports['otelcol']['grpc']}"
        found["otlp_http"] = f"http://{LOOPBACK}:{ports['otelcol']['http']}"
        found["archive"] = str(folder / "archive" / "traces.jsonl")
    if "jaeger" in ports:
        found["jaeger"] = f"http://{LOOPBACK}:{ports['jaeger']['query']}"
        found["jaeger_trace"] = found["jaeger"] + "/trace/{trace_id}"
        found["jaeger_api"] = found["jaeger"] + "/api/v3/traces/{trace_id}?" + RAW
    return found


def describe(engines: list[Started], folder: Path) -> dict[str, object]:
    """The stack as one JSON document."""
    listed = [
        {**asdict(engine), "running": engine.runs, "ready": engine.ready}
        for engine in sorted(engines, key=lambda engine: engine.kind)
    ]
    running = [engine for engine in engines if engine.runs]
    return {"folder": str(folder), "engines": listed, "endpoints": endpoints(running, folder)}


def show(engines: list[Started], folder: Path) -> None:
    """The stack for a person."""
    for engine in engines:
        state = "ready" if engine.ready else "running, not ready" if engine.runs else "not running"
        print(f"{KINDS[engine.kind].title}: {state} (pid {engine.pid}, log {engine.log})")
        if not engine.ready:
            print(tail(Path(engine.log), lines=5))
    for name, value in endpoints([engine for engine in engines if engine.runs], folder).items():
        print(f"  {name:<13} {value}")


def say(line: str) -> None:
    """Progress goes to stderr: stdout holds the answer alone."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """`stack.py up|down|status [--json]`; 0 yes, 1 not running (status), 2 could not."""
    parser = argparse.ArgumentParser(prog="stack.py", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, says in (("up", "start both"), ("down", "stop what was started"), ("status", "say what runs")):
        command = commands.add_parser(name, help=says)
        command.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document"
        )
        if name == "up":
            command.add_argument("--on-disk", action="store_true", help="Jaeger keeps its traces on disk")
    options = parser.parse_args(arguments)
    folder = state_folder()
    try:
        if options.command == "down":
            engines = down(folder)
        elif options.command == "up":
            engines = up(folder, on_disk=options.on_disk)
        else:
            engines = read_state(folder)
    except EngineError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    if options.json:
        print(json.dumps(describe(engines, folder), indent=2))
    elif options.command != "down":
        show(engines, folder)
    if options.command == "status" and not (engines and all(engine.ready for engine in engines)):
        say("the stack is not running; start it with `python collector/stack.py up`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
