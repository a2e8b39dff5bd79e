"""What a run asked of models: calls, failures and tokens, by model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_replay.analysis.facts import as_number
from otel_replay.attributes import (
    GEN_AI_INPUT_TOKENS,
    GEN_AI_OUTPUT_TOKENS,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_MODEL,
)

__all__ = ["ModelTotals", "model_of"]


@dataclass(slots=True, kw_only=True)
class ModelTotals:
    """What generations of one model came to."""

    count: int = 0
    failed: int = 0
    total_ns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, attributes: Mapping[str, Any], *, failed: bool, duration_ns: int) -> None:
        """Take in one generation."""
        self.count += 1
        self.failed += failed
        self.total_ns += duration_ns
        self.input_tokens += as_number(attributes.get(GEN_AI_INPUT_TOKENS))
        self.output_tokens += as_number(attributes.get(GEN_AI_OUTPUT_TOKENS))


def model_of(attributes: Mapping[str, Any]) -> str:
    """The model that was asked, else the one that answered."""
    for name in (GEN_AI_REQUEST_MODEL, GEN_AI_RESPONSE_MODEL):
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return "(unnamed model)"
