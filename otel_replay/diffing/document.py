"""A difference as plain JSON types, for programs; `docs/diff.md` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_replay.analysis.items import Item, Items
from otel_replay.clock import iso_milliseconds
from otel_replay.diffing.findings import Finding
from otel_replay.diffing.grids import GridDifference
from otel_replay.diffing.totals import ActionTotals, Aggregate
from otel_replay.diffing.values import MISSING, Change
from otel_replay.values import to_json

if TYPE_CHECKING:
    from otel_replay.diffing.difference import Difference

__all__ = ["as_document", "finding_document"]

SCHEMA, VERSION = "otel-replay.diff", 1


def as_document(found: Difference) -> dict[str, Any]:
    """The whole difference."""
    first = found.first_divergence
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "equal": found.equal,
        "equal_so_far": found.equal_so_far,
        "decisions_only": found.decisions_only,
        "places": list(found.places),
        "a": _run(found.a),
        "b": _run(found.b),
        "counts": {
            "same": found.same,
            "changed": len(found.changed),
            "added": len(found.added),
            "removed": len(found.removed),
            "moved": len(found.moved),
            "not_reached": len(found.not_reached),
            "independent": len(found.independent),
        },
        "first_divergence": None if first is None else first.number,
        "context": [{"title": one.title, "how": one.how, "here": one.here} for one in found.context],
        "findings": [finding_document(one) for one in found.findings],
        "actions": [_action(row) for row in found.actions],
        "aggregates": [_aggregate(figure) for figure in found.aggregates],
        "grid": None if found.grid is None else _grid(found.grid),
    }


def _run(items: Items) -> dict[str, Any]:
    return {
        "run_id": items.run_id,
        "name": items.name,
        "source": items.source,
        "status": items.status,
        "items": len(items),
        "lost": items.lost,
        "bad_lines": len(items.bad_lines),
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding."""
    return {
        "number": finding.number,
        "how": finding.how,
        "kind": finding.item.kind,
        "name": finding.item.name,
        "title": finding.title,
        "path": list(finding.path),
        "before": _item(finding.before),
        "after": _item(finding.after),
        "changes": [_change(change) for change in finding.changes],
        "items": finding.items,
        "independent": finding.independent and finding.how != "not reached",
        "follows": finding.follows,
        "why": finding.why,
    }


def _item(item: Item | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {"seq": item.seq, "span_id": item.span_id, "time": iso_milliseconds(item.start_ns)}


def _change(change: Change) -> dict[str, Any]:
    document: dict[str, Any] = {"path": list(change.path), "how": change.how}
    if change.before is not MISSING:
        document["before"] = to_json(change.before)
    if change.after is not MISSING:
        document["after"] = to_json(change.after)
    return document


def _action(row: ActionTotals) -> dict[str, Any]:
    names = ("action", "a", "b", "same", "changed", "added", "removed", "moved", "not_reached")
    return {
        **{name: getattr(row, name) for name in names},
        "largest": None if row.largest is None else _change(row.largest),
    }


def _aggregate(figure: Aggregate) -> dict[str, Any]:
    return {"name": figure.name, "unit": figure.unit, "a": figure.a, "b": figure.b}


def _grid(grid: GridDifference) -> dict[str, Any]:
    return {
        "value": grid.value,
        "row": grid.row,
        "column": grid.column,
        "rows": list(grid.rows),
        "columns": list(grid.columns),
        "changed": grid.changed,
        "cells": [
            {"row": row, "column": column, "a": cell.a, "b": cell.b, "same": cell.same}
            for (row, column), cell in grid.cells.items()
        ],
    }
