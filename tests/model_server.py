"""A model that is a script, on a real socket of loopback: real SDKs talk to it, and nothing goes out.

It speaks OpenAI's chat completions, Responses and embeddings, Anthropic's messages and Gemini's
generateContent, each whole and as a stream. What it says is a list of answers, one for each request, or a
function of the request, which programs with several conversations at once need.
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import model_protocols as protocols
import pytest
from model_protocols import Answer, Request

__all__ = ["Answer", "ModelServer", "Request", "asks", "fails", "model_server", "says"]

Script = Callable[[Request], Answer]


def says(text: str, **more: Any) -> Answer:
    """An answer in words; `more` are fields of :class:`Answer`."""
    return Answer(text=text, **more)


def asks(*calls: tuple[str, Mapping[str, Any]], **more: Any) -> Answer:
    """An answer that asks for tools: each a name and arguments. Several are parallel tool calls."""
    return Answer(calls=calls, **more)


def fails(status: int, *, message: str = "", retry_after: float | None = None) -> Answer:
    """A refusal: 400, 401, 404, 429, 500, or 529 (overloaded)."""
    return Answer(status=status, text=message, retry_after=retry_after)


@dataclass
class ModelServer:
    """The server, from `with` to its end.

    Attributes
    ----------
    script:
        A function that gives the answer to a request, or the answers in their order. A list that has run
        dry answers 500 and says so.
    requests:
        What was asked, in the order of arrival.
    """

    script: Script | Iterable[Answer]

    def __post_init__(self) -> None:
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._answers: Iterator[Answer] = iter(() if callable(self.script) else self.script)
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.model = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which SDKs in another process find this server, with keys that are none."""
        return {
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "OPENAI_API_KEY": "sk-test-0000000000000000",
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": "sk-ant-test-0000000000",
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "GEMINI_API_KEY": "test-0000000000",
            "NO_PROXY": "127.0.0.1",
        }

    def answer_to(self, request: Request) -> tuple[int, Answer]:
        """The number of `request` and the script's answer to it."""
        with self._lock:
            self.requests.append(request)
            number = next(self._numbers)
            if not callable(self.script):
                return number, next(self._answers, fails(500, message="the script has no more answers"))
        return number, self.script(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    model: ModelServer


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        url = urlsplit(self.path)
        protocol = protocols.of(url.path)
        if protocol is None:
            self._send(404, {"error": {"message": f"{url.path} is spoken by no protocol here"}})
            return
        streams = bool(body.get("stream")) or url.path.endswith(":streamGenerateContent")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(protocol.name, url.path, headers, body, streams)
        number, answer = self.server.model.answer_to(request)
        if answer.status != 200:
            self._refuse(protocol, answer)
        elif streams:
            self._stream(protocol.stream(request, answer, number), answer)
        else:
            if answer.before_chunk is not None:
                answer.before_chunk(0)
            if answer.breaks_after is not None:
                self._hang_up()
                return
            self._send(200, protocol.whole(request, answer, number))

    def _refuse(self, protocol: protocols.Protocol, answer: Answer) -> None:
        more = {} if answer.retry_after is None else {"Retry-After": f"{answer.retry_after:g}"}
        self._send(answer.status, protocol.refusal(answer), more)

    def _send(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, chunks: Iterable[str], answer: Answer) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for number, text in enumerate(chunks):
                if number == answer.breaks_after:
                    self._hang_up()
                    return
                if answer.before_chunk is not None:
                    answer.before_chunk(number)
                data = text.encode()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client has left: what a program that stops reading does

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error."""


@pytest.fixture
def model_server() -> Iterator[Callable[..., ModelServer]]:
    """Starts servers by their scripts, and ends them with the test."""
    running: list[ModelServer] = []

    def start(script: Script | Iterable[Answer]) -> ModelServer:
        running.append(ModelServer(script).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__()
