"""What a run asked of models: calls, failures and tokens, by model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from otel_replay.dialects import reading
from otel_replay.dialects.usage import NO_USAGE, USAGE

__all__ = ["ModelTotals", "model_of"]


@dataclass(slots=True, kw_only=True)
class ModelTotals:
    """What generations of one model came to.

    Tokens from a cache are part of the input, those of reasoning part of the output. A call of which two
    libraries told counts once; `repeated` says how many spans told of it again.
    """

    count: int = 0
    failed: int = 0
    repeated: int = 0
    total_ns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def add(self, attributes: Mapping[str, Any], *, failed: bool, duration_ns: int) -> None:
        """Take in one generation."""
        self.count += 1
        self.failed += failed
        self.total_ns += duration_ns
        self.add_tokens(attributes)

    def add_tokens(self, attributes: Mapping[str, Any], but: Collection[str] = ()) -> None:
        """Take in the tokens of one generation, `but` those that were taken in already (names of `Usage`)."""
        usage = reading.usage_of(attributes)
        if usage is not NO_USAGE:
            for name in USAGE:
                count = getattr(usage, name)
                if count and name not in but:
                    setattr(self, name, getattr(self, name) + count)


def model_of(attributes: Mapping[str, Any]) -> str:
    """The model that was asked, else the one that answered."""
    return reading.model_of(attributes) or "(unnamed model)"
