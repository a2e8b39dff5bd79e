"""The real Collector and the real Jaeger for tests: on free ports, in a folder of the test, killable.

    with jaeger(tmp_path / "jaeger") as store, collector(tmp_path / "collector", to=store) as gateway:
        ...  # send OTLP to gateway.grpc or gateway.http
        store.kill()
        store.restart()
        store.wait_for_spans(trace_id, 3)

The engines run with the configurations of `collector/` as they are. They are built when they are not there
yet (`make engines` does it beforehand), so these tests are never skipped.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# The folder `collector` belongs to the checkout and is in no installed package, so it is found by path.
from collector.engine import COLLECTOR, JAEGER, JAEGER_ON_DISK, Engine, EngineKind, PortTakenError, free_ports  # noqa: E402

JsonObject = dict[str, Any]

# Jaeger 2.13 knows the second spelling only, newer ones the first; what is not known is ignored.
RAW = {"rawTraces": "true", "raw_traces": "true"}
DEADLINE_S = 60.0


@cache
def built() -> tuple[Path, Path]:
    """The binaries of the Collector and of Jaeger, built first where they are not there yet."""
    command = [sys.executable, str(ROOT / "collector" / "build.py")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"the engines could not be built: `{' '.join(command)}` ended with {done.returncode}")
    collector_binary, jaeger_binary = done.stdout.splitlines()
    return Path(collector_binary), Path(jaeger_binary)


def wait_until(condition: Callable[[], bool], what: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Return as soon as the condition holds; fail, saying what was awaited, after the deadline."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {deadline_s:.0f} s in vain: {what}")
        time.sleep(0.02)  # between two looks; nothing is taken for granted after it


class _Running:
    """What both engines have in common."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def grpc(self) -> str:
        """`host:port` of OTLP over gRPC."""
        return self.engine.address("grpc")

    @property
    def http(self) -> str:
        """The base URL of OTLP over HTTP: `/v1/traces`, `/v1/logs`, `/v1/metrics` follow."""
        return f"http://{self.engine.address('http')}"

    @property
    def log(self) -> str:
        """What the engine has said so far, in all its lives."""
        return self.engine.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self.engine.kill()

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self.engine.stop()

    def restart(self) -> None:
        """Start again on the same ports and folder; returns when it is ready."""
        self.engine.restart()


class TraceReader:
    """What any Jaeger answers about traces; `url` is the base of its query API, and of its web page."""

    def __init__(self, url: str) -> None:
        self.url = url

    def read_trace(self, trace_id: str) -> JsonObject | None:
        """The trace as OTLP JSON (`{"resourceSpans": [...]}`), as received; None while it is unknown."""
        return self._get(f"/api/v3/traces/{trace_id}", RAW)

    def find_traces(self, service: str, *, since_s: float = 3600.0, limit: int = 1000) -> list[JsonObject]:
        """The traces of one service, one OTLP JSON document each, newest hour unless told otherwise."""
        now = time.time()
        times = {"Min": _timestamp(now - since_s), "Max": _timestamp(now + 60.0)}
        query: dict[str, str] = {}
        for newer, older, value in (
            ("serviceName", "service_name", service),
            ("startTimeMin", "start_time_min", times["Min"]),
            ("startTimeMax", "start_time_max", times["Max"]),
            ("searchDepth", "num_traces", str(limit)),
            ("rawTraces", "raw_traces", "true"),
        ):
            query |= {f"query.{newer}": value, f"query.{older}": value}
        found: dict[str, list[JsonObject]] = {}
        for resource in (self._get("/api/v3/traces", query) or {}).get("resourceSpans", []):
            found.setdefault(next(spans_of({"resourceSpans": [resource]}))["traceId"], []).append(resource)
        return [{"resourceSpans": resources} for resources in found.values()]

    def services(self) -> list[str]:
        """The names of the services that have sent anything."""
        with urllib.request.urlopen(f"{self.url}/api/v3/services", timeout=30) as answer:
            return list(json.load(answer).get("services", []))

    def wait_for_spans(self, trace_id: str, count: int) -> list[JsonObject]:
        """The spans of a trace, once it has at least so many different ones (a repeated one counts once)."""
        spans: dict[str, JsonObject] = {}

        def there() -> bool:
            spans.update({span["spanId"]: span for span in spans_of(self.read_trace(trace_id))})
            return len(spans) >= count

        wait_until(there, f"{count} spans of trace {trace_id} in Jaeger")
        return list(spans.values())

    def _get(self, path: str, query: Mapping[str, str]) -> JsonObject | None:
        try:
            url = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
            with urllib.request.urlopen(url, timeout=30) as answer:
                result: JsonObject = json.load(answer)["result"]
                return result
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise


class Jaeger(_Running, TraceReader):
    """A running Jaeger."""

    def __init__(self, engine: Engine) -> None:
        _Running.__init__(self, engine)
        TraceReader.__init__(self, f"http://{engine.address('query')}")


class Collector(_Running):
    """A running Collector, and its archive."""

    @property
    def archive(self) -> Path:
        """The file in which every trace request is a line of OTLP JSON; `logs.jsonl` is beside it."""
        return self.engine.folder / "archive" / "traces.jsonl"

    def archived(self, name: str = "traces.jsonl") -> list[JsonObject]:
        """The whole lines of one archive file, decoded; a line that has no end yet is left out."""
        path = self.archive.with_name(name)
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]

    def archived_spans(self, trace_id: str | None = None) -> list[JsonObject]:
        """The spans in the archive, of one trace or of all."""
        spans = [span for line in self.archived() for span in spans_of(line)]
        return [span for span in spans if trace_id in (None, span["traceId"])]


def send_over_grpc(address: str, request: ExportTraceServiceRequest) -> None:
    """One OTLP request to any server; returns when it is acknowledged in full."""
    with grpc.insecure_channel(address) as channel:
        stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # generated code
        answer = stub.Export(request, timeout=DEADLINE_S)
    assert answer.partial_success.rejected_spans == 0, answer.partial_success.error_message


def send_over_http(base_url: str, request: Any, *, signal: str = "traces") -> None:
    """One OTLP request, as protobuf, to `/v1/traces` (or another signal); returns when it is acknowledged."""
    call = urllib.request.Request(
        f"{base_url}/v1/{signal}",
        data=request.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(call, timeout=DEADLINE_S) as answer:
        assert answer.status == 200


def spans_of(document: JsonObject | None) -> Iterator[JsonObject]:
    """The spans of an OTLP JSON document, in its order."""
    for resource in (document or {}).get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            yield from scope.get("spans", [])


@contextmanager
def jaeger(
    folder: Path, *, on_disk: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[Jaeger]:
    """A Jaeger that keeps traces in memory (exactly as they came) or on disk (nested values become text)."""
    kind = JAEGER_ON_DISK if on_disk else JAEGER
    with _running(kind, built()[1], folder, settings or {}) as engine:
        yield Jaeger(engine)


@contextmanager
def collector(
    folder: Path, *, to: Jaeger | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Collector]:
    """A Collector that archives what it gets, and hands traces on to a Jaeger or to a port without one."""
    target = to.grpc if to is not None else f"127.0.0.1:{free_ports(1)[0]}"
    wanted = {"OTEL_REPLAY_JAEGER_GRPC": target, **(settings or {})}
    with _running(COLLECTOR, built()[0], folder, wanted) as engine:
        yield Collector(engine)


@contextmanager
def _running(kind: EngineKind, binary: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[Engine]:
    """An engine on free ports; tried again where somebody else took one of them in between."""
    for attempt in range(3):
        ports = dict(zip((port.role for port in kind.ports), free_ports(len(kind.ports)), strict=True))
        engine = Engine(kind, binary=binary, folder=folder, ports=ports, settings=settings)
        try:
            engine.start()
            break
        except PortTakenError:
            if attempt == 2:
                raise
    try:
        yield engine
    finally:
        if engine.is_running():
            engine.stop()


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@pytest.fixture(scope="session")
def real_jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    """One Jaeger for the session, in memory; tests keep apart by their trace ids."""
    with jaeger(tmp_path_factory.mktemp("jaeger")) as running:
        yield running


@pytest.fixture(scope="session")
def real_collector(real_jaeger: Jaeger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One Collector for the session, which hands on to `real_jaeger`."""
    with collector(tmp_path_factory.mktemp("collector"), to=real_jaeger) as running:
        yield running
