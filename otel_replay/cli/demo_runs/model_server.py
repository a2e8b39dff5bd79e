"""A model that is a script: it speaks the OpenAI chat protocol on loopback and answers by rules.

It asks for tools as a model would, one step after another, from what the conversation says so far. The
first request is refused as too many, which is what agents have to live with.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["ModelServer"]

Message = dict[str, Any]


class ModelServer:
    """The server, from `with` to its end; `url` says where it is."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/chat/completions"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    busy = True


class _Conversation(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.busy:
            self.server.busy = False
            self._answer(429, {"error": {"message": "Rate limit reached, try again"}})
            return
        message = next_message(request["messages"])
        reason = "tool_calls" if "tool_calls" in message else "stop"
        self._answer(
            200,
            {
                "id": f"chatcmpl-{len(request['messages']):04d}",
                "object": "chat.completion",
                "model": request["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": reason}],
                "usage": {"prompt_tokens": tokens(request["messages"]), "completion_tokens": tokens(message)},
            },
        )

    def _answer(self, status: int, body: Message) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error."""


def next_message(messages: list[Message]) -> Message:
    """What the model says next: it looks for the worst cell, checks it and its neighbour, then answers."""
    results = [json.loads(message["content"]) for message in messages if message["role"] == "tool"]
    if not results:
        return ask_for(("worst_cell", {}))
    if len(results) == 1:
        rpm, kpa = results[0]["rpm"], results[0]["kpa"]
        return ask_for(
            ("correction", {"rpm": rpm, "kpa": kpa}), ("correction", {"rpm": rpm + 250, "kpa": kpa})
        )
    if len(results) == 3 and "error" in results[2]:
        return ask_for(("correction", {"rpm": results[1]["rpm"] + 500, "kpa": results[1]["kpa"]}))
    worst, beside = results[1], results[-1]
    return {
        "role": "assistant",
        "content": f"Look at {worst['rpm']} rpm, {worst['kpa']} kPa first: the table is off by "
        f"{worst['percent']}% there, and by {beside['percent']}% in the cell beside it.",
    }


def ask_for(*calls: tuple[str, Message]) -> Message:
    """A message that asks for tools."""
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": f"call_{name}_{number}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for number, (name, arguments) in enumerate(calls, 1)
        ],
    }


def tokens(content: Any) -> int:
    """About as many tokens as a real model would count."""
    return len(json.dumps(content)) // 4
