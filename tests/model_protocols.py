"""What models say on the wire: one answer in the words of each protocol, whole and as server-sent events."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "Protocol", "Request", "Usage", "of"]

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens: those that came from a cache are a part of `input`, those of reasoning a part of `output`."""

    input: int = 11
    output: int = 7
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model says to one request.

    Attributes
    ----------
    text, calls:
        Words, and tools to call, each a name and arguments.
    usage:
        What it costs.
    finish:
        The reason why it stopped, in the protocol's own word; by default what fits.
    status, retry_after:
        Another status than 200 is a refusal, and `text` says why; seconds for the header of that name.
    breaks_after:
        The connection is dropped after so many chunks of a stream; of a whole answer nothing comes.
    before_chunk:
        Called with the number of each chunk before it is sent: a test that waits in here paces the stream.
    """

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    usage: Usage = Usage()
    finish: str | None = None
    status: int = 200
    retry_after: float | None = None
    breaks_after: int | None = None
    before_chunk: Callable[[int], object] | None = None

    @property
    def pieces(self) -> list[str]:
        """The words as a stream brings them."""
        words = self.text.split(" ")
        return [word + " " for word in words[:-1]] + [word for word in words[-1:] if word]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: `protocol` is `chat`, `responses`, `embeddings`, `messages` or `gemini`."""

    protocol: str
    path: str
    headers: Mapping[str, str]
    body: Body
    streams: bool

    @property
    def conversation(self) -> Sequence[Body]:
        """The messages, in the protocol's own shape."""
        for key in ("messages", "input", "contents"):
            if key in self.body:
                held = self.body[key]
                return [{"role": "user", "content": held}] if isinstance(held, str) else held
        return ()

    def says(self, text: str) -> bool:
        """Whether `text` stands anywhere in what was asked: model, instructions, messages, results."""
        return text in json.dumps(self.body, ensure_ascii=False)

    @property
    def results(self) -> int:
        """How many results of tools stand in the conversation."""
        marks = ('"role": "tool"', '"type": "function_call_output"', '"type": "tool_result"')
        text = json.dumps(self.conversation)
        return sum(text.count(mark) for mark in (*marks, '"functionResponse"', '"function_response"'))


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol: answers whole, as the events of a stream, and refusals."""

    name: str
    whole: Callable[[Request, Answer, int], Body]
    stream: Callable[[Request, Answer, int], Iterator[str]]
    refusal: Callable[[Answer], Body]


def of(path: str) -> Protocol | None:
    """The protocol that is spoken at `path`."""
    if ":generateContent" in path or ":streamGenerateContent" in path:
        return _GEMINI
    return _BY_PATH.get(path.removeprefix("/v1"))


def _calls_of(answer: Answer, number: int) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for index, (name, arguments) in enumerate(answer.calls):
        yield f"call_{number}_{index}", name, arguments


def _event(body: Body, name: str = "") -> str:
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(body)}\n\n"


# -- OpenAI: chat completions ----------------------------------------------------------------------------


def _chat_usage(usage: Usage) -> Body:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def _chat_calls(answer: Answer, number: int) -> list[Body]:
    return [
        {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for id, name, arguments in _calls_of(answer, number)
    ]


def _chat_head(request: Request, number: int, kind: str) -> Body:
    model = request.body["model"]
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1_790_000_000, "model": model}


def _chat(request: Request, answer: Answer, number: int) -> Body:
    message: Body = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.calls:
        message["tool_calls"] = _chat_calls(answer, number)
    finish = answer.finish or ("tool_calls" if answer.calls else "stop")
    return {
        **_chat_head(request, number, "chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": _chat_usage(answer.usage),
        "service_tier": "default",
        "system_fingerprint": "fp_test",
    }


def _chat_stream(request: Request, answer: Answer, number: int) -> Iterator[str]:
    head = _chat_head(request, number, "chat.completion.chunk")

    def chunk(delta: Body, finish: str | None = None) -> str:
        return _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""})
    for piece in answer.pieces:
        yield chunk({"content": piece})
    for index, call in enumerate(_chat_calls(answer, number)):
        arguments = call["function"].pop("arguments")
        begin = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        yield chunk({"tool_calls": [begin]})
        half = len(arguments) // 2
        for piece in (arguments[:half], arguments[half:]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, answer.finish or ("tool_calls" if answer.calls else "stop"))
    if (request.body.get("stream_options") or {}).get("include_usage"):
        yield _event({**head, "choices": [], "usage": _chat_usage(answer.usage)})
    yield "data: [DONE]\n\n"


_OPENAI_ERRORS = {400: "invalid_request_error", 401: "invalid_request_error", 429: "rate_limit_exceeded"}


def _openai_refusal(answer: Answer) -> Body:
    kind = _OPENAI_ERRORS.get(answer.status, "server_error")
    text = answer.text or f"the model says {answer.status}"
    return {"error": {"message": text, "type": kind, "param": None, "code": kind}}


# -- OpenAI: Responses -----------------------------------------------------------------------------------


def _response_output(answer: Answer, number: int) -> list[Body]:
    output: list[Body] = []
    if answer.text:
        text = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        message = {"id": f"msg_{number}", "type": "message", "status": "completed", "role": "assistant"}
        output.append({**message, "content": [text]})
    for id, name, arguments in _calls_of(answer, number):
        call = {"id": f"fc_{id}", "type": "function_call", "status": "completed", "call_id": id}
        output.append({**call, "name": name, "arguments": json.dumps(arguments)})
    return output


def _response_head(request: Request, number: int, status: str) -> Body:
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "model": request.body["model"],
        "error": None,
        "incomplete_details": None,
        "instructions": request.body.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": request.body.get("tools") or [],
        "top_p": 1.0,
    }


def _response(request: Request, answer: Answer, number: int) -> Body:
    usage = {
        "input_tokens": answer.usage.input,
        "input_tokens_details": {"cached_tokens": answer.usage.cached},
        "output_tokens": answer.usage.output,
        "output_tokens_details": {"reasoning_tokens": answer.usage.reasoning},
        "total_tokens": answer.usage.input + answer.usage.output,
    }
    head = _response_head(request, number, answer.finish or "completed")
    return {**head, "output": _response_output(answer, number), "usage": usage}


def _response_stream(request: Request, answer: Answer, number: int) -> Iterator[str]:
    sequence = iter(range(10**6))

    def event(kind: str, **body: Any) -> str:
        return _event({"type": kind, "sequence_number": next(sequence), **body}, kind)

    begun = {**_response_head(request, number, "in_progress"), "output": [], "usage": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(_response_output(answer, number)):
        here = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            part, at = item["content"][0], {**here, "content_index": 0}
            empty = {**item, "status": "in_progress", "content": []}
            yield event("response.output_item.added", output_index=index, item=empty)
            yield event("response.content_part.added", **at, part={**part, "text": ""})
            for piece in answer.pieces:
                yield event("response.output_text.delta", **at, delta=piece, logprobs=[])
            yield event("response.output_text.done", **at, text=part["text"], logprobs=[])
            yield event("response.content_part.done", **at, part=part)
        else:
            empty = {**item, "status": "in_progress", "arguments": ""}
            yield event("response.output_item.added", output_index=index, item=empty)
            yield event("response.function_call_arguments.delta", **here, delta=item["arguments"])
            done = {**here, "name": item["name"], "arguments": item["arguments"]}
            yield event("response.function_call_arguments.done", **done)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=_response(request, answer, number))


# -- OpenAI: embeddings ----------------------------------------------------------------------------------


def _embeddings(request: Request, answer: Answer, _: int) -> Body:
    asked = request.body["input"]
    texts = [asked] if isinstance(asked, str) else asked
    vectors: list[Any] = [[float(len(str(text))), 0.5, -1.0] for text in texts]
    if request.body.get("encoding_format") == "base64":
        vectors = [base64.b64encode(struct.pack("<3f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    usage = {"prompt_tokens": answer.usage.input, "total_tokens": answer.usage.input}
    return {"object": "list", "data": data, "model": request.body["model"], "usage": usage}


# -- Anthropic: messages ---------------------------------------------------------------------------------


def _messages_usage(usage: Usage) -> Body:
    # Anthropic counts what a cache gave beside the input, not in it.
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    }


def _messages(request: Request, answer: Answer, number: int) -> Body:
    content: list[Body] = [{"type": "text", "text": answer.text}] if answer.text else []
    for id, name, arguments in _calls_of(answer, number):
        content.append({"type": "tool_use", "id": id, "name": name, "input": dict(arguments)})
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": request.body["model"],
        "content": content,
        "stop_reason": answer.finish or ("tool_use" if answer.calls else "end_turn"),
        "stop_sequence": None,
        "usage": _messages_usage(answer.usage),
    }


def _messages_stream(request: Request, answer: Answer, number: int) -> Iterator[str]:
    def event(kind: str, **body: Any) -> str:
        return _event({"type": kind, **body}, kind)

    whole = _messages(request, answer, number)
    usage = {**whole["usage"], "output_tokens": 1}
    begun = {**whole, "content": [], "stop_reason": None, "usage": usage}
    yield event("message_start", message=begun)
    for index, block in enumerate(whole["content"]):
        if block["type"] == "text":
            yield event("content_block_start", index=index, content_block={**block, "text": ""})
            deltas = [{"type": "text_delta", "text": piece} for piece in answer.pieces]
        else:
            yield event("content_block_start", index=index, content_block={**block, "input": {}})
            text = json.dumps(block["input"])
            halves = (text[: len(text) // 2], text[len(text) // 2 :])
            deltas = [{"type": "input_json_delta", "partial_json": half} for half in halves]
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=stop, usage={"output_tokens": answer.usage.output})
    yield event("message_stop")


_ANTHROPIC_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _anthropic_refusal(answer: Answer) -> Body:
    kind = _ANTHROPIC_ERRORS.get(answer.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": answer.text or kind}, "request_id": "req_1"}


# -- Google: generateContent -----------------------------------------------------------------------------


def _gemini_body(request: Request, answer: Answer, number: int, parts: list[Body], last: bool) -> Body:
    candidate: Body = {"content": {"role": "model", "parts": parts}, "index": 0}
    body: Body = {"candidates": [candidate], "modelVersion": request.path.split("/")[-1].split(":")[0]}
    if last:
        candidate["finishReason"] = answer.finish or "STOP"
        body["usageMetadata"] = {
            "promptTokenCount": answer.usage.input,
            "candidatesTokenCount": answer.usage.output - answer.usage.reasoning,
            "thoughtsTokenCount": answer.usage.reasoning,
            "cachedContentTokenCount": answer.usage.cached,
            "totalTokenCount": answer.usage.input + answer.usage.output,
        }
    return {**body, "responseId": f"gemini-{number}"}


def _gemini_calls(answer: Answer) -> list[Body]:
    return [{"functionCall": {"name": name, "args": dict(arguments)}} for name, arguments in answer.calls]


def _gemini(request: Request, answer: Answer, number: int) -> Body:
    parts: list[Body] = [{"text": answer.text}] if answer.text else []
    return _gemini_body(request, answer, number, parts + _gemini_calls(answer), True)


def _gemini_stream(request: Request, answer: Answer, number: int) -> Iterator[str]:
    for piece in answer.pieces:
        yield _event(_gemini_body(request, answer, number, [{"text": piece}], False))
    yield _event(_gemini_body(request, answer, number, _gemini_calls(answer), True))


def _gemini_refusal(answer: Answer) -> Body:
    status = {429: "RESOURCE_EXHAUSTED", 400: "INVALID_ARGUMENT"}.get(answer.status, "INTERNAL")
    return {"error": {"code": answer.status, "message": answer.text or status, "status": status}}


def _never_streams(request: Request, answer: Answer, number: int) -> Iterator[str]:
    raise NotImplementedError(f"{request.path} has no streams")


_GEMINI = Protocol("gemini", _gemini, _gemini_stream, _gemini_refusal)
_BY_PATH = {
    "/chat/completions": Protocol("chat", _chat, _chat_stream, _openai_refusal),
    "/responses": Protocol("responses", _response, _response_stream, _openai_refusal),
    "/embeddings": Protocol("embeddings", _embeddings, _never_streams, _openai_refusal),
    "/messages": Protocol("messages", _messages, _messages_stream, _anthropic_refusal),
}
