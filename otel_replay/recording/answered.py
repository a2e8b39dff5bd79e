"""Calls that a replay answers: asked for when their span begins, given to the program in place of the call.

A decorated function is not called then; a block asks for its answer with `recorded()`. What was answered is
recorded like any other call, and says where its answer comes from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import Token
from typing import Any

from opentelemetry import context as otel_context

from otel_replay.answering import ANSWERERS, Answer, Answerer, answerer_here, inside
from otel_replay.attributes import REPLAYED_FROM
from otel_replay.otel.keys import SITE_KEY
from otel_replay.recording.threads import carry_context_into_threads

__all__ = ["ANSWERERS", "Asking", "asking"]

_PATIENCE_S = 5.0


def asking(name: str, attributes: Mapping[str, Any], context: otel_context.Context | None) -> Asking | None:
    """The question that a span that is about to begin has for the replay; None where none is active.

    Parameters
    ----------
    name, attributes:
        Of the span.
    context:
        The context in which the span is the current one; None where it is not recorded.
    """
    answerer = answerer_here()
    if answerer is None:
        return None
    carry_context_into_threads()
    return Asking(answerer, name, attributes, context)


class Asking:
    """One span's dealings with the replay.

    Attributes
    ----------
    answer:
        What the call is answered with; None where it is to be made.
    check:
        Takes what the call gives when it is made although it was recorded.
    """

    def __init__(
        self,
        answerer: Answerer,
        name: str,
        attributes: Mapping[str, Any],
        context: otel_context.Context | None,
    ) -> None:
        base = otel_context.get_current() if context is None else context
        outer = otel_context.get_value(SITE_KEY, otel_context.get_current())
        self._site = outer if isinstance(outer, tuple) else ()
        self._answerer = answerer
        self._attributes = attributes
        self._token: Token[str] | None = None
        self._taken = False
        self.context = otel_context.set_value(SITE_KEY, (*self._site, name), base)
        """The context in which the span is the current one, and calls know what is around them."""
        self.answer: Answer | None = None
        self.check: Any = None

    def ask(self) -> dict[str, Any]:
        """Ask for the answer; returns what is to be recorded of it. Raises what the replay raises."""
        found = self._answerer.answer(self._attributes, self._site)
        if found is None:
            return {}
        if found.check is not None:
            self.check = found.check
            return {}
        self.answer = found
        return {REPLAYED_FROM: found.source}

    def enter(self) -> None:
        """The block of an answered call begins: nothing in it has to reach the network."""
        if self.answer is not None:
            self._token = inside.set(self.answer.source)

    def leave(self, *, failed: bool) -> None:
        """The block ends. Raises what the replay says of a block that did not ask for its answer."""
        token, self._token = self._token, None
        if token is not None:
            try:
                inside.reset(token)
            except ValueError:
                pass  # left in another context than it was entered in
        if self.answer is not None and not self._taken and not failed:
            self._answerer.not_taken(self.answer)

    def take(self) -> Answer | None:
        """The answer, or what the recorded call raised; None where the call is to be made."""
        if self.answer is None:
            return None
        self._taken = True
        if self.answer.error is not None:
            raise self.answer.error
        if self.answer.cancelled_after_s is not None:
            raise asyncio.CancelledError("cancelled, as it was when it was recorded")
        return self.answer

    async def take_later(self) -> Answer | None:
        """As :meth:`take`; a call that was cancelled waits until it is cancelled again."""
        if self.answer is not None and self.answer.cancelled_after_s is not None:
            self._taken = True
            # Whoever cancelled it then (a timeout, as a rule) has to do it again.
            await asyncio.sleep(self.answer.cancelled_after_s + _PATIENCE_S)
            self._answerer.asked_beyond(self.answer)
        return self.take()

    def take_chunks(self) -> Answer | None:
        """The answer of a stream: what it raised comes when its items are through."""
        self._taken = True
        return self.answer

    def beyond(self) -> None:
        """A stream is asked for more than was recorded of it: raises where it had not come to its end."""
        if self.answer is None:
            return
        if self.answer.error is not None or self.answer.cancelled_after_s is not None:
            self.take()
        elif not self.answer.ended:
            self._answerer.asked_beyond(self.answer)
