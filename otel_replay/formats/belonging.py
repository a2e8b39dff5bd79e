"""Which run do spans and log records from outside belong to? A trace is one run, unless run ids differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_replay.attributes import GEN_AI_CONVERSATION_ID, RUN_ID, SESSION_ID
from otel_replay.formats.spans import Log, Span

__all__ = ["Belonging", "run_keys", "trace_of"]

_NAMES = (RUN_ID, SESSION_ID, GEN_AI_CONVERSATION_ID)
_Rank = tuple[int, int, bool, str]


def run_keys(items: Sequence[Span | Log]) -> list[str]:
    """What the run of each span and log record is called, as :class:`Belonging` says it."""
    belonging = Belonging()
    for item in items:
        belonging.see(item)
    if belonging.needs_ways:
        for item in items:
            belonging.see_way(item)
    return [belonging.key(item) for item in items]


class Belonging:
    """Which run spans and log records belong to; the order of the items does not matter.

    A run id, on the item itself or else on its resource, is explicit. An item without one belongs where the
    nearest span around it that has one does. Where none around it has, its trace is called by the first name
    that anything in it has: a run id, a session's id, a conversation's id; else by the trace's own id. Of
    several names of one kind the one that was there first counts, so that an agent that starts a conversation
    of its own stays in the run of who asked it. Traces of one session or conversation are one run.

    All items are seen, then, where some trace `needs_ways`, seen again, and then asked for one by one. What
    is kept grows with the traces; with the spans only of those traces that have several run ids.
    A key may not be fit for a run id: whoever makes a directory of it checks.
    """

    def __init__(self) -> None:
        self._names: dict[str, _Rank] = {}
        self._given: dict[str, str] = {}
        self._several: set[str] = set()
        self._around: dict[tuple[str, str], str] = {}
        self._parents: dict[tuple[str, str], str] = {}

    @property
    def needs_ways(self) -> bool:
        """Whether a trace has several run ids, so that it matters which span stands below which."""
        return bool(self._several)

    def see(self, item: Span | Log) -> None:
        """Take note of what an item calls its run."""
        rank = _name_of(item)
        if rank is None:
            return
        trace_id = trace_of(item)
        if trace_id not in self._names or rank < self._names[trace_id]:
            self._names[trace_id] = rank
        if rank[0] == 0 and self._given.setdefault(trace_id, rank[-1]) != rank[-1]:
            self._several.add(trace_id)

    def see_way(self, item: Span | Log) -> None:
        """Take note of where an item stands in its trace."""
        trace_id = trace_of(item)
        if isinstance(item, Span) and trace_id in self._several:
            self._parents[trace_id, item.span_id] = item.parent_id
            given = _text(item.attributes, item.resource.attributes, RUN_ID)
            if given:
                self._around[trace_id, item.span_id] = given

    def given(self, item: Span | Log) -> str:
        """The run id that the item itself or its resource has; that of its run, whatever comes."""
        return _text(_attributes_of(item), item.resource.attributes, RUN_ID)

    def called(self, trace_id: str) -> str:
        """What a trace is called by what was seen of it, where nothing in it stands in another run."""
        return self._names[trace_id][-1] if trace_id in self._names else trace_id

    def key(self, item: Span | Log) -> str:
        """What the item's run is called."""
        given = self.given(item)
        if given:
            return given
        trace_id = trace_of(item)
        if not trace_id:  # a log record outside of any trace has only what it says itself
            rank = _name_of(item)
            return rank[-1] if rank is not None else ""
        around, parents = self._around, self._parents
        span_id = item.span_id if isinstance(item, Span) else item.entry.span_id
        way: dict[tuple[str, str], None] = {}
        place = (trace_id, span_id)
        while place not in around and place not in way and place in parents:
            way[place] = None
            place = (trace_id, parents[place])
        found = around.get(place, "")
        around.update(dict.fromkeys(way, found))  # nobody below climbs it again
        return found or self.called(trace_id)


def _name_of(item: Span | Log) -> _Rank | None:
    """What an item calls its run, after how good a name that is: its kind, its time, outermost first."""
    own = _attributes_of(item)
    for kind, name in enumerate(_NAMES):
        text = _text(own, item.resource.attributes, name)
        if text and isinstance(item, Span):
            return kind, item.start_ns, bool(item.parent_id), text
        if text and isinstance(item, Log):
            return kind, item.entry.time_ns or item.entry.observed_ns, True, text
    return None


def _text(own: Mapping[str, Any], resource: Mapping[str, Any], name: str) -> str:
    for attributes in (own, resource):
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def trace_of(item: Span | Log) -> str:
    """The id of the trace that an item is of; empty for a log record outside of any."""
    return item.trace_id if isinstance(item, Span) else item.entry.trace_id


def _attributes_of(item: Span | Log) -> Mapping[str, Any]:
    return item.attributes if isinstance(item, Span) else item.entry.attributes
