"""What a dialect is: for each part of a meaning, where its words say it. A table, and the reading of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_replay.dialects.kinds import SpanKind

__all__ = ["Said", "Source", "Table", "first", "of_kind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """All that was recorded of a span, as a source may look at it.

    `moments` are its span events, and log records that belong to it, as pairs of a name and what they say.
    """

    name: str
    kind: SpanKind
    attributes: Mapping[str, Any]
    moments: Sequence[tuple[str, Mapping[str, Any]]] = ()


Source = str | Callable[[Said], Any]
"""An attribute, or a function that looks further; None where nothing is said."""


def of_kind(kind: SpanKind, name: str, marked_by: str = "") -> Source:
    """An attribute with a name that anybody might use: only where kind and `marked_by` say whose it is."""

    def read(said: Said) -> Any:
        if said.kind != kind or (marked_by and marked_by not in said.attributes):
            return None
        return said.attributes.get(name)

    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The words of one dialect: part of a meaning -> where to look, the newest name first."""

    name: str
    parts: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)


def first(said: Said, sources: Sequence[Source], convert: Callable[[Any], Any]) -> Any:
    """What the first source says that `convert` can read; None where there is none."""
    for source in sources:
        raw = said.attributes.get(source) if isinstance(source, str) else source(said)
        if raw is not None:
            value = convert(raw)
            if value is not None:
                return value
    return None
