"""The spans of a run for its page: the tree, and of calls what was asked and what came back.

Bounded, so that a browser shows it: of many spans the outline, as `show` picks it, and of long texts the
beginning. What is left out is told on the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.causes import tell_causes
from otel_replay.analysis.pick import pick
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.analysis.tree import Limits, Node
from otel_replay.analysis.tree_builder import build_tree
from otel_replay.dialects.messages import Message
from otel_replay.dialects.reading import read_span
from otel_replay.values import to_json

if TYPE_CHECKING:
    from otel_replay.storage.run_files import Located

__all__ = ["MOST_STEPS", "Step", "Steps", "find_steps"]

MOST_STEPS = 2_000
"""More spans than that are counted at the one that they are in."""
LONGEST_TEXT = 10_000
"""Characters of one message, one argument or one result that are shown."""
MOST_TEXT = 4_000_000
"""Characters of all messages, arguments and results of one page."""

_CALLS = frozenset({"generation", "tool call", "agent"})
_MOST_MESSAGES = 40
_MOST_MOMENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A span. `said` are pairs of a heading (a role, `arguments`, `result`) and a text, in their order."""

    node: Node
    said: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The spans that are shown, parents first, and how many there are in all."""

    shown: list[Step]
    total: int


def find_steps(
    records: Callable[[], Iterable[Located]], read_blob: Callable[[str], bytes] | None = None
) -> Steps:
    """The steps of a run; `records` gives its records from the beginning, each time that it is called."""
    tree = build_tree(records(), Limits(nodes=MOST_STEPS * 4, moments=0, all_moments=0))
    pick(tree, MOST_STEPS)
    tell_causes(tree, records, read_blob)
    nodes = [node for node in tree.top.walk() if node is not tree.top]
    calls = {node.span_id for node in nodes if node.kind in _CALLS}
    said = dict(_said(records(), calls)) if calls else {}
    return Steps(shown=[Step(node=node, said=said.get(node.span_id, [])) for node in nodes], total=tree.spans)


def _said(records: Iterable[Located], calls: set[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    book = SpanBook()
    told: dict[str, list[Any]] = {}
    room = MOST_TEXT
    for span in _ended(records, calls, book, told):
        texts = _texts(span, told.pop(span.span_id, []))
        size = sum(len(text) for _, text in texts)
        if size <= room:
            room -= size
        else:
            texts = [("left out", f"{size:,} characters: this page holds as much text as it may")]
        yield span.span_id, texts


def _ended(
    records: Iterable[Located], calls: set[str], book: SpanBook, told: dict[str, list[Any]]
) -> Iterator[TrackedSpan]:
    for item in records:
        record = item.record
        if record.kind == "start":
            book.begin(record, item.journal)
        elif record.kind == "update":
            book.update(record)
        elif record.kind == "end":
            span = book.finish(record, item.journal)
            if span is not None and span.span_id in calls:
                yield span
        elif record.kind in ("event", "log") and record.span_id in calls:
            # Older conventions told messages so.
            moments = told.setdefault(record.span_id, [])
            if len(moments) < _MOST_MOMENTS:
                moments.append(record)
    for span in (*book.ended_elsewhere(), *book.open.values()):
        if span.span_id in calls:
            yield span


def _texts(span: TrackedSpan, moments: list[Any]) -> list[tuple[str, str]]:
    meaning = read_span(span.name, span.attributes, events=moments)
    texts: list[tuple[str, str]] = []
    if meaning.kind == "tool call":
        pairs = (("arguments", meaning.tool_arguments), ("result", meaning.tool_result))
        return [(name, _short(_text(value))) for name, value in pairs if value is not None]
    if meaning.system_instructions:
        texts.append(("instructions", _short(_parts(meaning.system_instructions))))
    asked = meaning.input_messages or []
    if len(asked) > _MOST_MESSAGES:
        texts.append(("before", f"… {len(asked) - _MOST_MESSAGES} earlier messages"))
    texts += map(_message, asked[-_MOST_MESSAGES:])
    answers = meaning.output_messages or []
    texts += (("answer", _short(_parts(one.get("parts") or []))) for one in answers[:_MOST_MESSAGES])
    if len(answers) > _MOST_MESSAGES:
        texts.append(("after", f"… {len(answers) - _MOST_MESSAGES} more answers"))
    return texts


def _message(message: Message) -> tuple[str, str]:
    return str(message.get("role", "")), _short(_parts(message.get("parts") or []))


def _parts(parts: Any) -> str:
    return "\n".join(_part(part) for part in parts)


def _part(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("text", "reasoning") and isinstance(part.get("content"), str):
        return str(part["content"])
    if kind == "tool_call":
        return f"→ {part.get('name')} {_text(part.get('arguments'))}"
    if kind == "tool_call_response":
        return _text(part.get("response"))
    return _text(part)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(to_json(value), ensure_ascii=False)


def _short(text: str) -> str:
    over = len(text) - LONGEST_TEXT
    return text if over <= 0 else f"{text[:LONGEST_TEXT]} … {over:,} characters more"
