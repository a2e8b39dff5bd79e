"""An OTLP receiver for tests: a real gRPC or HTTP server on loopback that keeps what it gets, or fails."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_replay.formats.otlp_protobuf_read import read_logs_request, read_traces_request
from otel_replay.formats.spans import Log, Span
from otel_replay.sender.grpc_client import METHODS
from otel_replay.sender.target import PATHS, Signal

CERTIFICATE = Path(__file__).with_name("localhost.crt")
KEY = Path(__file__).with_name("localhost.key")

# What a test can ask for, in each protocol's own words: (HTTP status, gRPC code).
BUSY = (503, grpc.StatusCode.UNAVAILABLE)
THROTTLED = (429, grpc.StatusCode.RESOURCE_EXHAUSTED)
BAD_DATA = (400, grpc.StatusCode.INVALID_ARGUMENT)
FORBIDDEN = (403, grpc.StatusCode.PERMISSION_DENIED)
NO_SUCH = (404, grpc.StatusCode.UNIMPLEMENTED)


@dataclass(frozen=True)
class Fail:
    """A failure: the code, what is said, when to come again."""

    code: tuple[int, grpc.StatusCode]
    message: str = ""
    after_seconds: int | None = None
    keep: bool = False
    """Whether what came is kept all the same: the answer is lost on its way."""


@dataclass
class Received:
    """Everything that a receiver was sent. `decide` sees each request before it is answered."""

    spans: list[Span] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    requests: list[tuple[Signal, int]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    decide: Callable[[Signal, list[Any]], Fail | None] = lambda *_: None
    rejected: int = 0
    warning: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, signal: Signal, body: bytes, headers: dict[str, str]) -> tuple[Fail | None, bytes]:
        with self.lock:
            read: Any = read_traces_request if signal == "traces" else read_logs_request
            items = list(read(body))
            self.requests.append((signal, len(body)))
            self.headers.append(headers)
            fail = self.decide(signal, items)
            if fail is None or fail.keep:
                into: list[Any] = self.spans if signal == "traces" else self.logs
                into += items
            return fail, self._response(signal)

    def _response(self, signal: Signal) -> bytes:
        message: Any = ExportTraceServiceResponse() if signal == "traces" else ExportLogsServiceResponse()
        if self.rejected or self.warning:
            count = "rejected_spans" if signal == "traces" else "rejected_log_records"
            setattr(message.partial_success, count, self.rejected)
            message.partial_success.error_message = self.warning
        return bytes(message.SerializeToString())

    @property
    def ids(self) -> list[str]:
        return [span.span_id for span in self.spans]


class _Service(grpc.GenericRpcHandler):
    def __init__(self, received: Received) -> None:
        self._received = received

    def service(self, details: Any) -> Any:
        signal = next((signal for signal, method in METHODS.items() if method == details.method), None)
        if signal is None:
            return None
        return grpc.unary_unary_rpc_method_handler(lambda body, context: self._answer(signal, body, context))

    def _answer(self, signal: Signal, body: bytes, context: grpc.ServicerContext) -> bytes:
        fail, response = self._received.take(signal, body, dict(context.invocation_metadata()))
        if fail is not None:
            if fail.after_seconds is not None:
                packed = AnyMessage()
                packed.Pack(RetryInfo(retry_delay=Duration(seconds=fail.after_seconds)))
                status = Status(code=fail.code[1].value[0], message=fail.message, details=[packed])
                context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(fail.code[1], fail.message)
        return response


@contextmanager
def grpc_server(received: Received, *, tls: bool = False, port: int = 0) -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Service(received)])
    if tls:
        credentials = grpc.ssl_server_credentials([(KEY.read_bytes(), CERTIFICATE.read_bytes())])
        bound = server.add_secure_port(f"127.0.0.1:{port}", credentials)
    else:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield bound
    finally:
        server.stop(None).wait()


@contextmanager
def http_server(received: Received, *, tls: bool = False, port: int = 0) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            headers[":path"] = self.path
            signal = next(
                (signal for signal, path in PATHS.items() if self.path.partition("?")[0].endswith(path)), None
            )
            if signal is None:
                self.send_error(404)
                return
            fail, response = received.take(signal, body, headers)
            if fail is not None:
                response = Status(message=fail.message).SerializeToString()
            self.send_response(200 if fail is None else fail.code[0])
            if fail is not None and fail.after_seconds is not None:
                self.send_header("Retry-After", str(fail.after_seconds))
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, KEY)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


SERVERS = {"grpc": grpc_server, "http": http_server}
