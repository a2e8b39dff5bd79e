"""A run in numbers: what was decided, where the time went, what models and tools were asked, what was lost.

One pass; memory grows with the number of different names (which is bounded) and of open spans, not with
the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.bottlenecks import TaskTimes
from otel_replay.analysis.bounded import OTHERS, count_name, entry
from otel_replay.analysis.cost import CostsTold
from otel_replay.analysis.critical_path import CriticalPath
from otel_replay.analysis.distribution import Distribution
from otel_replay.analysis.facts import as_number
from otel_replay.analysis.generations import ModelTotals, model_of
from otel_replay.analysis.idle import Idle
from otel_replay.analysis.kinds import SpanKind, kind_of
from otel_replay.analysis.pace import Pace
from otel_replay.analysis.repeats import Repeats, tool_of
from otel_replay.analysis.searches import Search, search_of
from otel_replay.analysis.self_time import SelfTime
from otel_replay.analysis.spans import NO_SIGN_OF_LIFE, SpanBook, TrackedSpan
from otel_replay.analysis.velocity import per_hour
from otel_replay.attributes import (
    ARTIFACT_NAME,
    FILE_READ_EVENT,
    FILE_WRITE_EVENT,
    GEN_AI_RESPONSE_ID,
)
from otel_replay.dialects.reading import read_span, unread_counts, usage_of
from otel_replay.records import (
    BadLine,
    Close,
    Decision,
    Event,
    LogEntry,
    Loss,
    Scope,
    SpanEnd,
    SpanStart,
    SpanUpdate,
)

if TYPE_CHECKING:
    from otel_replay.storage.run_files import Located

__all__ = ["Summary", "Totals", "summarise"]

_SEARCHES = 100
"""Searches that are told one by one; more of them are tasks like any other."""
_SHOWN = 20


@dataclass(slots=True, kw_only=True)
class Totals:
    """What spans of one kind, name or tool came to. `self_ns` leaves out the time of their children.

    Spans that are `open` count up to the last sign of life of the run. `repeated` are those that tell of a
    call of which another library's span told as well: they are not in the other numbers, but for `self_ns`.
    """

    count: int = 0
    failed: int = 0
    open: int = 0
    repeated: int = 0
    total_ns: int = 0
    self_ns: int = 0
    longest_ns: int = 0
    lengths: Distribution = field(default_factory=Distribution)

    def add(self, span: TrackedSpan, duration_ns: int, self_ns: int) -> None:
        """Take in one span."""
        self.count += 1
        self.failed += span.status == "error"
        self.open += span.end is None
        self.total_ns += duration_ns
        self.self_ns += self_ns
        self.longest_ns = max(self.longest_ns, duration_ns)
        if span.end is not None:
            self.lengths.add(duration_ns)

    def add_repeated(self, self_ns: int) -> None:
        """Take in a span that tells of a call once more."""
        self.repeated += 1
        self.self_ns += self_ns


@dataclass(slots=True, kw_only=True)
class Summary:
    """What :func:`summarise` found. Times are those of the first and last record, or 0."""

    start_ns: int = 0
    end_ns: int = 0
    first_decision_ns: int = 0
    last_decision_ns: int = 0
    decisions: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    artifacts: Counter[str] = field(default_factory=Counter)
    logs: int = 0
    spans: int = 0
    kinds: dict[SpanKind, Totals] = field(default_factory=dict)
    names: dict[tuple[SpanKind, str], Totals] = field(default_factory=dict)
    tasks: TaskTimes = field(default_factory=TaskTimes)
    tools: dict[str, Totals] = field(default_factory=dict)
    models: dict[str, ModelTotals] = field(default_factory=dict)
    searches: list[Search] = field(default_factory=list)
    decision_pace: Pace = field(default_factory=Pace)
    critical_ns: dict[tuple[SpanKind, str], int] = field(default_factory=dict)
    idle: Idle = field(default_factory=Idle)
    open_spans: int = 0
    open_names: tuple[str, ...] = ()
    journals: set[str] = field(default_factory=set)
    losses: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    bad_lines: int = 0
    first_bad_lines: list[tuple[str, BadLine]] = field(default_factory=list)
    torn_lines: int = 0

    @property
    def duration_ns(self) -> int:
        """From the first record to the last."""
        return max(0, self.end_ns - self.start_ns)

    def velocity(self) -> dict[str, float]:
        """What was done in an hour of the run: tasks that ended, files, tool calls and decisions."""
        calls = self.kinds.get("tool call")
        counts = {
            "tasks_per_hour": self.tasks.ended,
            "files_read_per_hour": self.events[FILE_READ_EVENT],
            "files_written_per_hour": self.events[FILE_WRITE_EVENT],
            "tool_calls_per_hour": calls.count - calls.open if calls is not None else 0,
            "decisions_per_hour": self.decisions,
        }
        return {name: per_hour(count, self.duration_ns) for name, count in counts.items()}

    def bottlenecks(self, most: int = 5) -> list[tuple[SpanKind, str, Totals]]:
        """The names whose spans took most time themselves, children left out; the largest first."""
        rows = [(kind, name, totals) for (kind, name), totals in self.names.items() if totals.self_ns]
        return sorted(rows, key=lambda row: -row[2].self_ns)[:most]


def summarise(records: Iterable[Located]) -> Summary:
    """The summary of all these records."""
    builder = _Builder()
    for item in records:
        builder.take(item.record, item.journal)
    return builder.finish()


class _Builder:
    def __init__(self) -> None:
        self.summary = Summary()
        self.book = SpanBook()
        self.self_time = SelfTime()
        self.repeats = Repeats()
        self.costs = CostsTold()
        self.critical: CriticalPath[tuple[SpanKind, str]] = CriticalPath(("other", OTHERS))
        self.below_root: set[str] = set()
        self.tasks: set[str] = set()
        self.scopes: dict[tuple[str, int], str] = {}
        self.actions: dict[str, Callable[[Any, str], None]] = {
            "scope": self.scope,
            "start": self.start,
            "update": self.update,
            "end": self.end,
            "decision": self.decision,
            "event": self.event,
            "log": self.log,
            "loss": self.loss,
            "close": self.close,
            "bad line": self.bad_line,
        }

    def take(self, record: Any, journal: str) -> None:
        summary = self.summary
        summary.journals.add(journal)
        act = self.actions.get(record.kind)
        if act is not None:
            act(record, journal)
        time_ns = 0 if record.kind in NO_SIGN_OF_LIFE else getattr(record, "time_ns", 0)
        if time_ns:
            if time_ns > summary.end_ns:
                summary.end_ns = time_ns
            if time_ns < summary.start_ns or not summary.start_ns:
                summary.start_ns = time_ns

    def scope(self, record: Scope, journal: str) -> None:
        self.scopes[journal, record.id] = record.name

    def start(self, record: SpanStart, journal: str) -> None:
        span = self.book.begin(record, journal)
        if span is not None:
            self.summary.spans += 1
            parent_id = self.book.owner(record.parent_id)
            self.self_time.begin(record.span_id, parent_id, record.time_ns)
            self.critical.begin(record.span_id, parent_id)
            if parent_id in self.book.open:
                self.below_root.add(record.span_id)
                self.summary.idle.begin(record.time_ns)
            if kind_of(record.attributes) == "task":
                self.tasks.add(record.span_id)
                self.summary.tasks.begin(_task_name(span), record.time_ns)

    def update(self, record: SpanUpdate, _: str) -> None:
        self.book.update(record)

    def end(self, record: SpanEnd, journal: str) -> None:
        dropped = self.summary.dropped
        for name in ("dropped_attributes", "dropped_events", "dropped_links"):
            count = getattr(record, name)
            if count:
                dropped[name.removeprefix("dropped_")] += count
        span = self.book.finish(record, journal)
        if span is not None:
            self.ended(span, record.time_ns)

    def ended(self, span: TrackedSpan, end_ns: int) -> None:
        summary, kind, name = self.summary, span.kind, span.name
        parent_id = self.book.owner(span.start.parent_id)
        duration_ns = max(0, end_ns - span.start.time_ns)
        self_ns = self.self_time.end(span.span_id, parent_id, end_ns, duration_ns)
        self.critical.end(span.span_id, (kind, name), duration_ns)
        if span.span_id in self.below_root:
            self.below_root.remove(span.span_id)
            summary.idle.end(end_ns)
        totals = summary.kinds.setdefault(kind, Totals())
        if self.again(span, kind, parent_id, duration_ns, self_ns):
            totals.add_repeated(self_ns)
        else:
            totals.add(span, duration_ns, self_ns)
        entry(summary.names, (kind, name), (kind, OTHERS), Totals).add(span, duration_ns, self_ns)
        if span.span_id in self.tasks:
            self.tasks.remove(span.span_id)
            search = search_of(_task_name(span), span.attributes)
            if search is not None and len(summary.searches) < _SEARCHES:
                summary.searches.append(search)
            stop = summary.tasks.still_open if span.end is None else summary.tasks.end
            stop(_task_name(span), end_ns, duration_ns)

    def again(
        self, span: TrackedSpan, kind: SpanKind, parent_id: str, duration_ns: int, self_ns: int
    ) -> bool:
        """Count what is a call, and say whether another library's span told of it before."""
        if kind != "generation" and kind != "tool call":
            self.repeats.other(span.span_id)
            self.costs.other(span.span_id)
            return False
        scope = self.scopes.get((span.journal, span.start.scope), "")
        parent = parent_id if parent_id in self.book.open else None
        if kind == "tool call":
            tool = tool_of(span)
            self.costs.other(span.span_id)
            told = self.repeats.tool_call(span, tool, scope, parent)
            if not told:
                entry(self.summary.tools, tool, OTHERS, Totals).add(span, duration_ns, self_ns)
            return told
        model = entry(self.summary.models, model_of(span.attributes), OTHERS, ModelTotals)
        usage = usage_of(span.attributes)
        model.unread_counts += unread_counts(span.attributes)
        _, before = self.repeats.generation(span, usage, scope, parent)
        if before is None:
            model.add(usage, failed=span.status == "error", duration_ns=duration_ns)
            if span.end is not None:
                model.lengths.add(duration_ns)
        else:
            model.add_repeated(usage.besides(before))
        cost = read_span(span.name, span.attributes).cost_usd
        answer = str(span.attributes.get(GEN_AI_RESPONSE_ID, ""))
        if self.costs.counts(
            span.span_id, parent or "", answer, repeated=before is not None, told=cost is not None
        ):
            model.add_cost(cost)
        return before is not None

    def decision(self, record: Decision, _: str) -> None:
        summary = self.summary
        summary.decisions += 1
        count_name(summary.actions, record.action)
        summary.decision_pace.add(record.time_ns)
        summary.idle.decision(record.time_ns)
        if not summary.first_decision_ns:
            summary.first_decision_ns = record.time_ns
        summary.last_decision_ns = record.time_ns

    def event(self, record: Event, _: str) -> None:
        count_name(self.summary.events, record.name)
        self.summary.idle.sign_of_life(record.time_ns)
        if record.dropped_attributes:
            self.summary.dropped["attributes"] += record.dropped_attributes
        if ARTIFACT_NAME in record.attributes:
            count_name(self.summary.artifacts, str(record.attributes[ARTIFACT_NAME]))

    def log(self, record: LogEntry, _: str) -> None:
        self.summary.logs += 1
        self.summary.idle.sign_of_life(record.time_ns)
        if record.dropped_attributes:
            self.summary.dropped["attributes"] += record.dropped_attributes

    def loss(self, record: Loss, _: str) -> None:
        count_name(self.summary.losses, record.reason, record.records)

    def close(self, record: Close, _: str) -> None:
        for name, count in record.notes.items():
            count_name(self.summary.notes, name, as_number(count))

    def bad_line(self, record: BadLine, journal: str) -> None:
        if record.torn:
            self.summary.torn_lines += 1
            return
        self.summary.bad_lines += 1
        if len(self.summary.first_bad_lines) < _SHOWN:
            self.summary.first_bad_lines.append((journal, record))

    def finish(self) -> Summary:
        for span in list(self.book.ended_elsewhere()):
            assert span.end is not None
            self.ended(span, span.end.time_ns)
        left = list(self.book.open.values())
        self.summary.open_spans = len(left)
        self.summary.open_names = tuple(span.name for span in left[:_SHOWN])
        for span in reversed(left):  # children before their parents
            self.ended(span, self.summary.end_ns)
        self.summary.idle.sign_of_life(self.summary.end_ns)
        self.summary.critical_ns = self.critical.names
        return self.summary


def _task_name(span: TrackedSpan) -> str:
    return span.start.name.removeprefix("task ")
