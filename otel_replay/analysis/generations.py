"""What a run asked of models: calls, failures and tokens, by model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_replay.analysis.distribution import Distribution
from otel_replay.dialects import reading
from otel_replay.dialects.usage import Usage

__all__ = ["ModelTotals", "model_of"]


@dataclass(slots=True, kw_only=True)
class ModelTotals:
    """What generations of one model came to.

    Tokens from a cache are part of the input, those of reasoning part of the output. A call of which two
    libraries told counts once; `repeated` says how many spans told of it again. `unread_counts` are counts of
    tokens that are no whole numbers, and are counted nowhere.
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
    unread_counts: int = 0
    costs: int = 0
    cost_usd: float = 0.0
    lengths: Distribution = field(default_factory=Distribution)

    def add(self, usage: Usage, *, failed: bool, duration_ns: int) -> None:
        """Take in one generation."""
        self.count += 1
        self.failed += failed
        self.total_ns += duration_ns
        self.add_tokens(usage)

    def add_repeated(self, usage: Usage) -> None:
        """Take in a span that tells of a call once more, with the tokens that were not told before."""
        self.repeated += 1
        self.add_tokens(usage)

    def add_cost(self, cost_usd: float | None) -> None:
        """Take in what one call cost, where somebody recorded it; `costs` counts those."""
        if cost_usd is not None:
            self.costs += 1
            self.cost_usd += cost_usd

    def add_tokens(self, usage: Usage) -> None:
        """Take in the tokens of one generation."""
        asked, answered, read, written, reasoned = usage
        self.input_tokens += asked or 0
        self.output_tokens += answered or 0
        if read or written or reasoned:
            self.cache_read_tokens += read or 0
            self.cache_write_tokens += written or 0
            self.reasoning_tokens += reasoned or 0


def model_of(attributes: Mapping[str, Any]) -> str:
    """The model that was asked, else the one that answered."""
    return reading.model_of(attributes) or "(unnamed model)"
