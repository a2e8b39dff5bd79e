"""A run as one page for any browser: its decisions on a time line, a list to search, the grid as a heat map.

The page holds everything: nothing is loaded from anywhere, and its own policy forbids it. What was recorded
stands in it as JSON, from which nothing can break out, and the page's program shows it as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, BinaryIO

from otel_replay.analysis.grid import Grid
from otel_replay.clock import iso_milliseconds
from otel_replay.exporting.facts import RunFacts, length_of, length_text
from otel_replay.exporting.one_page import base_style, page_file, page_policy, safe_json
from otel_replay.records import Decision
from otel_replay.values import to_json

__all__ = ["write_page"]

_HERE = "otel_replay.exporting"


def write_page(stream: BinaryIO, facts: RunFacts, decisions: Sequence[Decision], grid: Grid | None) -> None:
    """Write the page to `stream`, UTF-8."""
    script = page_file(_HERE, "page.js")
    style = base_style() + page_file(_HERE, "page.css")
    length_ns = length_of(facts, decisions)
    head = page_file(_HERE, "page.html").format(
        style=style,
        policy=escape(page_policy(script, style)),
        title=escape(f"{facts.name or facts.run_id} · otel-replay"),
        name=escape(facts.name or facts.run_id),
        facts=_facts(facts, len(decisions), length_ns),
        grid=_GRID if grid is not None else _NO_GRID,
    )
    stream.write(head.rstrip("\n").encode("utf-8", "replace"))
    _write_run(stream, facts, decisions, grid, length_ns)
    stream.write(f"</script>\n<script>{script}</script>\n</body>\n</html>\n".encode())


def _facts(facts: RunFacts, decisions: int, length_ns: int) -> str:
    failed = facts.status in {"failed", "interrupted", "damaged"}
    status = f"<b{' class=bad' if failed else ''}>{escape(facts.status)}</b>"
    parts = [
        f"<b>{escape(facts.run_id)}</b>",
        status,
        iso_milliseconds(facts.started_ns),
        length_text(length_ns),
        f"{decisions:,} decision{'' if decisions == 1 else 's'}",
    ]
    parts += [escape(text) for text in (facts.chosen, facts.message) if text]
    return " · ".join(parts)


# -- the run as JSON -----------------------------------------------------------------------------------------


def _write_run(
    stream: BinaryIO, facts: RunFacts, decisions: Iterable[Decision], grid: Grid | None, length_ns: int
) -> None:
    numbers: dict[str, int] = {}
    stream.write(b'{"decisions":[')
    for place, decision in enumerate(decisions):
        row = [
            (decision.time_ns - facts.started_ns) / 1e6,
            numbers.setdefault(decision.action, len(numbers)),
            decision.reason,
            to_json(decision.cell),
            to_json(decision.values),
        ]
        if decision.extra:
            row.append(to_json(dict(decision.extra)))
        stream.write((b",\n" if place else b"\n") + safe_json(row))
    rest = {
        "actions": list(numbers),
        "grid": None if grid is None else _grid(grid),
        "started_ms": facts.started_ns / 1e6,
        "duration_ms": length_ns / 1e6,
    }
    stream.write(b"\n]," + safe_json(rest)[1:])


def _grid(grid: Grid) -> dict[str, Any]:
    rows = {row: index for index, row in enumerate(grid.rows)}
    columns = {column: index for index, column in enumerate(grid.columns)}
    return {
        "row": grid.axes.row,
        "column": grid.axes.column,
        "rows": list(grid.rows),
        "columns": list(grid.columns),
        "largest": grid.largest,
        "changes": [
            [one.number, rows[one.place[0]], columns[one.place[1]], one.before, one.after]
            for one in grid.changes
        ],
    }


_GRID = """\
<div class="asking">
<button data-mode="now" aria-pressed="true" title="after the decision that you are at">now</button>
<button data-mode="before" aria-pressed="false" title="before the first decision on each cell">before</button>
<button data-mode="after" aria-pressed="false" title="after the last decision on each cell">after</button>
<button data-mode="change" aria-pressed="false" title="after less before">change</button>
</div>
<div id="map" class="map"></div>
<p class="hint">Red is above zero, blue below. A click on a cell asks for its decisions.</p>"""
_NO_GRID = '<div id="map"></div><p class="hint">No decision changes a cell of a table.</p>'
