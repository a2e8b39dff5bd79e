"""The corpus of dialects, read: each file's spans in the order of their starts, with what they mean."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from otel_replay.dialects.reading import Meaning, read_span
from otel_replay.formats.otlp_json_read import read_document
from otel_replay.formats.spans import Span

FOLDER = Path(__file__).parent.parent / "corpus" / "dialects"
FILES = tuple(sorted(path.stem for path in FOLDER.glob("*.jsonl")))


@cache
def spans_of(name: str) -> tuple[tuple[Span, Meaning], ...]:
    """The spans of a file, with the log records that belong to them."""
    items = list(read_document((FOLDER / f"{name}.jsonl").read_bytes()))
    logs: dict[str, list[Any]] = {}
    for item in items:
        if not isinstance(item, Span):
            logs.setdefault(item.entry.span_id, []).append(item.entry)
    spans = sorted((item for item in items if isinstance(item, Span)), key=lambda span: span.start_ns)
    return tuple(
        (span, read_span(span.name, span.attributes, events=[*span.events, *logs.get(span.span_id, [])]))
        for span in spans
    )


def row(meaning: Meaning) -> str:
    """What a span means, on a line: kind, dialect, model or tool or agent, tokens, why the model stopped."""
    who = {
        "generation": f"{meaning.provider} {meaning.model}",
        "tool call": f"{meaning.tool_name}({meaning.tool_arguments}) = {meaning.tool_result}",
        "agent": str(meaning.agent_name),
    }.get(meaning.kind, "")
    usage = meaning.usage
    tokens = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    told = " ".join("-" if one is None else str(one) for one in (*tokens, usage.reasoning_tokens))
    parts = [meaning.kind, meaning.dialect, who, told if usage else "", *(meaning.finish_reasons or ())]
    return " | ".join(part for part in parts if part)
