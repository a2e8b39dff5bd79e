"""One engine as a process on this machine: where it listens, how it is started, and when it is ready."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.errors import EngineError

HERE = Path(__file__).resolve().parent
LOOPBACK = "127.0.0.1"


class PortTakenError(EngineError):
    """Another process listens where the engine was to listen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One place where an engine listens: its role, the variable of the configuration, the usual number."""

    role: str
    variable: str
    usual: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineKind:
    """What there is to know about an engine before it runs."""

    name: str
    title: str
    configs: tuple[Path, ...]
    ports: tuple[Port, ...]
    health_path: str
    # Variables of the configuration that name folders, and the folder under the engine's own that each gets.
    folders: Mapping[str, str]
    settings: Mapping[str, str]


COLLECTOR = EngineKind(
    name="otelcol",
    title="OpenTelemetry Collector",
    configs=(HERE / "config.yaml",),
    ports=(
        Port(role="grpc", variable="OTEL_REPLAY_COLLECTOR_GRPC", usual=4317),
        Port(role="http", variable="OTEL_REPLAY_COLLECTOR_HTTP", usual=4318),
        Port(role="health", variable="OTEL_REPLAY_COLLECTOR_HEALTH", usual=13133),
    ),
    health_path="/",
    folders={"OTEL_REPLAY_COLLECTOR_QUEUE_DIR": "queue", "OTEL_REPLAY_COLLECTOR_ARCHIVE_DIR": "archive"},
    settings={},
)
JAEGER = EngineKind(
    name="jaeger",
    title="Jaeger",
    configs=(HERE / "jaeger.yaml",),
    ports=(
        Port(role="grpc", variable="OTEL_REPLAY_JAEGER_GRPC", usual=14317),
        Port(role="http", variable="OTEL_REPLAY_JAEGER_HTTP", usual=14318),
        Port(role="query", variable="OTEL_REPLAY_JAEGER_QUERY_HTTP", usual=16686),
        Port(role="query_grpc", variable="OTEL_REPLAY_JAEGER_QUERY_GRPC", usual=16685),
        Port(role="health", variable="OTEL_REPLAY_JAEGER_HEALTH", usual=13134),
    ),
    health_path="/status",
    folders={"OTEL_REPLAY_JAEGER_DATA_DIR": "jaeger"},
    settings={"OTEL_REPLAY_JAEGER_UI": str(HERE / "jaeger-ui.json")},
)
JAEGER_ON_DISK = EngineKind(
    name=JAEGER.name,
    title=f"{JAEGER.title}, on disk",
    configs=(*JAEGER.configs, HERE / "jaeger-badger.yaml"),
    ports=JAEGER.ports,
    health_path=JAEGER.health_path,
    folders=JAEGER.folders,
    settings=JAEGER.settings,
)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """So many loopback ports that nobody listens on, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Engine:
    """One engine, running or not, that keeps its ports and its folder from one start to the next."""

    def __init__(
        self,
        kind: EngineKind,
        *,
        binary: Path,
        folder: Path,
        ports: Mapping[str, int],
        settings: Mapping[str, str] | None = None,
        detached: bool = False,
    ) -> None:
        self.kind = kind
        self.binary = binary
        self.folder = folder
        self.ports = dict(ports)
        self.settings = dict(settings or {})
        self.log = folder / f"{kind.name}.log"
        self._detached = detached
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; an error while it is not started."""
        return self._started().pid

    def address(self, role: str) -> str:
        """`host:port` of one of the places where it listens."""
        return f"{LOOPBACK}:{self.ports[role]}"

    def start(self, *, deadline_s: float = 60.0) -> None:
        """Start the process, and return when its health endpoint says that it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        end_torn_lines(self.folder / "archive")
        command = [str(self.binary)]
        for config in self.kind.configs:
            command += ["--config", str(config)]
        with self.log.open("ab") as log:
            written_before = log.tell()
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=self._detached,
            )
        self._wait_until_ready(time.monotonic() + deadline_s, written_before)

    def stop(self, *, deadline_s: float = 30.0) -> None:
        """Ask it to end, and wait until it has; after the deadline it is killed."""
        process = self._started()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would, and wait until it is gone."""
        process = self._started()
        process.kill()
        process.wait()

    def restart(self) -> None:
        """Start it again after `stop` or `kill`, on the same ports and folder."""
        if self.is_running():
            self.stop()
        self.start()

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise EngineError(f"{self.kind.title} is not started", hint="call start() first")
        return self._process

    def _environment(self) -> dict[str, str]:
        ports = {port.variable: self.address(port.role) for port in self.kind.ports}
        folders = {variable: str(self.folder / name) for variable, name in self.kind.folders.items()}
        return {**os.environ, **self.kind.settings, **folders, **ports, **self.settings}

    def _wait_until_ready(self, deadline: float, written_before: int) -> None:
        process = self._started()
        url = f"http://{self.address('health')}{self.kind.health_path}"
        # Alive as well as healthy: on a port that is not ours, a stranger may answer for us.
        while not (is_healthy(url) and self.is_running()):
            try:
                code = process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
                self.kill()
                late = f"{self.kind.title} is not ready in time"
                raise EngineError(late, hint=self._told(written_before)) from None
            said = self.log.read_bytes()[written_before:]
            if b"address already in use" in said:
                raise PortTakenError(f"{self.kind.title} found a port taken", hint=self._told(written_before))
            raise EngineError(
                f"{self.kind.title} ended with {code} at start", hint=self._told(written_before)
            )

    def _told(self, start: int) -> str:
        return f"the end of its log `{self.log}` says\n{tail(self.log, start=start)}"


def end_torn_lines(archive: Path) -> None:
    """End a line that a kill has left without its end: the next one would be joined to it, and be lost."""
    for path in archive.glob("*.jsonl"):
        with path.open("rb+") as file:
            if file.seek(0, os.SEEK_END) == 0:
                continue
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def is_healthy(url: str) -> bool:
    """Whether a health endpoint answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def tail(log: Path, *, lines: int = 12, start: int = 0) -> str:
    """The last lines of a log, indented, each cut to a readable length."""
    try:
        text = log.read_bytes()[start:].decode("utf-8", "replace")
    except OSError as error:
        return f"    (no log: {error.strerror})"
    return "\n".join(f"    {line[:240]}" for line in text.splitlines()[-lines:])
