"""The calls of a run, each once, with what it took: counted as `summary` and `query` count them.

Two libraries may tell of one call, each with a span (`analysis.repeats`). The call is then the span that
ended first, with the tokens and the cost that either told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from otel_replay.analysis.cost import CostsTold
from otel_replay.analysis.items import Item
from otel_replay.analysis.repeats import Repeats, tool_of
from otel_replay.analysis.spans import TrackedSpan
from otel_replay.attributes import GEN_AI_RESPONSE_ID
from otel_replay.dialects.reading import usage_of
from otel_replay.dialects.usage import Usage
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.names import meaning_of
from otel_replay.records import SpanStart

__all__ = ["Calls", "Spent", "calls_of_run"]


@dataclass(slots=True)
class Spent:
    """A call of a model. `cost` is None where nobody recorded it."""

    item: Item
    usage: Usage
    cost: float | None = None

    def tokens(self, name: str) -> int:
        """How many it took: `tokens` (both), `input_tokens` or `output_tokens`."""
        asked, answered = self.usage.input_tokens or 0, self.usage.output_tokens or 0
        return {"tokens": asked + answered, "input_tokens": asked, "output_tokens": answered}[name]


@dataclass(frozen=True, slots=True)
class Calls:
    """What a run called, in order of beginning: models with what they took, and tools."""

    generations: Sequence[Spent]
    tools: Sequence[Item]

    def __len__(self) -> int:
        return len(self.generations) + len(self.tools)


def calls_of_run(run: Indexed) -> Calls:
    """The calls of a run, each once; worked out once for all rules."""
    return run.sample("calls", lambda: _calls(run))


def _calls(run: Indexed) -> Calls:
    repeats, costs = Repeats(), CostsTold()
    generations: dict[int, Spent] = {}
    tools: list[Item] = []
    ended: set[int] = set()
    for item in sorted(run.of("span"), key=_end):
        ended.add(item.seq)
        parent = item.parent if item.parent is not None and item.parent.seq not in ended else None
        parent_id = None if parent is None else parent.span_id
        if item.kind == "tool call":
            span = _tracked(item)
            costs.other(item.span_id)
            if not repeats.tool_call(span, tool_of(span), item.scope, parent_id):
                tools.append(item)
        elif item.kind == "generation":
            span, usage, cost = _tracked(item), usage_of(item.attributes), meaning_of(item).cost_usd
            call, before = repeats.generation(span, usage, item.scope, parent_id)
            if before is None:
                spent = generations[call] = Spent(item, usage)
            else:
                spent = generations[call]
                spent.usage = spent.usage.together(usage)
            answer = str(item.attributes.get(GEN_AI_RESPONSE_ID, ""))
            again = before is not None
            if costs.counts(item.span_id, parent_id or "", answer, repeated=again, told=cost is not None):
                spent.cost = (spent.cost or 0.0) + (cost or 0.0)
        else:
            repeats.other(item.span_id)
            costs.other(item.span_id)
    by_seq = sorted(generations.values(), key=lambda spent: spent.item.seq)
    return Calls(by_seq, sorted(tools, key=lambda item: item.seq))


def _end(item: Item) -> tuple[bool, int, int]:
    """Spans in the order of their ends; what never ended last, and what is inside before what is around."""
    return (item.open, item.end_ns or 0, -item.seq)


def _tracked(item: Item) -> TrackedSpan:
    assert isinstance(item.record, SpanStart)
    start = item.record if item.record.name == item.name else replace(item.record, name=item.name)
    return TrackedSpan(start=start, journal=item.process, attributes=dict(item.attributes))
