"""One `go build`, with its progress shown, its log kept, and its failures said in words."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from collector.errors import EngineError
from collector.toolchain import Toolchain

Say = Callable[[str], None]

SECONDS_BETWEEN_LINES = 15.0

# What `go` prints, what it means, what to do; the first that fits is told.
FAILURES = (
    (r"no space left on device|disk quota exceeded", "the disk is full",
     "free 5 GB, or move GOCACHE, GOMODCACHE or OTEL_REPLAY_ENGINES to another disk; what is done is kept"),
    (r"checksum mismatch|SECURITY ERROR", "a downloaded module is not the one that go.sum names",
     "do not use it: try another GOPROXY, and tell us if it stays"),
    (r"missing go\.sum entry|updates to go\.mod needed", "the lock files do not fit together",
     "`git checkout` them, or after a change to builder.yaml run `python collector/build.py --regenerate`"),
    (r"signal: killed|cannot allocate memory", "memory ran out (Jaeger's build needs 2.5 GB)",
     "close something, or set GOMAXPROCS=1 and try again"),
    (r"no such host|connection refused|i/o timeout|TLS handshake|proxyconnect|network is unreachable|"
     r"connection reset|x509:|temporary failure in name resolution|unexpected EOF",
     "the Go module proxy could not be reached",
     "check the network, HTTPS_PROXY and GOPROXY, then try again: what was downloaded is kept"),
    (r"403 Forbidden|404 Not Found|410 Gone", "the Go module proxy does not have a module",
     "set GOPROXY to a proxy that has it, or leave it unset for the public one"),
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Progress:
    """Tells how far a step is: redrawn on a terminal, a line now and then elsewhere."""

    title: str
    say: Say
    total: int = 0
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    told: float = 0.0

    def step(self) -> None:
        """Count one thing, and say so when the last word was long enough ago."""
        self.done += 1
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if now - max(self.told, self.started) < (0.2 if terminal else SECONDS_BETWEEN_LINES):
            return
        self.told = now
        line = self._line(f" of {self.total}" if self.total else "")
        if terminal:
            print(f"{line}\033[K", end="\r", file=sys.stderr, flush=True)
        else:
            self.say(line)

    def finish(self) -> None:
        """Say how many and how long it took."""
        self.say(self._line(f", {self.total - self.done} were cached" if self.done < self.total else ""))

    def _line(self, rest: str) -> str:
        return f"{self.title}: {self.done}{rest}, {time.monotonic() - self.started:.0f} s"


def compile_engine(
    *, name: str, module: Path, package: str, ldflags: str, toolchain: Toolchain, target: Path, say: Say
) -> None:
    """Build `package` as locked by `module` and put the binary at `target`, whole or not at all."""
    go = str(toolchain.go)
    log = target.with_name(f"{name}.log")
    partial = target.with_name(f"{name}.partial-{os.getpid()}")
    try:
        with log.open("w", encoding="utf-8") as written:
            fetched = Progress(title=f"{name}: modules fetched", say=say)
            listing = [go, "list", "-mod=readonly", "-deps", package]
            packages = 0
            with closing(_lines(listing, module, toolchain, log)) as lines:
                for line in lines:
                    written.write(f"{line}\n")
                    if line.startswith("go: downloading"):
                        fetched.step()
                    else:
                        packages += 1
            fetched.finish()
            compiled = Progress(title=f"{name}: packages compiled", say=say, total=packages)
            building = [go, "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath"]
            result = ["-ldflags", ldflags, "-o", str(partial), package]
            with closing(_lines([*building, *result], module, toolchain, log)) as lines:
                for line in lines:
                    written.write(f"{line}\n")
                    compiled.step()
            compiled.finish()
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _lines(command: list[str], module: Path, toolchain: Toolchain, log: Path) -> Generator[str, None, None]:
    """What the command prints, line by line; raises if it fails, stops it if we are stopped."""
    process = subprocess.Popen(
        command,
        cwd=module,
        env=dict(toolchain.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            yield said[-1]
        if process.wait() != 0:
            raise explained(said, command=command, log=log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
        process.stdout.close()


def explained(said: list[str], *, command: list[str], log: Path) -> EngineError:
    """Turn the output of a failed `go` into what happened, where, and what next."""
    # `go list` prints thousands of package names before the line that matters.
    telling = [line for line in said if " " in line and not line.startswith("go: downloading")][-8:]
    what, next_step = "`go` failed", f"the whole output is in `{log}`"
    for pattern, meaning, advice in FAILURES:
        if any(re.search(pattern, line, re.I) for line in telling):
            what, next_step = meaning, advice
            break
    where = " ".join(command[:2])
    return EngineError("\n    ".join([f"{what} (`{where}`, log: `{log}`):", *telling[-4:]]), hint=next_step)
