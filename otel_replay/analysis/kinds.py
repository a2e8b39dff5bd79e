"""What a span is, told by `otel_replay.dialects`, and which span it carries on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.attributes import CONTINUATION_OF
from otel_replay.dialects.kinds import KINDS, SpanKind, kind_of

__all__ = ["KINDS", "SpanKind", "continued_span", "kind_of"]


def continued_span(attributes: Mapping[str, Any]) -> str | None:
    """The id of the span that a continuation carries on, or None for a span of its own."""
    span_id = attributes.get(CONTINUATION_OF)
    return span_id if isinstance(span_id, str) and span_id else None
