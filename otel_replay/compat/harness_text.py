"""What harness-rs says of a session: statistics, and an event on one line, as Rust has it to the letter."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from otel_replay.compat.harness_events import (
    End,
    Heartbeat,
    PostCompact,
    PostModel,
    PostTool,
    PreCompact,
    PreModel,
    PreTool,
    Sensor,
    SessionEvent,
    Start,
    plain,
)
from otel_replay.orjson_loading import orjson

__all__ = ["SessionStats", "debug_text", "format_event_short"]

_LONGEST_TEXT = 60


@dataclass(slots=True)
class SessionStats:
    """A session in numbers. `duration_ms` is from the first event to the last."""

    events: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    iters: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    stages_run: int = 0
    duration_ms: int = 0

    @classmethod
    def from_events(cls, events: Iterable[SessionEvent]) -> SessionStats:
        """Count events (`SessionStats::from` in the original)."""
        stats = cls()
        first_ms = last_ms = None
        for event in events:
            stats.events += 1
            first_ms = event.ts_ms if first_ms is None else first_ms
            last_ms = event.ts_ms
            if isinstance(event, PostModel):
                stats.model_calls += 1
                stats.input_tokens += event.output.usage.input_tokens
                stats.output_tokens += event.output.usage.output_tokens
            elif isinstance(event, PreTool):
                stats.tool_calls += 1
            elif isinstance(event, PostCompact):
                stats.stages_run += 1
            elif isinstance(event, Heartbeat):
                stats.iters = max(stats.iters, event.iter + 1)
        if first_ms is not None and last_ms is not None:
            stats.duration_ms = last_ms - first_ms
        return stats


def format_event_short(event: SessionEvent) -> str:
    """One event on one line, without its time."""
    return _FORMATS[type(event)](event)


def _model(event: PostModel) -> str:
    usage = event.output.usage
    tokens = f"[{usage.input_tokens}/{usage.output_tokens} tok]"
    if event.output.tool_calls:
        return f"← model: {len(event.output.tool_calls)} tool_call(s) {tokens}"
    return f"← model: {debug_text((event.output.text or '')[:_LONGEST_TEXT])} {tokens}"


_FORMATS: dict[type[SessionEvent], Callable[[Any], str]] = {
    Start: lambda event: f"session start ({event.source})",
    Heartbeat: lambda event: f"iter {event.iter}",
    PreModel: lambda event: f"→ model (history={event.history_len}, tools={event.tools_count})",
    PostModel: _model,
    PreTool: lambda event: f"  → tool {event.action.tool} args={_compact(event.action.args)}",
    PostTool: lambda event: f"  ← tool {event.call_id} ok={'true' if event.result.ok else 'false'}",
    Sensor: lambda event: f"  ⚑ sensor {event.id}: {event.signals} signal(s)",
    PreCompact: lambda event: f"  ⇩ pre-compact {_variant(event.stage)}",
    PostCompact: lambda event: f"  ⇧ post-compact {_variant(event.stage)}",
    End: lambda event: "session end",  # noqa: ARG005 - the table's signature
}


def _compact(value: Any) -> str:
    """JSON as serde_json's Display has it."""
    return orjson.dumps(plain(value)).decode()


def _variant(name: str) -> str:
    """The name of an enum's variant, of its name in JSON: `budget-reduce` is `BudgetReduce`."""
    return "".join(word[:1].upper() + word[1:] for word in name.replace("_", "-").split("-"))


_ESCAPES = {"\0": "\\0", "\t": "\\t", "\r": "\\r", "\n": "\\n", '"': '\\"', "\\": "\\\\"}

# Unicode's Other_Grapheme_Extend, besides nonspacing and enclosing marks.
_MORE_EXTENDING = frozenset(
    chr(code)
    for first, last in (
        *((0x09BE, 0x09BE), (0x09D7, 0x09D7), (0x0B3E, 0x0B3E), (0x0B57, 0x0B57), (0x0BBE, 0x0BBE)),
        *((0x0BD7, 0x0BD7), (0x0CC2, 0x0CC2), (0x0CD5, 0x0CD6), (0x0D3E, 0x0D3E), (0x0D57, 0x0D57)),
        *((0x0DCF, 0x0DCF), (0x0DDF, 0x0DDF), (0x1B35, 0x1B35), (0x200C, 0x200C), (0x302E, 0x302F)),
        *((0xFF9E, 0xFF9F), (0x1133E, 0x1133E), (0x11357, 0x11357), (0x114B0, 0x114B0)),
        *((0x114BD, 0x114BD), (0x115AF, 0x115AF), (0x11930, 0x11930), (0x1D165, 0x1D165)),
        *((0x1D16E, 0x1D172), (0xE0020, 0xE007F)),
    )
    for code in range(first, last + 1)
)


def debug_text(text: str) -> str:
    """Text as Rust's `{:?}` shows it: in quotes, what cannot be printed and combining marks as `\\u{301}`."""
    return '"' + "".join(_ESCAPES.get(letter) or _letter(letter) for letter in text) + '"'


def _letter(letter: str) -> str:
    extends = unicodedata.category(letter) in ("Mn", "Me") or letter in _MORE_EXTENDING
    return f"\\u{{{ord(letter):x}}}" if extends or not letter.isprintable() else letter
