"""What an item says under a name, for a person: `after = 6.5`, `name = 'task smooth' or 'smooth'`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otel_replay.queries.expressions import Expression, Name
from otel_replay.queries.names import DURATION
from otel_replay.queries.times import shown_ns

__all__ = ["said"]

_LONGEST = 200


def said(left: Expression, values: Sequence[Any]) -> str:
    """An expression with all that it is on an item."""
    return f"{left} = {' or '.join(_shown(left, value) for value in values) or 'not there'}"


def _shown(left: Expression, value: Any) -> str:
    if left == Name(DURATION):
        return shown_ns(value)
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
