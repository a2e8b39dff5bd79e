"""The figures as tables in Markdown, put between two marks of a page: it says what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.rows import Row, number_text, range_text

__all__ = ["BEGIN", "END", "as_markdown", "put_into"]

BEGIN = "<!-- figures: python -m bench --update docs/performance.md -->"
END = "<!-- end of figures -->"
_MARKS = {None: "", True: "✓", False: "✗"}


def as_markdown(rows: Sequence[Row], about: dict[str, Any]) -> str:
    """A table for each measurement, under the command that gives it again."""
    lines = [
        f"Measured {about['date']} with CPython {about['python']} ({about['system']}, {about['cpus']} cores)."
    ]
    last = ""
    for item in rows:
        if item.measurement != last:
            last = item.measurement
            lines += ["", f"`python -m bench --only {last}`", ""]
            lines += [
                "| what | bar | median | four of five within | fastest | |",
                "|---|---|---|---|---|---|",
            ]
        lines.append(_line(item))
    return "\n".join(lines)


def _line(item: Row) -> str:
    what = item.what.strip() + (f"<br>{item.note}" if item.note else "")
    bar = "" if item.bar is None else f"≤ {number_text(item.bar, item.unit)}"
    if item.stretch is not None:
        bar += f" (stretch {number_text(item.stretch, item.unit)})"
    best = number_text(item.best, item.unit) if item.best != item.median else ""
    cells = (what, bar, number_text(item.median, item.unit), range_text(item), best, _MARKS[item.ok])
    return f"| {' | '.join(cells)} |"


def put_into(page: str, figures: str) -> str:
    """The page with other figures.

    Raises
    ------
    ValueError
        If the page has no place for them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no `{BEGIN}` … `{END}`")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"
