"""Models on loopback that ask for one tool and then answer, in OpenAI's and Anthropic's words; tiny."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]

_NUMBERS = itertools.count(1)

ANSWER = "1430 km."
ARGUMENTS = '{"to": "Rome"}'
USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 12,
    "total_tokens": 52,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
"""OpenAI counts what was cached as a part of the prompt."""
ANTHROPIC_USAGE = {
    "input_tokens": 30,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 20,
    "output_tokens": 12,
}
"""Anthropic counts it beside the input: 150 in all."""


class FakeModels:
    """The server, from `with` to its end."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeModels:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def chat(body: Body) -> tuple[Body, list[Body]]:
    """OpenAI's chat: the whole answer, and the chunks of it."""
    done = any(message["role"] == "tool" for message in body["messages"])
    call = {"id": "call_1", "type": "function", "function": {"name": "distance", "arguments": ARGUMENTS}}
    message: Body = {"role": "assistant", "content": ANSWER if done else None}
    if not done:
        message["tool_calls"] = [call]
    head = {"id": f"chatcmpl-{next(_NUMBERS)}", "created": 1, "model": body["model"] + "-2026"}
    reason = "stop" if done else "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    whole = {**head, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    deltas: list[Body] = (
        [{"role": "assistant", "content": ANSWER[:4]}, {"content": ANSWER[4:]}]
        if done
        else [{"role": "assistant", "tool_calls": [{"index": 0, **call}]}]
    )
    chunks = [
        {**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
        for delta in deltas
    ]
    chunks.append({**chunks[0], "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    chunks.append({**chunks[0], "choices": [], "usage": USAGE})
    return whole, chunks


def responses(body: Body) -> tuple[Body, list[Body]]:
    """OpenAI's responses."""
    items = body["input"] if isinstance(body["input"], list) else []
    done = any(item.get("type") == "function_call_output" for item in items)
    text = {"type": "output_text", "text": ANSWER, "annotations": []}
    said: Body = {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "distance",
        "arguments": ARGUMENTS,
        "status": "completed",
    }
    usage = {
        "input_tokens": 40,
        "output_tokens": 12,
        "total_tokens": 52,
        "input_tokens_details": {"cached_tokens": 16},
        "output_tokens_details": {"reasoning_tokens": 5},
    }
    return {
        "id": f"resp_{next(_NUMBERS)}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": body["model"] + "-2026",
        "output": [said if done else call],
        "usage": usage,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }, []


def messages(body: Body) -> tuple[Body, list[Body]]:
    """Anthropic's messages."""
    done = any(
        isinstance(message["content"], list)
        and any(block.get("type") == "tool_result" for block in message["content"])
        for message in body["messages"]
    )
    text = {"type": "text", "text": ANSWER if done else "I look it up."}
    use: Body = {"type": "tool_use", "id": "toolu_1", "name": "distance", "input": {"to": "Rome"}}
    reason = "end_turn" if done else "tool_use"
    whole = {
        "id": f"msg_{next(_NUMBERS)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [text] if done else [text, use],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }
    start = {**whole, "content": [], "stop_reason": None, "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}}
    events: list[Body] = [{"type": "message_start", "message": start}]
    for at, block in enumerate(whole["content"]):
        is_text = block["type"] == "text"
        empty = {**block, "text": ""} if is_text else {**block, "input": {}}
        delta = (
            {"type": "text_delta", "text": block["text"]}
            if is_text
            else {"type": "input_json_delta", "partial_json": ARGUMENTS}
        )
        events += [
            {"type": "content_block_start", "index": at, "content_block": empty},
            {"type": "content_block_delta", "index": at, "delta": delta},
            {"type": "content_block_stop", "index": at},
        ]
    last = {"stop_reason": reason, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": last, "usage": {"output_tokens": 12}})
    events.append({"type": "message_stop"})
    return whole, events


def embeddings(body: Body) -> tuple[Body, list[Body]]:
    """OpenAI's embeddings."""
    item = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    return {"object": "list", "data": [item], "model": body["model"], "usage": usage}, []


ROUTES: dict[str, Callable[[Body], tuple[Body, list[Body]]]] = {
    "/v1/chat/completions": chat,
    "/v1/responses": responses,
    "/v1/messages": messages,
    "/v1/embeddings": embeddings,
}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0]
        if body.get("model") == "missing-1":
            self._send(404, "application/json", json.dumps({"error": {"message": "no such model"}}))
            return
        whole, chunks = ROUTES[path](body)
        if not body.get("stream"):
            self._send(200, "application/json", json.dumps(whole))
            return
        lines = []
        for chunk in chunks:
            named = f"event: {chunk['type']}\n" if "type" in chunk else ""
            lines.append(f"{named}data: {json.dumps(chunk)}\n\n")
        if path == "/v1/chat/completions":
            lines.append("data: [DONE]\n\n")
        self._send(200, "text/event-stream", "".join(lines))

    def _send(self, status: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error."""
