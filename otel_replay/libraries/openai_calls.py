"""Generations of OpenAI's SDK where no instrumentor is installed: chat completions, responses, streams.

It stands in for the official instrumentor, which tells more (embeddings, stored responses). `parse` and
`stream` of the SDK go through `create`, which is what is hooked into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from time import monotonic
from types import ModuleType
from typing import Any

from otel_replay.hooks.guard import failed
from otel_replay.hooks.wrapping import take_out_this_line, watch
from otel_replay.libraries import openai_words as words
from otel_replay.libraries.elsewhere import recorded_elsewhere
from otel_replay.recording.blocks import start_span
from otel_replay.recording.joining import join_if_invited
from otel_replay.recording.shapes import generation_shape
from otel_replay.recording.spans import Generation
from otel_replay.storage.active_runs import WRITERS

__all__ = ["install"]

_DOING = "recording a call of OpenAI's SDK"
_LAST = ("response.completed", "response.incomplete", "response.failed")

Answer = Callable[[Mapping[str, Any]], dict[str, Any]]


def install(module: ModuleType) -> None:
    """Hook into the SDK."""
    del module
    chat = import_module("openai.resources.chat.completions")
    elsewhere = recorded_elsewhere("openai")

    def hook(owner: type, made: Callable[[Generation], _ModelCall]) -> None:
        def begin(resource: Any, *_: Any, **request: Any) -> _ModelCall | None:  # noqa: ARG001 - the SDK's
            if elsewhere() or not (WRITERS or join_if_invited()):
                return None
            shape = generation_shape(str(request.get("model")), provider="openai", **words.asked(request))
            span = start_span(Generation, lambda: shape)
            return made(span) if span.recording else None

        watch(owner, "create", begin, _DOING, awaits=owner.__name__.startswith("Async"))

    hook(chat.Completions, _ChatCall)
    hook(chat.AsyncCompletions, _ChatCall)
    try:
        responses = import_module("openai.resources.responses.responses")
    except ImportError:
        return  # an SDK from before the Responses API
    hook(responses.Responses, _ResponsesCall)
    hook(responses.AsyncResponses, _ResponsesCall)


class _ModelCall:
    """One call of a model, until its answer, or the stream of it, is over."""

    keywords: Mapping[str, Any] | None = None

    def __init__(self, span: Generation) -> None:
        self._span = span
        self._begun = monotonic()
        self._first: float | None = None
        self._pieces: list[Mapping[str, Any]] = []
        self._is_over = False
        span.attach()

    def returned(self, value: Any) -> None:
        """An answer, or a stream, from which the program takes what comes."""
        self._span.detach()
        inner = getattr(value, "_iterator", None)
        if inner is not None and hasattr(inner, "__anext__"):
            value._iterator = _HeardInTurn(inner, self)
        elif inner is not None:
            value._iterator = _Heard(inner, self)
        else:
            self._tell(words.plain(_body_of(value)))
            self._span.end()

    def raised(self, error: BaseException) -> None:
        """There is no answer."""
        self._span.detach()
        self.over(error)

    def note(self, item: Any) -> None:
        """A piece of the stream has come."""
        try:
            if self._first is None:
                self._first = monotonic() - self._begun
            self._hear(item)
        except Exception as error:
            failed(_DOING, error)

    def over(self, error: BaseException | None = None) -> None:
        """The stream has ended, or broken, or nobody wants the rest of it. Only the first time counts."""
        if self._is_over:
            return
        self._is_over = True
        try:
            if error is not None:
                self._span.fail(error)
            self._tell_stream()
            if self._first is not None:
                self._span.output(time_to_first_chunk=self._first)
        except Exception as second:
            failed(_DOING, second)
        self._span.end()

    def _hear(self, item: Any) -> None:
        raise NotImplementedError

    def _tell_stream(self) -> None:
        raise NotImplementedError

    def _tell(self, answer: Any) -> None:
        raise NotImplementedError


def _body_of(value: Any) -> Any:
    """The answer in a raw response, which LiteLLM and others ask for; any other answer as it is."""
    response = getattr(value, "http_response", None)
    if response is None or not getattr(response, "is_stream_consumed", False):
        return value  # of what has not been read yet nothing is taken
    try:
        return response.json()
    except ValueError:
        return value


class _Listening:
    """What a stream takes its pieces from, and the call that hears of them.

    No generator: one that was never asked for a piece would not notice that it is thrown away.
    """

    def __init__(self, inner: Any, call: _ModelCall) -> None:
        self._inner = inner
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        self._call.over()

    def _raised(self, error: BaseException) -> None:
        ended = isinstance(error, StopIteration | StopAsyncIteration)
        self._call.over(None if ended else error)


class _Heard(_Listening):
    def __iter__(self) -> _Heard:
        return self

    def __next__(self) -> Any:
        try:
            item = next(self._inner)
        except BaseException as error:
            take_out_this_line(error)
            self._raised(error)
            raise
        self._call.note(item)
        return item


class _HeardInTurn(_Listening):
    def __aiter__(self) -> _HeardInTurn:
        return self

    async def __anext__(self) -> Any:
        try:
            item = await self._inner.__anext__()
        except BaseException as error:
            take_out_this_line(error)
            self._raised(error)
            raise
        self._call.note(item)
        return item


class _ChatCall(_ModelCall):
    def _hear(self, item: Any) -> None:
        self._pieces.append(words.plain(item))

    def _tell_stream(self) -> None:
        if self._pieces:
            self._tell(words.joined_chunks(self._pieces))

    def _tell(self, answer: Any) -> None:
        if isinstance(answer, Mapping):  # not a raw response that is still to be read
            self._span.output(**words.chat_answer(answer))


class _ResponsesCall(_ModelCall):
    def _hear(self, item: Any) -> None:
        if getattr(item, "type", "") in _LAST:
            self._pieces.append(words.plain(item.response))

    def _tell_stream(self) -> None:
        for answer in self._pieces:
            self._tell(answer)

    def _tell(self, answer: Any) -> None:
        if isinstance(answer, Mapping):
            self._span.output(**words.response_answer(answer))
