"""`otel-replay send`, to a real server on loopback that speaks OTLP over HTTP."""

from __future__ import annotations

import gzip
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from cli.conftest import tuning_story

SEND = [sys.executable, "-m", "otel_replay", "send", "latest", "--to"]


class Endpoint(ThreadingHTTPServer):
    """Keeps what it is sent; rejects as many spans as `rejects` says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.names: list[str] = []
        self.headers: list[str | None] = []
        self.rejects = 0
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Requests(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.names += [span.name for span in scope.spans]
        self.server.headers.append(self.headers.get("x-team"))
        partial = ExportTracePartialSuccess(rejected_spans=self.server.rejects, error_message="quota")
        answer = ExportTraceServiceResponse(partial_success=partial if self.server.rejects else None)
        data = answer.SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint():
    """An OTLP endpoint that is there as long as the test."""
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_run_is_sent_once_and_counted(call, keep, tuning, endpoint):
    keep(tuning)
    result = call("send", "latest", "--to", endpoint.url)
    assert result.code == 0, result.err
    assert "3 spans to" in result.out
    assert sorted(endpoint.names) == ["run tuning", "task bin samples", "task clamp"]
    again = call("send", "latest", "--to", endpoint.url)
    assert "has it all: 3 spans" in again.out
    assert len(endpoint.names) == 3


def test_what_was_sent_can_be_sent_again_on_demand(call, keep, tuning, endpoint):
    keep(tuning)
    call("send", "latest", "--to", endpoint.url)
    assert call("send", "latest", "--to", endpoint.url, "--resend").code == 0
    assert len(endpoint.names) == 6


def test_several_runs_and_headers(call, keep, endpoint):
    keep(tuning_story("run-a"))
    keep(tuning_story("run-b"))
    result = call("send", "--all", "--to", endpoint.url, "--header", "x-team=engines")
    assert result.code == 0
    assert len(result.lines) == 2
    assert set(endpoint.headers) == {"engines"}


def test_what_the_endpoint_rejects_is_told_and_is_a_no(call, keep, tuning, endpoint):
    keep(tuning)
    endpoint.rejects = 2
    result = call("send", "latest", "--to", endpoint.url)
    assert result.code == 1
    assert "2 were rejected" in result.out
    assert "quota" in result.out


def test_a_run_that_cannot_be_read_does_not_keep_the_others_here(call, keep, endpoint):
    broken = keep(tuning_story("broken"))
    keep(tuning_story("whole"))
    (broken / "run.json").write_text("{")
    result = call("send", "--all", "--to", endpoint.url)
    assert result.code == 2
    assert "broken" in result.err
    assert "whole" in result.out


def test_no_endpoint_is_told(call, keep, tuning, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    keep(tuning)
    result = call("send", "latest")
    assert result.code == 2
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in result.err


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_port_at_which_nobody_listens_is_told_at_once_with_its_url(keep, tuning, store, protocol):
    keep(tuning)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    began = time.monotonic()
    done = subprocess.run(
        [*SEND, f"http://127.0.0.1:{port}", "--protocol", protocol, "--store", str(store.root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert time.monotonic() - began < 40  # about one second, on a machine with nothing else to do
    assert done.returncode == 2
    assert f"nothing listens at http://127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_who_is_tired_of_waiting_for_an_endpoint_may_interrupt(keep, tuning, store, protocol):
    keep(tuning)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        sending = subprocess.Popen(
            [*SEND, url, "--protocol", protocol, "--store", str(store.root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = server.accept()  # and nothing is ever said
        sending.send_signal(signal.SIGINT)
        out, err = sending.communicate(timeout=60)
        connection.close()
    assert (sending.returncode, out, err) == (130, "", "")


def test_an_endpoint_may_come_from_the_environment(call, keep, tuning, endpoint, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.url)
    keep(tuning)
    assert call("send", "latest").code == 0
    assert len(endpoint.names) == 3
