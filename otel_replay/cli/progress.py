"""One line on standard error that says how far long work is; silent where nobody looks, and at first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from otel_replay.cli.terminal import Screen, stderr

__all__ = ["Progress"]

Item = TypeVar("Item")

_FIRST_SECONDS = 1.0
_EVERY_SECONDS = 0.1
_LOOK_EVERY = 256


class Progress:
    """Counts what goes by and shows the count now and then.

    Parameters
    ----------
    what:
        What is counted, for `12,345 {what}`.
    screen:
        Where to; standard error by default.
    """

    def __init__(self, what: str, screen: Screen | None = None) -> None:
        self._what = what
        self._screen = screen or stderr()
        self._next = time.monotonic() + _FIRST_SECONDS
        self._shown = False
        self.count = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._screen.overwrite("")

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """`items` themselves; shows how many there were."""
        for item in items:
            self.count += 1
            if not self.count % _LOOK_EVERY:
                self.look()
            yield item

    def look(self, more: str = "") -> None:
        """Show the count if it is time to."""
        now = time.monotonic()
        if self._screen.is_terminal and now >= self._next:
            self._next = now + _EVERY_SECONDS
            self._shown = True
            self._screen.overwrite(f"{self.count:,} {self._what}{more}")
