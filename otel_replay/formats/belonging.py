"""Which run do spans and log records from outside belong to? A trace is one run, unless run ids differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_replay.attributes import GEN_AI_CONVERSATION_ID, RUN_ID, SESSION_ID
from otel_replay.formats.spans import Log, Span

__all__ = ["run_keys"]

_NAMES = (RUN_ID, SESSION_ID, GEN_AI_CONVERSATION_ID)
_Rank = tuple[int, int, bool, str]


def run_keys(items: Sequence[Span | Log]) -> list[str]:
    """What the run of each span and log record is called; the order of the items does not matter.

    A run id, on the item itself or else on its resource, is explicit. An item without one belongs where the
    nearest span around it that has one does. Where none around it has, its trace is called by the first name
    that anything in it has: a run id, a session's id, a conversation's id; else by the trace's own id. Of
    several names of one kind the one that was there first counts, so that an agent that starts a conversation
    of its own stays in the run of who asked it. Traces of one session or conversation are one run.

    A key may not be fit for a run id: whoever makes a directory of it checks.
    """
    around: dict[tuple[str, str], str] = {}
    parents: dict[tuple[str, str], str] = {}
    names: dict[str, _Rank] = {}
    for item in items:
        trace_id = _trace_of(item)
        if isinstance(item, Span):
            parents[trace_id, item.span_id] = item.parent_id
            given = _text(item.attributes, item.resource.attributes, RUN_ID)
            if given:
                around[trace_id, item.span_id] = given
        rank = _name_of(item)
        if rank is not None and (trace_id not in names or rank < names[trace_id]):
            names[trace_id] = rank
    return [_key(item, around, parents, names) for item in items]


def _key(
    item: Span | Log,
    around: dict[tuple[str, str], str],
    parents: Mapping[tuple[str, str], str],
    names: Mapping[str, _Rank],
) -> str:
    trace_id = _trace_of(item)
    own = _attributes_of(item)
    given = _text(own, item.resource.attributes, RUN_ID)
    if given:
        return given
    if not trace_id:  # a log record outside of any trace has only what it says itself
        rank = _name_of(item)
        return rank[-1] if rank is not None else ""
    span_id = item.span_id if isinstance(item, Span) else item.entry.span_id
    way: dict[tuple[str, str], None] = {}
    place = (trace_id, span_id)
    while place not in around and place not in way and place in parents:
        way[place] = None
        place = (trace_id, parents[place])
    found = around.get(place, "")
    around.update(dict.fromkeys(way, found))  # nobody below climbs it again
    return found or (names[trace_id][-1] if trace_id in names else trace_id)


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


def _trace_of(item: Span | Log) -> str:
    return item.trace_id if isinstance(item, Span) else item.entry.trace_id


def _attributes_of(item: Span | Log) -> Mapping[str, Any]:
    return item.attributes if isinstance(item, Span) else item.entry.attributes
