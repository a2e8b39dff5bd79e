"""Where a call is answered from a recording instead of being made: the one place recording and replay share.

Recording asks here before it lets a call happen; a replay stands here while it is active. Neither side knows
the other, and where no replay is active the question costs one look at an empty list.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from otel_replay.errors import UsageError
from otel_replay.settings import REPLAY_VARIABLE

__all__ = ["ANSWERERS", "Answer", "Answerer", "answerer_here", "inside", "install", "withdraw"]

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What a recording holds for one call.

    Attributes
    ----------
    source:
        The recorded call: its run and its span.
    value:
        A tool's result, or a generation's output messages.
    chunks:
        What a stream gave, item by item.
    ended:
        Whether a stream came to its end; it may have been left before.
    response:
        What else is known of a generation's answer: `finish_reasons`, `usage`, `response_id`, …
    error:
        What the call raised.
    cancelled_after_s:
        How long it had waited when it was cancelled; None where it was not.
    check:
        For a call that is made in spite of being recorded: takes what it gives now, to compare.
    """

    source: str = ""
    value: Any = None
    chunks: tuple[Any, ...] = ()
    ended: bool = True
    response: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    error: BaseException | None = None
    cancelled_after_s: float | None = None
    check: Callable[[Any], None] | None = None


class Answerer(Protocol):
    """An active replay, as the recording side sees it."""

    def answer(self, attributes: Mapping[str, Any], site: tuple[str, ...]) -> Answer | None:
        """What was recorded for a call; None for what is to happen anyway.

        Parameters
        ----------
        attributes:
            Of the call's span, as it would be recorded.
        site:
            The names of the spans around it, outermost first.

        Raises
        ------
        OtelReplayError
            If the recording has no such call.
        """

    def not_taken(self, answer: Answer) -> None:
        """A block was left without having asked for the answer: it has made the call itself."""

    def asked_beyond(self, answer: Answer) -> None:
        """A call is to go on where the recorded one was left or cancelled."""


ANSWERERS: list[Answerer] = []
"""The active replays, oldest first. Empty: every call is made."""

inside: ContextVar[str] = ContextVar("otel_replay_inside", default="")
"""The recorded call that answers the block we are in: nothing in there has to reach the network."""

_here: ContextVar[Answerer | None] = ContextVar("otel_replay_answerer", default=None)


def install(answerer: Answerer) -> None:
    """From now on `answerer` answers calls: those of this context, and those that no context speaks for."""
    ANSWERERS.append(answerer)
    _here.set(answerer)


def withdraw(answerer: Answerer) -> None:
    """Calls are made again, or answered by the replay that was active before."""
    if answerer in ANSWERERS:
        ANSWERERS.remove(answerer)
    if _here.get() is answerer:
        _here.set(ANSWERERS[-1] if ANSWERERS else None)


def answerer_here() -> Answerer | None:
    """The replay that answers here: the context's own, else the only one there is.

    Raises
    ------
    UsageError
        If several are active and the context (a thread without one) does not say which is meant.
    """
    own = _here.get()
    if own is not None and own in ANSWERERS:
        return own
    if len(ANSWERERS) > 1:
        raise UsageError(
            f"{len(ANSWERERS)} replays are active, and this thread does not say which one it belongs to",
            hint="start the thread with contextvars.copy_context().run, or replay one run at a time",
        )
    return ANSWERERS[0] if ANSWERERS else None


_lock = threading.RLock()


class _Invitation:
    """Stands for the replay that the environment asks for, until the first call is to be answered."""

    def answer(self, attributes: Mapping[str, Any], site: tuple[str, ...]) -> Answer | None:
        with _lock:
            if self in ANSWERERS:
                from otel_replay.replay.invited import accept

                # In its place: with two of them, a thread would not know which one is meant.
                ANSWERERS[ANSWERERS.index(self)] = accept(os.environ[REPLAY_VARIABLE])
        player = answerer_here()
        return None if player is None else player.answer(attributes, site)

    def not_taken(self, answer: Answer) -> None:
        """Nothing was answered by an invitation."""

    def asked_beyond(self, answer: Answer) -> None:
        """Nothing was answered by an invitation."""


if os.environ.get(REPLAY_VARIABLE):
    ANSWERERS.append(_Invitation())
