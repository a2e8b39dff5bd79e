"""`yield from` in a hooked generator: what it hands over to runs inside its span as well."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_replay.rules.calls import Call

__all__ = ["Through", "take_out", "take_out_of"]


class Through:
    """The other generator as the hooked one sees it: whatever it is asked goes to the other one, and back.

    Parameters
    ----------
    call:
        The hooked generator's call, which is inside its span.
    inner:
        What it hands over to.
    """

    __slots__ = ("_call", "_inner")

    def __init__(self, call: Call, inner: Any) -> None:
        self._call = call
        self._inner = inner

    def __iter__(self) -> Through:
        return self

    def __next__(self) -> Any:
        self._call.come()
        try:
            value = next(self._inner)
        except BaseException as error:
            take_out(error, 1)
            raise
        return self._call.hand_out(value)

    def send(self, sent: Any) -> Any:
        """As a generator's."""
        self._call.come()
        try:
            value = self._inner.send(sent)
        except BaseException as error:
            take_out(error, 1)
            raise
        return self._call.hand_out(value)

    def throw(self, *given: Any) -> Any:
        """As a generator's; what cannot be thrown into is left, and the hooked one gets it."""
        self._call.come()
        throw = getattr(self._inner, "throw", None)
        try:
            value = throw(*given) if throw is not None else _raised(*given)
        except BaseException as error:
            take_out(error, 1 if throw is not None else 3)
            raise
        return self._call.hand_out(value)

    def close(self) -> None:
        """As a generator's."""
        self._call.come()
        close = getattr(self._inner, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as error:
            take_out(error, 1)
            raise


def _raised(*given: Any) -> Any:
    """Raise what `throw` was called with, as a generator does."""
    nothing = _nothing()
    next(nothing)
    return nothing.throw(*given)


def _nothing() -> Generator[None, None, None]:
    yield


def take_out(error: BaseException, frames: int) -> None:
    """Take as many frames off a traceback, ours. Before Python 3.11, `raise` puts them back."""
    where: TracebackType | None = error.__traceback__
    for _ in range(frames):
        if where is not None:
            where = where.tb_next
    error.__traceback__ = where


def take_out_of(where: TracebackType) -> None:
    """Take all frames of this file out of a traceback, for Pythons that have put them back."""
    while where.tb_next is not None:
        if where.tb_next.tb_frame.f_code.co_filename == __file__:
            where.tb_next = where.tb_next.tb_next
        else:
            where = where.tb_next
