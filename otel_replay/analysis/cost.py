"""What models cost: as recorded, and by a table of prices that the user gives. No price is known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from otel_replay.errors import UsageError

if TYPE_CHECKING:
    from otel_replay.analysis.generations import ModelTotals

__all__ = ["PRICE_PARTS", "CostsTold", "Price", "Prices"]

_MOST_ANSWERS = 10_000

PRICE_PARTS: tuple[str, ...] = ("input", "output", "cache_read", "cache_write")


class CostsTold:
    """Says which recorded costs count, where two libraries told of one call: the first that told one."""

    def __init__(self) -> None:
        self._below: set[str] = set()
        self._answers: dict[str, None] = {}

    def counts(self, span_id: str, parent_id: str, answer: str, *, repeated: bool, told: bool) -> bool:
        """Whether the cost of a generation that ended counts.

        Parameters
        ----------
        answer:
            The id of the model's answer, empty where it was not recorded.
        repeated:
            Another span told of the same call before.
        told:
            The span tells a cost.
        """
        before = span_id in self._below or answer in self._answers
        self._below.discard(span_id)
        if (told or before) and parent_id:
            self._below.add(parent_id)
        if told and answer:
            if len(self._answers) >= _MOST_ANSWERS:
                del self._answers[next(iter(self._answers))]
            self._answers[answer] = None
        return told and not (repeated and before)

    def other(self, span_id: str) -> None:
        """A span that is no generation ended."""
        self._below.discard(span_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a million tokens cost. What is read from or written into a cache costs as input where not said."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None

    def of(self, totals: ModelTotals) -> float:
        """What these generations cost."""
        read, written = totals.cache_read_tokens, totals.cache_write_tokens
        fresh = max(0, totals.input_tokens - read - written)
        return (
            fresh * self.input
            + read * (self.input if self.cache_read is None else self.cache_read)
            + written * (self.input if self.cache_write is None else self.cache_write)
            + totals.output_tokens * self.output
        ) / 1e6


class Prices:
    """Prices by the name of a model, which may have `*` in it. An exact name goes before a pattern."""

    def __init__(self, models: Mapping[str, Price]) -> None:
        self._models = models

    def of(self, model: str) -> Price | None:
        """The price of a model, None where the table has none."""
        exact = self._models.get(model)
        if exact is not None:
            return exact
        return next((price for name, price in self._models.items() if fnmatchcase(model, name)), None)

    @classmethod
    def read(cls, document: Any, where: str) -> Prices:
        """The prices of a document `{model: {input, output, cache_read, cache_write}}`, per million tokens.

        Raises
        ------
        UsageError
            If it is not of this shape.
        """
        models = document.get("models", document) if isinstance(document, dict) else None
        if not isinstance(models, dict) or not models:
            raise UsageError(f"{where} has no prices", hint=_SHAPE)
        return cls({name: _price(name, parts, where) for name, parts in models.items()})


_SHAPE = 'for each model, per million tokens: ["gpt-x"] input = 2.5, output = 10.0 (cache_read, cache_write)'


def _price(name: str, parts: Any, where: str) -> Price:
    if not isinstance(parts, dict) or not {"input", "output"} <= parts.keys():
        raise UsageError(f"{where}: `{name}` needs `input` and `output`", hint=_SHAPE)
    for part, value in parts.items():
        if part not in PRICE_PARTS:
            raise UsageError(
                f"{where}: `{name}` has `{part}`, which is no part of a price", hint=f"parts: {PRICE_PARTS}"
            )
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise UsageError(f"{where}: `{part}` of `{name}` is no amount: {value!r}", hint=_SHAPE)
    return Price(**{part: float(value) for part, value in parts.items()})
