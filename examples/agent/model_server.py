"""A local server with the OpenAI chat-completions protocol: plain, streamed, with tools, busy at first.

It listens on loopback only. The answers come from `model.reply_to`; this file is the protocol around them.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from examples.agent.model import Reply, reply_to

__all__ = ["ModelServer", "completion", "stream_chunks", "tokens_in"]

MAX_BODY_BYTES = 1_000_000
CHARACTERS_PER_TOKEN = 4


class ModelServer:
    """The server as a context manager: it answers at `url` until the `with` block ends.

    The first `busy` requests are turned away with status 429, as a real service does under load.
    """

    def __init__(self, *, busy: int = 0, port: int = 0) -> None:
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.busy_left = busy
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def completion(request: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """The whole answer as one document."""
    choice = {"index": 0, "message": _message(reply), "finish_reason": reply.finish_reason}
    return {**_envelope(request, "chat.completion"), "choices": [choice], "usage": _usage(request, reply)}


def stream_chunks(request: dict[str, Any], reply: Reply) -> Iterator[dict[str, Any]]:
    """The answer in pieces: the words of a text, and tool calls with their arguments cut in two."""
    envelope = _envelope(request, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    yield chunk({"role": "assistant", "content": "" if reply.text else None})
    for word in re.findall(r"\s*\S+|\s+$", reply.text):
        yield chunk({"content": word})
    for index, call in enumerate(_message(reply).get("tool_calls", ())):
        arguments = call["function"]["arguments"]
        head = {**call, "function": {**call["function"], "arguments": arguments[:5]}}
        yield chunk({"tool_calls": [{"index": index, **head}]})
        yield chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments[5:]}}]})
    yield chunk({}, reply.finish_reason)
    if (request.get("stream_options") or {}).get("include_usage"):
        yield {**envelope, "choices": [], "usage": _usage(request, reply)}


def tokens_in(text: str) -> int:
    """A stand-in for a tokenizer: one token for every four characters begun."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _message(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in reply.calls
        ]
    return message


def _envelope(request: dict[str, Any], kind: str) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    return {"id": f"chatcmpl-{digest[:12]}", "object": kind, "created": 0, "model": request["model"]}


def _usage(request: dict[str, Any], reply: Reply) -> dict[str, int]:
    read = tokens_in(json.dumps(request["messages"]) + json.dumps(request.get("tools", [])))
    written = tokens_in(json.dumps(_message(reply)))
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    busy_left = 0
    lock = threading.Lock()

    def take_busy(self) -> bool:
        with self.lock:
            self.busy_left -= 1
            return self.busy_left >= 0


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        try:
            self._answer()
        except ConnectionError:
            pass  # The client has gone away; there is nobody left to tell.

    def log_message(self, format: str, *arguments: object) -> None:
        """The agent's own record says what was asked; a second log would only be noise."""

    def _answer(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            return self._refuse(413, f"a request holds at most {MAX_BODY_BYTES} bytes and says how many")
        body = self.rfile.read(int(length))
        if self.path != "/v1/chat/completions":
            return self._refuse(404, f"there is nothing at {self.path}")
        if self.server.take_busy():
            return self._refuse(429, "the model is busy, try again", {"Retry-After": "0"})
        try:
            request = json.loads(body)
            reply = reply_to(request["messages"], request.get("tools") or [])
            request["model"] = str(request["model"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return self._refuse(400, f"not a chat-completions request: {error!r}")
        if request.get("stream"):
            return self._stream(request, reply)
        return self._send(200, json.dumps(completion(request, reply)).encode(), "application/json")

    def _stream(self, request: dict[str, Any], reply: Reply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for chunk in stream_chunks(request, reply):
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")

    def _refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"error": {"message": message, "type": "server_error", "code": status}}).encode()
        self._send(status, body, "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
