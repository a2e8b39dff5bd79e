"""A run as one page for any browser: its decisions on a time line, a list to search, the grid as a heat map.

The page holds everything: nothing is loaded from anywhere, and its own policy forbids it. What was recorded
stands in it as JSON, from which nothing can break out, and the page's program shows it as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, BinaryIO

from otel_replay.analysis.grid import Grid
from otel_replay.exporting.facts import RunFacts, length_of, length_text, when_text
from otel_replay.exporting.one_page import (
    base_script,
    base_style,
    page_file,
    page_policy,
    page_text,
    safe_json,
)
from otel_replay.exporting.steps import Step, Steps
from otel_replay.records import Decision
from otel_replay.values import to_json
from otel_replay.wording import counted

__all__ = ["write_page"]

_HERE = "otel_replay.exporting"


def write_page(
    stream: BinaryIO,
    facts: RunFacts,
    decisions: Sequence[Decision],
    grid: Grid | None,
    steps: Steps | None = None,
) -> None:
    """Write the page to `stream`, UTF-8; `steps` are the run's spans, where they are to be on it."""
    script = base_script() + page_file(_HERE, "steps.js") + page_file(_HERE, "page.js")
    style = base_style() + page_file(_HERE, "page.css")
    length_ns = length_of(facts, decisions)
    head = page_file(_HERE, "page.html").format(
        style=style,
        policy=escape(page_policy(script, style)),
        title=page_text(f"{facts.name or facts.run_id} · otel-replay"),
        name=page_text(facts.name or facts.run_id),
        facts=_facts(facts, len(decisions), length_ns, steps),
        no_steps="" if steps and steps.shown else " hidden",
        no_decisions="" if decisions else " hidden",
        some_decisions=" hidden" if decisions else "",
        no_grid=" hidden" if grid is None else "",
    )
    stream.write(head.rstrip("\n").encode("utf-8", "replace"))
    _write_run(stream, facts, decisions, grid, length_ns, steps)
    stream.write(f"</script>\n<script>{script}</script>\n</body>\n</html>\n".encode())


def _facts(facts: RunFacts, decisions: int, length_ns: int, steps: Steps | None) -> str:
    failed = facts.status in {"failed", "interrupted", "damaged"}
    status = f"<b{' class=bad' if failed else ''}>{page_text(facts.status)}</b>"
    parts = [
        f"<b>{page_text(facts.run_id)}</b>",
        status,
        when_text(facts.started_ns),
        length_text(length_ns),
        *([counted(steps.total, "span")] if steps and steps.total else []),
        counted(decisions, "decision"),
    ]
    parts += [page_text(text) for text in (facts.chosen, facts.message) if text]
    return " · ".join(parts)


# -- the run as JSON -----------------------------------------------------------------------------------------


def _write_run(
    stream: BinaryIO,
    facts: RunFacts,
    decisions: Iterable[Decision],
    grid: Grid | None,
    length_ns: int,
    steps: Steps | None,
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
        "steps": [] if steps is None else _steps(steps, facts.started_ns),
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


def _steps(steps: Steps, started_ns: int) -> list[list[Any]]:
    places = {step.node.span_id: place for place, step in enumerate(steps.shown)}
    return [_step(step, started_ns, places) for step in steps.shown]


def _step(step: Step, started_ns: int, places: Mapping[str, int]) -> list[Any]:
    node, cause = step.node, step.node.cause
    length_ns = node.duration_ns
    return [
        node.depth,
        node.kind,
        node.name,
        (node.start_ns - started_ns) / 1e6,
        None if length_ns is None else length_ns / 1e6,
        "open" if node.open else node.status,
        node.message,
        to_json(node.facts),
        [list(pair) for pair in step.said],
        node.fold.spans,
        sum(node.counts.values()),
        *([] if cause is None else [[places.get(cause.span_id), cause.name, cause.by]]),
    ]
