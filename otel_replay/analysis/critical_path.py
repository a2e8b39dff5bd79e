"""The critical path: the stretches of spans that a run's end waited for, added up by name.

As Jaeger's page has it (`packages/jaeger-ui/src/components/TracePage/CriticalPath`): one goes back from the
end of a span to the child that ended last, from that child's start to the child that had ended last before
it, and so on; what no child covers is the span's own, and in each of the children on the way the same is
done. Every moment of a root span is on the path once, so the parts sum up to its length.

It is found while the records go by. Which sibling a span would wait for is known when it begins: the one that
has ended last by then. So only open spans are kept, each with the path up to it, and not the run. One thing
differs from Jaeger: a child that outlives its parent is nothing that the parent waited for.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from otel_replay.analysis.bounded import MOST_NAMES

__all__ = ["CriticalPath"]

Name = TypeVar("Name", bound=Hashable)


@dataclass(slots=True)
class _Path(Generic[Name]):
    """What siblings that waited for each other come to: by name, and altogether."""

    names: dict[Name, int] = field(default_factory=dict)
    covered_ns: int = 0
    waiting: int = 0
    """Open spans that began after it."""

    def join(self, names: dict[Name, int], covered_ns: int, others: Name) -> None:
        mine = self.names
        for name, time_ns in names.items():
            key = name if name in mine or len(mine) < MOST_NAMES else others
            mine[key] = mine.get(key, 0) + time_ns
        self.covered_ns += covered_ns


@dataclass(slots=True)
class _Open(Generic[Name]):
    last: _Path[Name]
    before: _Path[Name]
    parent: _Open[Name] | None


class CriticalPath(Generic[Name]):
    """Follows spans as they start and end, in order of time.

    Parameters
    ----------
    others:
        The name that names past the first 1,000 share.
    """

    def __init__(self, others: Name) -> None:
        self._others = others
        self._top: _Open[Name] = _Open(_Path(), _Path(), None)
        self._open: dict[str, _Open[Name]] = {}

    def begin(self, span_id: str, parent_id: str) -> None:
        """A span started."""
        parent = self._open.get(parent_id, self._top)
        before = parent.last
        before.waiting += 1
        self._open[span_id] = _Open(_Path(), before, parent)

    def end(self, span_id: str, name: Name, duration_ns: int) -> None:
        """A span ended that lasted so long."""
        span = self._open.pop(span_id, None)
        if span is None or span.parent is None:
            return
        inside = span.last
        own_ns = max(0, duration_ns - inside.covered_ns)
        if inside.waiting:
            # A child goes on: it still needs what was before it.
            inside = _Path(dict(inside.names), inside.covered_ns)
        inside.join({name: own_ns}, 0, self._others)
        before = span.before
        before.waiting -= 1
        if before.waiting:
            # A sibling that goes on came after the same ones.
            before = _Path(dict(before.names), before.covered_ns)
        before.join(inside.names, duration_ns, self._others)
        span.parent.last = before

    @property
    def names(self) -> dict[Name, int]:
        """The time on the path by name, of the root span that ended last and those that it came after."""
        return self._top.last.names
