"""Which generation asked for a tool call: by the call's id, by name and arguments, or by where it stands.

Told only where it is plain (docs/agents.md). Where the ids of calls are recorded, these say it. Where a
library records none, the request must have the tool's name and equal arguments; each request is answered by
one call, in order. Looked for is in the spans around the call, from the innermost to the next agent or tool
call: the first in which somebody asked so decides. Exactly one generation must have such a request left that
no call is known to have answered: with two, or with one whose answer was not there yet when the call began,
nothing is told. Last, a call directly below a generation of the same library is that generation's.

Nothing of this is in a journal: it is worked out whenever a run is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from otel_replay.analysis.calls_and_answers import Answer, Asked, Called, Place, Seen
from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.repeats import is_same_call
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.analysis.told_beside import ToldBeside
from otel_replay.records import Event, LogEntry, Scope, SpanEnd, SpanStart

if TYPE_CHECKING:
    from otel_replay.analysis.tree import Tree
    from otel_replay.storage.run_files import Located

__all__ = ["Cause", "CauseReader", "Way", "causes_of", "causes_of_items", "tell_causes"]

Way = Literal["id", "name and arguments", "parent"]
"""How a cause is known."""

_CALLS = ("generation", "tool call")
_FEW, _MOST_OPEN = 64, 1_000
_BY_HAND = "otel_replay"
"""The scope of what programs record with the API, decorators and rules."""


class Cause(NamedTuple):
    """The generation that asked for a tool call, and how that is known.

    Attributes
    ----------
    span_id, name, start_ns:
        The generation's; where two libraries tell of it, of the span nearest to the model.
    by:
        `id`, `name and arguments`, or `parent`: it stands directly below it.
    """

    span_id: str
    name: str
    start_ns: int
    by: Way


def causes_of(
    records: Iterable[Located], read_blob: Callable[[str], bytes] | None = None
) -> dict[str, Cause]:
    """The cause of each tool call of which it is known, by the call's span id.

    Parameters
    ----------
    records:
        All records of a run, in their order. Memory grows with generations and tool calls, not with the rest.
    read_blob:
        Gives the bytes of a blob by its sha256, for messages and arguments that are large.
    """
    book, reader, told = SpanBook(), CauseReader(read_blob), ToldBeside()
    for item in records:
        record = item.record
        if record.kind == "start":
            span = book.begin(record, item.journal)
            if span is not None:
                reader.begin(span, book.owner(record.parent_id))
        elif record.kind == "update":
            book.update(record)
        elif record.kind == "end":
            span = book.finish(record, item.journal)
            if span is not None:
                reader.end(span, book.owner(span.start.parent_id), told.of(span.span_id))
        elif record.kind == "scope":
            reader.scope(record, item.journal)
        else:
            told.take(record)
    for span in (*book.ended_elsewhere(), *book.open.values()):
        reader.end(span, book.owner(span.start.parent_id), told.of(span.span_id))
    return reader.causes()


def tell_causes(
    tree: Tree, records: Callable[[], Iterable[Located]], read_blob: Callable[[str], bytes] | None
) -> None:
    """Give the tool calls of a tree their causes; the run is read once more only where there may be some.

    Parameters
    ----------
    records:
        Gives all records of the tree's run, from the beginning.
    read_blob:
        As for :func:`causes_of`.
    """
    calls = [node for node in tree.top.walk() if node.kind == "tool call"]
    if calls and tree.asks:
        causes = causes_of(records(), read_blob)
        for node in calls:
            node.cause = causes.get(node.span_id)


def causes_of_items(items: Items) -> dict[str, Cause]:
    """As :func:`causes_of`, for a run whose items are there."""
    spans = [item for item in items if item.is_span]
    if not {"generation", "tool call"} <= {item.kind for item in spans}:
        return {}
    seen = Seen(items.read_blob)
    for item in spans:
        above = "" if item.parent is None else item.parent.span_id
        seen.places[item.span_id] = Place(above, item.kind, item.scope, item.name, item.start_ns)  # type: ignore[arg-type]  # a span's
    spans.sort(key=lambda item: (item.open or item.end_ns is None, item.end_ns or 0, -item.seq))
    for item in spans:
        above = "" if item.parent is None else item.parent.span_id
        moments = [child.record for child in item.children if child.kind in ("event", "log")]
        seen.take(_tracked(item), item.kind, item.scope, above, moments)  # type: ignore[arg-type]  # a span's
    return _found(seen)


def _tracked(item: Item) -> TrackedSpan:
    assert isinstance(item.record, SpanStart)
    end = None
    if not item.open and item.end_ns is not None:
        end = SpanEnd(time_ns=item.end_ns, span_id=item.span_id, name=item.name)
    return TrackedSpan(start=item.record, journal=item.process, attributes=dict(item.attributes), end=end)


class CauseReader:
    """For whoever reads records anyway: takes spans as they begin and end, and what is between them."""

    def __init__(self, read_blob: Callable[[str], bytes] | None = None) -> None:
        self._seen = Seen(read_blob)
        self._needed: set[str] = set()
        self._scopes: dict[tuple[str, int], str] = {}

    def scope(self, record: Scope, journal: str) -> None:
        """A library's name, as its spans in this journal refer to it."""
        self._scopes[journal, record.id] = record.name

    def begin(self, span: TrackedSpan, parent_id: str) -> None:
        """A span begins. `parent_id` is the span around it, and never a continuation."""
        if self._seen.full:
            return
        kind = span.kind
        self._seen.places[span.span_id] = Place(parent_id, kind)
        if kind in _CALLS:
            self._need(span.span_id)

    def end(self, span: TrackedSpan, parent_id: str, told: Sequence[Event | LogEntry]) -> None:
        """A span has ended, or the run has and the span has not. `told` are the moments with its messages."""
        seen = self._seen
        if seen.full:
            return
        kind, scope = span.kind, self._scopes.get((span.journal, span.start.scope), "")
        if kind in _CALLS:
            self._need(span.span_id)
        if span.span_id in self._needed:
            seen.places[span.span_id] = Place(parent_id, kind, scope, span.name, span.start.time_ns)
        else:
            # Memory must not grow with spans of which nothing is asked.
            seen.places.pop(span.span_id, None)
        seen.take(span, kind, scope, parent_id, told)

    def _need(self, span_id: str) -> None:
        needed, places = self._needed, self._seen.places
        while span_id and span_id not in needed:
            needed.add(span_id)
            place = places.get(span_id)
            span_id = "" if place is None else place.parent_id

    def causes(self) -> dict[str, Cause]:
        """What is known when everything was read."""
        return _found(self._seen)


def _found(seen: Seen) -> dict[str, Cause]:
    if not seen.calls or not (
        seen.answers or any(place.kind == "generation" for place in seen.places.values())
    ):
        return {}
    matching = _Matching(seen)
    for way in (matching.by_id, matching.by_arguments, matching.by_place):
        for call in matching.open_calls():
            way(call)
    return matching.causes()


class _Requests:
    """Requests that one call may answer, as time goes on: what was answered is not looked at again."""

    def __init__(self) -> None:
        self.all: list[tuple[Answer, Asked]] = []
        self._open: list[tuple[Answer, Asked]] = []
        self._taken = 0

    def begun(self, time_ns: int) -> list[tuple[Answer, Asked]]:
        """Those of generations that had begun by then; none where there are too many to be told apart."""
        few = self.all if len(self.all) <= _FEW else []
        return [one for one in few if one[0].first_ns <= time_ns]

    def unanswered(self, time_ns: int) -> list[tuple[Answer, Asked]]:
        """Those of them that are left; none where there are too many."""
        while self._taken < len(self.all) and self.all[self._taken][0].first_ns <= time_ns:
            self._open.append(self.all[self._taken])
            self._taken += 1
        if len(self._open) <= _MOST_OPEN:
            self._open = [one for one in self._open if not one[1].used]
        return self._open if len(self._open) <= _MOST_OPEN else []


class _Matching:
    """Finds for each call, in the order of their starts, the request that it answers."""

    def __init__(self, seen: Seen) -> None:
        self.places = seen.places
        self.firsts = _told_twice(seen.calls)
        self.all = seen.calls
        self.calls = sorted(
            (call for call in seen.calls if call.span_id not in self.firsts), key=lambda call: call.start_ns
        )
        for call in seen.calls:
            self._complete(call)
        self.found: dict[str, Cause] = {}
        self.ids: dict[str, _Requests] = {}
        self.alike: dict[tuple[str, bytes], _Requests] = {}
        self.above: dict[str, frozenset[str]] = {}
        for answer in sorted(seen.answers.values(), key=lambda one: one.first_ns):
            for asked in answer.asked:
                for call_id in asked.ids:
                    self.ids.setdefault(call_id, _Requests()).all.append((answer, asked))
                if asked.arguments is not None:
                    key = (asked.name, asked.arguments)
                    self.alike.setdefault(key, _Requests()).all.append((answer, asked))

    def _complete(self, call: Called) -> None:
        """What only the inner one of two that tell of a call has, the outer one gets."""
        first = self.firsts.get(call.span_id)
        if first is not None:
            first.call_id = first.call_id or call.call_id
            first.arguments = first.arguments or call.arguments

    def open_calls(self) -> Iterator[Called]:
        return (call for call in self.calls if call.span_id not in self.found)

    def causes(self) -> dict[str, Cause]:
        found = dict(self.found)
        for span_id, first in self.firsts.items():
            if first.span_id in found:
                found[span_id] = found[first.span_id]
        return found

    def tell(self, call: Called, answer: Answer, asked: Asked, by: Way) -> None:
        asked.used = True
        self.found[call.span_id] = Cause(answer.span_id, answer.name, answer.start_ns, by)

    # -- the ways

    def by_id(self, call: Called) -> None:
        requests = None if call.call_id is None else self.ids.get(call.call_id)
        if requests is None:
            return
        there = [one for one in requests.begun(call.start_ns) if _is_named(one[1].name, call.tool)]
        if len({id(answer) for answer, _ in there}) == 1:
            self.tell(call, *there[0], by="id")
            return
        # Some models begin to count anew in each answer.
        open_ones = requests.unanswered(call.start_ns)
        self._nearest(call, [one for one in open_ones if _is_named(one[1].name, call.tool)], "id")

    def by_arguments(self, call: Called) -> None:
        requests = None if call.arguments is None else self.alike.get((call.tool, call.arguments))
        if requests is not None:
            there = requests.unanswered(call.start_ns)
            # Two ids that differ are two calls.
            there = [one for one in there if not (one[1].ids and call.call_id)]
            self._nearest(call, there, "name and arguments")

    def by_place(self, call: Called) -> None:
        above, scope = self.places.get(call.parent_id), call.teller[1]
        if above is None or above.kind != "generation" or not call.named:
            return
        # By hand anything may be recorded below a generation, such as what is looked up for its prompt.
        if scope == above.scope and scope not in ("", _BY_HAND):
            self.found[call.span_id] = Cause(call.parent_id, above.name, above.start_ns, "parent")

    def _nearest(self, call: Called, there: list[tuple[Answer, Asked]], by: Way) -> None:
        for level in self._levels(call) if there else ():
            inside = [one for one in there if any(self._is_below(span_id, level) for span_id in one[0].spans)]
            if not inside:
                continue
            answer, asked = inside[0]
            if len({id(one) for one, _ in inside}) == 1 and self._was_there(answer, call):
                self.tell(call, answer, asked, by)
            return

    def _was_there(self, answer: Answer, call: Called) -> bool:
        """Whether an answer was complete when a call began; or the generation makes the calls itself."""
        if answer.end_ns is not None and answer.end_ns <= call.start_ns:
            return True
        return any(span_id in answer.spans for span_id in self._chain(call.parent_id))

    # -- where things stand

    def _chain(self, span_id: str) -> Iterator[str]:
        """A span and those around it, from the innermost."""
        gone: set[str] = set()  # spans of others may name each other as parents
        while span_id in self.places and span_id not in gone:
            gone.add(span_id)
            yield span_id
            span_id = self.places[span_id].parent_id

    def _levels(self, call: Called) -> Iterator[str]:
        """The spans around a call up to the next agent or other call; the run, empty, if there is none."""
        for span_id in self._chain(call.parent_id):
            yield span_id
            if self.places[span_id].kind in ("agent", "tool call"):
                return
        yield ""

    def _is_below(self, span_id: str, level: str) -> bool:
        """Whether a generation is that span or in it; what a tool inside of it asks a model is the tool's."""
        reach = self.above.get(span_id)
        if reach is None:
            chain: list[str] = []
            for one in self._chain(span_id):
                chain.append(one)
                if self.places[one].kind == "tool call":
                    break
            else:
                chain.append("")
            reach = self.above[span_id] = frozenset(chain)
        return level in reach


def _told_twice(calls: list[Called]) -> dict[str, Called]:
    """The calls that tell once more of one that stands around them, with that one."""
    by_id = {call.span_id: call for call in calls}
    firsts: dict[str, Called] = {}
    for call in calls:
        outer, gone = call, {call.span_id}
        while True:
            above = by_id.get(outer.parent_id)
            if above is None or above.span_id in gone or not is_same_call(above.teller, outer.teller):
                break
            outer = above
            gone.add(outer.span_id)
        if outer is not call:
            firsts[call.span_id] = outer
    return firsts


def _is_named(asked: str, tool: str) -> bool:
    """Whether both names are one tool's; some put the name of a server before it."""
    return (
        asked == tool or asked.endswith((f"_{tool}", f".{tool}")) or tool.endswith((f"_{asked}", f".{asked}"))
    )
