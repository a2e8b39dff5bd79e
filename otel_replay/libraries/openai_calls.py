"""Generations of OpenAI's SDK where no instrumentor is installed: chat completions, responses, streams.

It stands in for the official instrumentor, which tells more (embeddings, stored responses). `parse` and
`stream` of the SDK go through `create`, which is what is hooked into.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from importlib import import_module
from time import monotonic
from types import ModuleType
from typing import Any

from otel_replay.hooks.guard import failed
from otel_replay.hooks.wrapping import watch
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
        span.attach()

    def returned(self, value: Any) -> None:
        """An answer, or a stream, from which the program takes what comes."""
        self._span.detach()
        inner = getattr(value, "_iterator", None)
        if inner is not None and hasattr(inner, "__anext__"):
            value._iterator = self._heard_in_turn(inner)
        elif inner is not None:
            value._iterator = self._heard(inner)
        else:
            self._tell(words.plain(value))
            self._span.end()

    def raised(self, error: BaseException) -> None:
        """There is no answer."""
        self._span.detach()
        self._over(error)

    def _heard(self, inner: Iterator[Any]) -> Iterator[Any]:
        try:
            for item in inner:
                self._note(item)
                yield item
        except BaseException as error:
            self._over(error)
            raise
        self._over()

    async def _heard_in_turn(self, inner: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for item in inner:
                self._note(item)
                yield item
        except BaseException as error:
            self._over(error)
            raise
        self._over()

    def _note(self, item: Any) -> None:
        try:
            if self._first is None:
                self._first = monotonic() - self._begun
            self._hear(item)
        except Exception as error:
            failed(_DOING, error)

    def _over(self, error: BaseException | None = None) -> None:
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


class _ChatCall(_ModelCall):
    def _hear(self, item: Any) -> None:
        self._pieces.append(words.plain(item))

    def _tell_stream(self) -> None:
        if self._pieces:
            self._tell(words.joined_chunks(self._pieces))

    def _tell(self, answer: Any) -> None:
        if isinstance(answer, Mapping):  # not a raw response, which the program reads itself
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
