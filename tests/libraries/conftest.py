"""Libraries hooked for one test, and a real HTTP server that they ask."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from store_kit import Recorded, Store

import otel_replay
from otel_replay.hooks import audit, guard, imported, wrapping
from otel_replay.libraries import installing

Recording = Callable[[Callable[[], object]], Recorded]


@pytest.fixture
def hooked() -> Iterator[Callable[..., None]]:
    """Hooks into libraries; at the end all is as before, variables of instrumentors too."""
    environment = dict(os.environ)
    yield installing.install
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    imported.stop_watching()
    wrapping.put_back()
    audit.stop_listening()
    installing._watched.clear()
    installing._states.clear()
    failures = dict(guard.FAILURES)
    guard.FAILURES.clear()
    assert not failures, failures


@pytest.fixture
def recorded(store: Store, fresh_opentelemetry: None, hooked: Callable[..., None]) -> Recording:
    """What a function does with libraries is recorded, and read back."""

    def record(function: Callable[[], object]) -> Recorded:
        hooked()
        with otel_replay.start_run("libraries"):
            function()
        return store.run()

    return record


@pytest.fixture
def python_run(tmp_path: Path, store: Store) -> Callable[[str], None]:
    """Runs a program as `otel-replay run` does, in the current folder; it must succeed, and say nothing."""

    def run(program: str) -> None:
        path = tmp_path / "program.py"
        path.write_text(program)
        done = subprocess.run(
            [sys.executable, "-m", "otel_replay", "run", "--", sys.executable, str(path)],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (done.returncode, done.stderr) == (0, "")

    return run


@pytest.fixture
def unmodified(tmp_path: Path, store: Store) -> Callable[[str], Recorded]:
    """A program, run plain and under `otel-replay run`: output and exit code are the same; gives its run."""

    def record(program: str) -> Recorded:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(program))
        plain = [sys.executable, str(script)]
        under = [sys.executable, "-m", "otel_replay", "run", "--"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        both = [subprocess.Popen(command, cwd=tmp_path, **pipes) for command in (plain, [*under, *plain])]
        expected, found = [(one.communicate(timeout=300), one.returncode) for one in both]
        assert found == expected
        assert expected[1] == 0, expected
        return store.run()

    return record


class Server:
    """A real HTTP server.

    Attributes
    ----------
    url:
        Where it is: `http://127.0.0.1:PORT`.
    go_on:
        What `/stream` waits for between its two chunks, and `/never` before its answer.
    headers:
        The headers of each request.
    """

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.headers: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._answers())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop it."""
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _answers(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                place = self.path.partition("?")[0]
                if place == "/stream":
                    self._stream()
                elif place == "/again":
                    self._answer(302, b"", Location="/ok")
                elif place.startswith("/status/"):
                    self._answer(int(place.rpartition("/")[2]), b"no")
                else:
                    if place == "/never":
                        server.go_on.wait(30)
                    self._answer(200, b"yes")

            do_POST = do_GET

            def _answer(self, status: int, body: bytes, **headers: str) -> None:
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked has left

            def _stream(self) -> None:
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"5\r\nfirst\r\n")
                self.wfile.flush()
                # A recorder that kept the first chunk back until there is a second would wait here for ever.
                answer = (
                    b"6\r\nsecond\r\n0\r\n\r\n" if server.go_on.wait(30) else b"7\r\ntimeout\r\n0\r\n\r\n"
                )
                self.wfile.write(answer)

        return Answers


@pytest.fixture
def server() -> Iterator[Server]:
    """A real HTTP server of the test's own."""
    made = Server()
    yield made
    made.close()
