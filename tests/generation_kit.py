"""A generation server on a real socket: in a thread of the test, or as the process that a user starts."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The JSON document, which it says that it is."""
        assert self.headers["content-type"] == "application/json", self.headers
        return json.loads(self.body)

    @property
    def png(self) -> bytes:
        """The bytes of the PNG, which it says that it is."""
        assert self.status == 200, self.body
        assert self.headers["content-type"] == "image/png", self.body[:200]
        assert self.body.startswith(b"\x89PNG\r\n\x1a\n")
        return self.body


class Client:
    """Asks a server on loopback, over a connection for each request; paths are sent as they are given."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.ask("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    def post(self, path: str, body: bytes | None = None) -> Answer:
        """POST."""
        return self.ask("POST", path, body)

    def generate(self, query: str = "", **fields: Any) -> Answer:
        """Ask for an image; small ones, so that tests are quick."""
        asked = {"prompt": "a ladybug", "target_sector": "BR", "size": "32x32", **fields}
        body = json.dumps(asked).encode()
        return self.ask("POST", f"/generate{query}", body, {"Content-Type": "application/json"})

    def started(self, session_id: str, *prompts: str, **fields: Any) -> str:
        """Record a session of these prompts, seeds counting from 0; it goes on."""
        assert self.post(f"/session/start?session_id={session_id}").status == 200
        for seed, prompt in enumerate(prompts):
            answer = self.generate(f"?session_id={session_id}", prompt=prompt, **{"seed": seed, **fields})
            assert answer.status == 200, answer.body
        return session_id

    def recorded(self, session_id: str, *prompts: str, **fields: Any) -> str:
        """As :meth:`started`; then it is stopped."""
        self.started(session_id, *prompts, **fields)
        assert self.post(f"/session/stop?session_id={session_id}").status == 200
        return session_id


class _AwaitedServer(uvicorn.Server):
    """Ends when it is told to; uvicorn's own looks ten times a second."""

    async def main_loop(self) -> None:
        self.loop, self.told = asyncio.get_running_loop(), asyncio.Event()
        self.is_up.set()
        await self.told.wait()

    is_up: threading.Event


class ThreadServer(Client):
    """A server in a thread of this process. The application's parts can be given by keyword."""

    def __init__(self, folder: Path, **parts: Any) -> None:
        from otel_replay.compat.generation_sessions import application
        from otel_replay.generations.drawn import DrawnImages
        from otel_replay.web.serving import bind

        self.sessions = folder / "sessions"
        made = {"generator": DrawnImages(), "sessions": self.sessions, "store": folder / "store", **parts}
        self._listening = bind("127.0.0.1", 0, token=None)
        super().__init__(self._listening.getsockname()[1])
        config = uvicorn.Config(
            application(**made), log_level="critical", access_log=False, lifespan="on", ws="none"
        )
        self._server = _AwaitedServer(config)
        self._server.is_up = threading.Event()
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listening]}, daemon=True
        )

    def __enter__(self) -> ThreadServer:
        self._thread.start()
        assert self._server.is_up.wait(_PATIENCE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.loop.call_soon_threadsafe(self._server.told.set)
        self._thread.join(_PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        self._listening.close()


class ProcessServer(Client):
    """`otel-replay serve --generations` as a user starts it, in `folder`."""

    def __init__(self, folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "otel_replay", "serve", "--generations", "--port", "0", *arguments]
        self.folder = folder
        self.process = subprocess.Popen(
            command, cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environ or {})}
        )
        self.said = self._first_line()
        super().__init__(int(self.said.partition("http://127.0.0.1:")[2].partition(",")[0]))

    def _first_line(self) -> str:
        assert self.process.stderr is not None
        ready, _, _ = select.select([self.process.stderr], [], [], _PATIENCE_SECONDS)
        line = self.process.stderr.readline() if ready else ""
        if "http://" not in line:
            self.process.kill()
            pytest.fail(f"the server did not start: {line}{self.process.stderr.read()}")
        return line

    def end(self, how: int = signal.SIGTERM) -> int:
        """End the process by a signal; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(_PATIENCE_SECONDS)
        finally:
            if self.process.stderr is not None:
                self.process.stderr.close()


@pytest.fixture
def generation_server(tmp_path: Path) -> Iterator[ThreadServer]:
    """A server with the built-in generator; its sessions and its store are in the test's folder."""
    with ThreadServer(tmp_path) as server:
        yield server


@pytest.fixture
def serve_generations(tmp_path: Path) -> Iterator[Callable[..., ProcessServer]]:
    """Starts the server as a process of its own, in the test's folder; ended at the end of the test."""
    started: list[ProcessServer] = []

    def start(*arguments: str, **environ: str) -> ProcessServer:
        started.append(ProcessServer(tmp_path, *arguments, environ=environ))
        return started[-1]

    yield start
    for server in started:
        server.end(signal.SIGKILL)
