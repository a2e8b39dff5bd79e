"""A comparison as one page for any browser: differences to search and to step through, and the grid.

The page holds everything and loads nothing, as the page of a run does (`exporting.one_page`).
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, BinaryIO

from otel_replay.diffing.difference import Difference
from otel_replay.diffing.findings import Finding
from otel_replay.diffing.grids import GridDifference
from otel_replay.diffing.totals import ActionTotals
from otel_replay.diffing.values import MISSING, Change
from otel_replay.diffing.words import amount_text, delta_text, headline, name_of_run, notes
from otel_replay.exporting.one_page import (
    base_script,
    base_style,
    page_file,
    page_policy,
    page_text,
    safe_json,
)
from otel_replay.records import Decision
from otel_replay.values import to_json

__all__ = ["MOST_FINDINGS", "write_page"]

MOST_FINDINGS = 50_000
"""More differences than that are counted on the page and not listed; the JSON document has them all."""

_HERE = "otel_replay.diffing"
_HOWS = ("changed", "added", "removed", "moved", "not reached")


def write_page(stream: BinaryIO, found: Difference) -> None:
    """Write the page to `stream`, UTF-8."""
    script = base_script() + page_file(_HERE, "page.js")
    style = base_style() + page_file(_HERE, "page.css")
    head = page_file(_HERE, "page.html").format(
        style=style,
        policy=escape(page_policy(script, style)),
        title=page_text(f"{name_of_run(found, 'a')} and {name_of_run(found, 'b')} · otel-replay"),
        headline=page_text(headline(found)),
        a=_run(found, "a"),
        b=_run(found, "b"),
        notes="".join(f'<p class="note">{page_text(note)}</p>' for note in notes(found)),
    )
    stream.write(head.rstrip("\n").encode("utf-8", "replace"))
    _write_findings(stream, found)
    stream.write(f"</script>\n<script>{script}</script>\n</body>\n</html>\n".encode())


def _run(found: Difference, letter: str) -> str:
    items = found.a if letter == "a" else found.b
    bad = " class=bad" if items.status in {"failed", "interrupted"} else ""
    status = f"<b{bad}>{page_text(items.status)}</b>"
    return f"<b>{page_text(name_of_run(found, letter))}</b> · {status} · {len(items):,} items"


def _write_findings(stream: BinaryIO, found: Difference) -> None:
    paths: dict[tuple[str, ...], int] = {}
    places = _Places(found.grid)
    stream.write(b'{"findings":[')
    for number, finding in enumerate(found.findings[:MOST_FINDINGS]):
        path = paths.setdefault(finding.path, len(paths))
        row = _finding(finding, path, found.followers.get(finding.number, 0), places.of(finding))
        stream.write((b",\n" if number else b"\n") + safe_json(row))
    first = found.first_divergence
    rest = {
        "paths": list(paths),
        "hows": _HOWS,
        "left_out": max(0, len(found.findings) - MOST_FINDINGS),
        "first": None if first is None or first.number > MOST_FINDINGS else first.number,
        "context": [list(one) for one in found.context],
        "actions": [_action(row) for row in found.actions],
        "figures": list(_figures(found)),
        "grid": None if found.grid is None else _grid(found.grid),
    }
    stream.write(b"\n]," + safe_json(rest)[1:])


def _finding(finding: Finding, path: int, followers: int, place: list[int] | None) -> list[Any]:
    return [
        finding.number,
        _HOWS.index(finding.how),
        finding.title,
        path,
        [_change(change) for change in finding.changes],
        finding.items,
        finding.follows,
        finding.why,
        followers,
        place,
    ]


def _change(change: Change) -> list[Any]:
    before, after = (None if one is MISSING else to_json(one) for one in (change.before, change.after))
    return [change.name, before, after, change.how]


class _Places:
    """Which cell of the grid a decision is about, by the numbers of its row and its column."""

    def __init__(self, grid: GridDifference | None) -> None:
        self.grid = grid
        self.rows = {} if grid is None else {row: number for number, row in enumerate(grid.rows)}
        self.columns = {} if grid is None else {column: number for number, column in enumerate(grid.columns)}

    def of(self, finding: Finding) -> list[int] | None:
        record = finding.item.record
        if self.grid is None or not isinstance(record, Decision) or not isinstance(record.cell, dict):
            return None
        try:
            row, column = (record.cell.get(name) for name in (self.grid.row, self.grid.column))
            return [self.rows[row], self.columns[column]]  # type: ignore[index]  # what is none is not in it
        except (KeyError, TypeError):
            return None


def _action(row: ActionTotals) -> dict[str, Any]:
    names = ("action", "a", "b", "same", "changed", "added", "removed", "moved", "not_reached")
    largest = "" if row.largest is None else f"{row.largest.name} {delta_text(row.largest)}"
    return {**{name: getattr(row, name) for name in names}, "largest": largest}


def _figures(found: Difference) -> Iterator[list[str]]:
    for one in found.aggregates:
        change = f"{one.change / one.a:+.1%}" if one.change and one.a else ""
        yield [one.name, amount_text(one, one.a), amount_text(one, one.b), change]


def _grid(grid: GridDifference) -> dict[str, Any]:
    rows = {row: number for number, row in enumerate(grid.rows)}
    columns = {column: number for number, column in enumerate(grid.columns)}
    values = [abs(value) for cell in grid.cells.values() for value in (cell.a, cell.b) if value is not None]
    return {
        "value": grid.value,
        "row": grid.row,
        "column": grid.column,
        "rows": list(grid.rows),
        "columns": list(grid.columns),
        "changed": grid.changed,
        "largest": grid.largest,
        "most": max(values, default=0.0),
        "cells": [
            [rows[row], columns[column], cell.a, cell.b, cell.same]
            for (row, column), cell in grid.cells.items()
        ],
    }
