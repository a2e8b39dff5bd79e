"""What an item is called where it is told of: a decision with its cell, a checkpoint with its name."""

from __future__ import annotations

from collections.abc import Mapping

from otel_replay import attributes as names
from otel_replay.analysis.items import Item
from otel_replay.records import Decision, Event

__all__ = ["own_name", "title_of"]

_MOST_IN_TITLE = 60


def own_name(item: Item) -> str:
    """What a checkpoint or an output is called; empty for what has no name of its own."""
    for key in (names.CHECKPOINT_NAME, names.ARTIFACT_NAME):
        name = item.attributes.get(key)
        if isinstance(name, str):
            return name
    return ""


def title_of(item: Item) -> str:
    """What an item is called: a decision with its cell, an output with its name, all else by its name."""
    record = item.record
    if isinstance(record, Event):
        return f"{item.name} {own_name(item)}".strip()
    if not isinstance(record, Decision) or not record.cell:
        return item.name
    if not isinstance(record.cell, Mapping):
        return f"{record.action} {record.cell}"[:_MOST_IN_TITLE]
    # What comes first in a cell is what it is found by: rpm and kpa before their indices.
    named = {key: value for key, value in record.cell.items() if not str(key).endswith("_index")}
    shown = [f"{key}={value}" for key, value in (named or record.cell).items()]
    return " ".join([record.action, *(part for part in shown[:4] if len(part) < _MOST_IN_TITLE)])
