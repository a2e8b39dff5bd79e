"""Talking to a model over the OpenAI chat-completions protocol, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Answer", "Client", "HttpClient", "ModelError", "RateLimited", "Say", "assemble", "from_document"]

Say = Callable[[str], None]


class ModelError(Exception):
    """The model could not be asked, or its answer could not be understood."""


class RateLimited(ModelError):
    """The model is busy; it may be asked again after `wait_s` seconds."""

    def __init__(self, message: str, *, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(slots=True, kw_only=True)
class ToolRequest:
    """A tool that the model wants called, with its arguments as the text that the model wrote."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True, kw_only=True)
class Answer:
    """One answer of the model, the same whether it came whole or in pieces."""

    id: str = ""
    model: str = ""
    text: str = ""
    tool_requests: list[ToolRequest] = field(default_factory=list)
    finish_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def message(self) -> dict[str, Any]:
        """The answer as it goes back to the model with the next question."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.tool_requests:
            message["tool_calls"] = [
                {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
                for one in self.tool_requests
            ]
        return message


class Client(Protocol):
    """Whoever can ask a model: `request` is the body of a chat-completions request."""

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """The whole answer at once."""
        ...

    def stream(self, request: Mapping[str, Any], say: Say) -> Answer:
        """The same; the text goes to `say` piece by piece as it comes in."""
        ...


class HttpClient:
    """A client on urllib."""

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float = 60) -> None:
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._timeout_s = timeout_s

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """The whole answer at once."""
        return from_document(_decode(b"".join(self._post(request))))

    def stream(self, request: Mapping[str, Any], say: Say) -> Answer:
        """The same; the text goes to `say` piece by piece as it comes in."""
        body = {**request, "stream": True, "stream_options": {"include_usage": True}}
        return assemble(_server_sent(self._post(body)), say)

    def _post(self, body: Mapping[str, Any]) -> Iterator[bytes]:
        try:
            request = urllib.request.Request(self._url, json.dumps(body).encode(), self._headers)
            with urllib.request.urlopen(request, timeout=self._timeout_s) as response:
                yield from response
        except urllib.error.HTTPError as error:
            with error:
                message = f"{self._url} answered {error.code}: {error.read(500).decode(errors='replace')}"
                if error.code == 429:
                    raise RateLimited(message, wait_s=_seconds(error.headers.get("Retry-After"))) from None
            raise ModelError(message) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ModelError(f"cannot reach the model at {self._url}: {error}") from error


def from_document(document: Mapping[str, Any]) -> Answer:
    """An answer from the document of a request that was not streamed."""
    try:
        choice, usage = document["choices"][0], document.get("usage") or {}
        requests = [
            ToolRequest(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
            for call in choice["message"].get("tool_calls") or ()
        ]
        return Answer(
            id=document["id"],
            model=document["model"],
            text=choice["message"].get("content") or "",
            tool_requests=requests,
            finish_reason=choice["finish_reason"],
            input_tokens=usage.get("prompt_tokens", 0),
            output_tokens=usage.get("completion_tokens", 0),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise ModelError(f"the model's answer is not a chat completion: {error!r}") from error


def assemble(chunks: Iterable[Mapping[str, Any]], say: Say) -> Answer:
    """An answer from the pieces of a stream."""
    answer = Answer()
    try:
        for chunk in chunks:
            answer.id, answer.model = chunk["id"], chunk["model"]
            if usage := chunk.get("usage"):
                answer.input_tokens, answer.output_tokens = usage["prompt_tokens"], usage["completion_tokens"]
            for choice in chunk["choices"]:
                _add_piece(answer, choice, say)
    except (LookupError, TypeError, AttributeError) as error:
        raise ModelError(f"the model's stream is not made of completion chunks: {error!r}") from error
    if not answer.finish_reason:
        raise ModelError("the model's stream ended before its answer did")
    return answer


def _add_piece(answer: Answer, choice: Mapping[str, Any], say: Say) -> None:
    delta = choice["delta"]
    if text := delta.get("content"):
        answer.text += text
        say(text)
    for piece in delta.get("tool_calls") or ():
        while len(answer.tool_requests) <= piece["index"]:
            answer.tool_requests.append(ToolRequest())
        request, function = answer.tool_requests[piece["index"]], piece.get("function") or {}
        request.id += piece.get("id") or ""
        request.name += function.get("name") or ""
        request.arguments += function.get("arguments") or ""
    answer.finish_reason = choice.get("finish_reason") or answer.finish_reason


def _server_sent(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        field_name, _, value = line.strip().partition(b":")
        if field_name == b"data" and value.strip() != b"[DONE]":
            yield _decode(value)


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ModelError(f"the model's answer is not JSON: {error}") from error
    if not isinstance(document, Mapping):
        raise ModelError("the model's answer is not a JSON object")
    return document


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text or 1))
    except ValueError:
        return 1.0
