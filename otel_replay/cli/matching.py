"""The decisions of a run that were asked for, with their numbers in the run; and a run that still goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from otel_replay.analysis.selection import Selection
from otel_replay.records import Decision

if TYPE_CHECKING:
    from otel_replay.storage.run_files import Located, RunFiles

__all__ = ["Matching", "Numbered", "follow"]

Numbered = tuple[int, Decision]


class Matching:
    """Picks decisions out of records and counts what went by. Constant memory, but for `last`.

    Parameters
    ----------
    selection:
        What is asked of each decision.
    means:
        Asked besides, where it is given.
    """

    def __init__(self, selection: Selection, means: Callable[[Decision], bool] | None = None) -> None:
        self._selection = selection
        self._means = means
        self.seen = 0
        self.matched = 0

    def of(self, records: Iterable[Located]) -> Iterator[Numbered]:
        """Those of `records` that were asked for; may be called again with more records."""
        everything = not self._selection
        matches, means = self._selection.matches, self._means
        for item in records:
            record = item.record
            if isinstance(record, Decision):
                self.seen += 1
                if (everything or matches(record)) and (means is None or means(record)):
                    self.matched += 1
                    yield self.seen, record

    def first(self, records: Iterable[Located], count: int | None) -> Iterator[Numbered]:
        """The first so many, or all."""
        return islice(self.of(records), count)

    def last(self, records: Iterable[Located], count: int) -> Iterator[Numbered]:
        """The last so many."""
        return iter(deque(self.of(records), maxlen=count))


def follow(open_run: Callable[[], RunFiles], wait: Callable[[], None]) -> Iterator[Iterator[Located]]:
    """The records of a run in portions: all there are, then what was added, until no process writes it.

    Parameters
    ----------
    open_run:
        Opens the run anew, so that its status is that of now.
    wait:
        Called between two looks; it is what makes them a moment apart.
    """
    tail = open_run().tail()
    while True:
        # Asked before reading: what was written before the end is then read too.
        goes_on = open_run().status() == "running"
        yield tail.new_records()
        if not goes_on:
            return
        wait()
