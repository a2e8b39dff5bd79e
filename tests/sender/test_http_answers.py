"""What HTTP servers answer, in their many ways, is understood or at least told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sender_world import a_target

from otel_replay.sender.http_client import HttpClient
from otel_replay.sender.outcome import Accepted, Busy, Outcome, Refused, Why

NOW = 1_700_000_000.0


@contextmanager
def answering(status: int, headers: dict[str, str], body: bytes) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Outcome:
    with answering(status, headers or {}, body) as port:
        return HttpClient(a_target("http", port), now=lambda: NOW).export("traces", b"")


JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
BUSY = "HTTP 503 Service Unavailable"
PARTIAL = b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "no"}}'


def later(seconds: float) -> dict[str, str]:
    return {"Retry-After": formatdate(NOW + seconds, usegmt=True)}


def refused(reason: str, why: Why) -> Refused:
    return Refused(reason=f"HTTP {reason}", why=why)


@pytest.mark.parametrize(
    ("status", "headers", "body", "outcome"),
    [
        (200, {}, b"", Accepted()),
        (202, {"Content-Type": "text/plain"}, b"thank you", Accepted()),
        (200, JSON, PARTIAL, Accepted(rejected=3, message="no")),
        (200, JSON, b"{}", Accepted()),
        (200, JSON, b"[not json", Accepted()),
        (
            200,
            {"Content-Type": "text/html; charset=utf-8"},
            b"<!DOCTYPE html>",
            Refused(reason="a web page answers there, and no OTLP receiver", why="not at all"),
        ),
        (503, {"Retry-After": "9"}, b"", Busy(reason=BUSY, after_seconds=9.0)),
        (503, later(12), b"", Busy(reason=BUSY, after_seconds=12.0)),
        (503, later(-12), b"", Busy(reason=BUSY, after_seconds=0.0)),
        (429, {"Retry-After": "soon"}, b"", Busy(reason="HTTP 429 Too Many Requests")),
        (502, {}, b"<html>bad\n gateway", Busy(reason="HTTP 502 Bad Gateway: <html>bad gateway")),
        (400, JSON, b'{"code": 3, "message": "odd"}', refused("400 Bad Request: odd", "bad data")),
        (
            401,
            {},
            b"\x1b[2Jtoken?",
            refused("401 Unauthorized: \N{REPLACEMENT CHARACTER}[2Jtoken?", "not at all"),
        ),
        (404, {}, b"", refused("404 Not Found", "no such signal")),
        (413, {}, b"", refused(f"413 {HTTPStatus(413).phrase}", "too large")),
        (500, PROTOBUF, b"\xff", refused("500 Internal Server Error", "not at all")),
        (301, {"Location": "https://a/"}, b"", refused("301 Moved Permanently to https://a/", "not at all")),
    ],
)
def test_an_answer_has_its_meaning(
    status: int, headers: dict[str, str], body: bytes, outcome: Outcome
) -> None:
    """After the OTLP specification; words of a server are cleaned before they reach a terminal."""
    assert answer(status, headers, body) == outcome


def test_a_connection_that_breaks_off_is_tried_again() -> None:
    """No answer is no refusal."""
    assert isinstance(answer(0), Busy)


def test_a_long_speech_is_cut() -> None:
    """An error page is not an error message."""
    got = answer(400, {}, b"x" * 10_000)
    assert isinstance(got, Refused)
    assert len(got.reason) < 400
