"""What of a span's attributes is short enough to stand beside it: everything else stays in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.attributes import (
    CODE_FUNCTION,
    CONTINUATION_OF,
    GEN_AI_INPUT_MESSAGES,
    GEN_AI_OUTPUT_MESSAGES,
    GEN_AI_SYSTEM_INSTRUCTIONS,
    GEN_AI_TOOL_DEFINITIONS,
    INTERRUPTED,
    RUN_ID,
    RUN_NAME,
    SPAN_TYPE,
)
from otel_replay.dialects.current import in_current_words

__all__ = ["as_number", "facts_of"]

_LONGEST_TEXT = 200
_MOST_ITEMS = 8
_MOST_FACTS = 24

# Said elsewhere on the screen, or too much for one line.
_LEFT_OUT = frozenset(
    {
        CODE_FUNCTION,
        CONTINUATION_OF,
        GEN_AI_INPUT_MESSAGES,
        GEN_AI_OUTPUT_MESSAGES,
        GEN_AI_SYSTEM_INSTRUCTIONS,
        GEN_AI_TOOL_DEFINITIONS,
        INTERRUPTED,
        RUN_ID,
        RUN_NAME,
        SPAN_TYPE,
    }
)


def facts_of(attributes: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """The short attributes, in their order: scalars, and small lists and maps of scalars.

    What another dialect says of a model or a tool is given in the current words of the conventions. `name` is
    that of the span.
    """
    facts: dict[str, Any] = {}
    for key, value in in_current_words(name, attributes).items():
        if key not in _LEFT_OUT and _is_short(value):
            facts[key] = value
            if len(facts) == _MOST_FACTS:
                break
    return facts


def _is_short(value: Any) -> bool:
    if isinstance(value, Mapping):
        return len(value) <= _MOST_ITEMS and all(_is_scalar(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return len(value) <= _MOST_ITEMS and all(_is_scalar(item) for item in value)
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    return value is None or isinstance(value, (bool, int, float))


def as_number(value: Any) -> int:
    """A count that a program recorded, or 0 where it is none: a token count may be missing or odd."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    return int(value) if value == value and abs(value) < 1e18 else 0
