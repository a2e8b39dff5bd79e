"""A run as a PDF: its head, how many decisions of each action, the grid before and after, every decision.

The fonts that every PDF reader has know Latin letters. Other characters are written as their code
(`\\u03bb`), unless a font that has them is given: nothing is left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from otel_replay.analysis.grid import Grid, Place
from otel_replay.clock import iso_milliseconds
from otel_replay.errors import UsageError
from otel_replay.exporting.facts import RunFacts, length_of, length_text
from otel_replay.records import Decision
from otel_replay.values import to_json

__all__ = ["write_paper"]

_WIDTH = 277.0  # A4 across, in mm, without margins
_COLUMNS = (
    ("#", 13.0),
    ("time", 22.0),
    ("action", 46.0),
    ("cell", 46.0),
    ("values", 84.0),
    ("reason", 66.0),
)
_LINE = 4.2
_FONTS = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf")
_KEPT_TOGETHER = 20
_MOST_WORDS = 20_000
_LONGEST = 400  # letters; no column has room for as many
_MOST_PLACES = 40_000
_RED, _BLUE, _SOFT = (214, 64, 52), (52, 110, 214), (110, 115, 125)
_NEXT: dict[str, Any] = {"new_x": XPos.LMARGIN, "new_y": YPos.NEXT}


class _Paper(FPDF):
    """Pages that say which run they are of and where they stand in it."""

    def __init__(self) -> None:
        super().__init__(orientation="landscape", format="A4")
        self._widths: dict[str, float] = {}
        self.alias_nb_pages("{pages}")  # as wide as any number of pages is

    run_line = ""
    face = "Helvetica"

    def width_of(self, word: str) -> float:
        """How wide a word is in the table's letters; most words come again and again."""
        if len(self._widths) > _MOST_WORDS:
            self._widths.clear()
        known = self._widths.get(word)
        if known is None:
            known = self._widths[word] = self.get_string_width(word)
        return known

    def footer(self) -> None:
        """The line at the foot of each page."""
        self.set_y(-11)
        self.set_font(self.face, size=7)
        self.set_text_color(*_SOFT)
        self.cell(_WIDTH / 2, 5, self.run_line)
        self.cell(_WIDTH / 2, 5, f"{self.page_no()} / {{pages}}", align="R")
        self.set_text_color(0)


def write_paper(
    stream: BinaryIO,
    facts: RunFacts,
    decisions: Sequence[Decision],
    grid: Grid | None,
    *,
    font: Path | None = None,
) -> None:
    """Write the PDF to `stream`; A4 across.

    Parameters
    ----------
    font:
        A TrueType or OpenType font for all text.

    Raises
    ------
    UsageError
        If the font cannot be read.
    """
    paper = _Paper()
    paper.set_title(_letters(facts.name or facts.run_id, None))
    paper.set_creator("otel-replay")
    paper.set_creation_date(datetime.fromtimestamp(facts.started_ns // 10**9, timezone.utc))
    paper.set_auto_page_break(True, margin=14)
    paper.set_margin(10)
    if font is not None:
        _use(paper, font)
    paper.run_line = _shown(paper, facts.run_id)
    paper.add_page()
    _head(paper, facts, decisions)
    if grid is not None:
        _grid(paper, grid)
    _decisions(paper, facts, decisions)
    stream.write(bytes(paper.output()))


def _use(paper: _Paper, font: Path) -> None:
    try:
        with font.open("rb") as stream:
            if stream.read(4) not in _FONTS:
                raise ValueError("it is neither TrueType nor OpenType")
        paper.add_font("given", fname=str(font))
        paper.add_font("given", style="B", fname=str(font))
    except Exception as error:  # fontTools raises whatever a damaged font makes of it
        raise UsageError(f"`{font}` cannot be used as a font: {error}") from None
    paper.face = "given"


def _letters(text: str, face: str | None) -> str:
    """`text` on one line, in characters that the font has; those that it has not as their codes."""
    line = "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
    if face == "given":
        return line.encode("utf-8", "backslashreplace").decode()
    return line.encode("latin-1", "backslashreplace").decode("latin-1")


def _shown(paper: _Paper, text: str) -> str:
    return _letters(text, paper.face)


def _head(paper: _Paper, facts: RunFacts, decisions: Sequence[Decision]) -> None:
    paper.set_font(paper.face, "B", 16)
    paper.multi_cell(_WIDTH, 8, _shown(paper, facts.name or facts.run_id), **_NEXT)
    paper.set_font(paper.face, size=9)
    paper.set_text_color(*_SOFT)
    length_ns = length_of(facts, decisions)
    told = [facts.run_id, facts.status, iso_milliseconds(facts.started_ns), length_text(length_ns)]
    told += [f"{len(decisions):,} decisions", facts.chosen, facts.message]
    paper.multi_cell(_WIDTH, 5, _shown(paper, " - ".join(filter(None, told))), **_NEXT)
    paper.set_text_color(0)
    paper.ln(3)
    counts = Counter(decision.action for decision in decisions)
    for action, count in counts.most_common():
        paper.cell(90, 5, _cut(paper, _shown(paper, action), 88))
        paper.cell(20, 5, f"{count:,}", align="R")
        paper.set_fill_color(*_BLUE)
        paper.rect(paper.get_x() + 4, paper.get_y() + 1.2, max(0.4, 120 * count / len(decisions)), 2.6, "F")
        paper.ln(5)
    paper.ln(3)


def _cut(paper: _Paper, text: str, room: float) -> str:
    if len(text) <= _LONGEST and paper.get_string_width(text) <= room:
        return text
    text = text[:_LONGEST]
    while text and paper.get_string_width(text + "...") > room:
        text = text[:-1]
    return text + "..."


# -- the grid ------------------------------------------------------------------------------------------------


def _grid(paper: _Paper, grid: Grid) -> None:
    if len(grid.rows) * len(grid.columns) > _MOST_PLACES:
        told = f"The grid of {len(grid.rows):,} by {len(grid.columns):,} is too large to be drawn here."
        paper.multi_cell(_WIDTH, 5, told, **_NEXT)
        return
    before: dict[Place, float | None] = {}
    after: dict[Place, float] = {}
    for change in grid.changes:
        before.setdefault(change.place, change.before)
        after[change.place] = change.after
    axes = f"{grid.axes.row} down, {grid.axes.column} across"
    _heat_map(paper, grid, before, f"Grid before ({axes})")
    _heat_map(paper, grid, after, f"Grid after ({axes})")


def _heat_map(paper: _Paper, grid: Grid, values: Mapping[Place, float | None], title: str) -> None:
    """The grid in blocks of as many columns as fit beside each other."""
    size = 18.0
    each = int(_WIDTH // size) - 1
    for first in range(0, len(grid.columns), each):
        columns = grid.columns[first : first + each]
        if paper.get_y() + 10 + 5 * min(len(grid.rows), 20) > paper.h - 16:
            paper.add_page()
        paper.set_font(paper.face, "B", 10)
        paper.cell(_WIDTH, 6, _shown(paper, title), **_NEXT)
        paper.set_font(paper.face, size=7.5)
        paper.cell(size, 5)
        for column in columns:
            paper.cell(size, 5, _cut(paper, _shown(paper, str(column)), size - 1), align="R")
        paper.ln(5)
        for row in grid.rows:
            paper.cell(size, 5, _cut(paper, _shown(paper, str(row)), size - 1), align="R")
            for column in columns:
                _grid_cell(paper, values.get((row, column)), grid.largest, size)
            paper.ln(5)
        paper.ln(3)


def _grid_cell(paper: _Paper, value: float | None, largest: float, size: float) -> None:
    part = min(1.0, abs(value) / largest) if value is not None and largest else 0.0
    end = _RED if (value or 0) > 0 else _BLUE
    paper.set_fill_color(*(round(245 + (colour - 245) * part) for colour in end))
    paper.set_text_color(255 if part > 0.6 else 0)
    paper.cell(size, 5, "-" if value is None else f"{value:.4g}", align="R", fill=True)
    paper.set_text_color(0)


# -- the decisions -------------------------------------------------------------------------------------------


def _decisions(paper: _Paper, facts: RunFacts, decisions: Sequence[Decision]) -> None:
    _table_head(paper)
    for number, decision in enumerate(decisions, 1):
        elapsed = f"+{max(0, decision.time_ns - facts.started_ns) / 1e6:,.2f} ms"
        cell = _pairs(decision.cell)
        values = "  ".join(filter(None, (_pairs(decision.values), _pairs(dict(decision.extra) or None))))
        texts = (str(number), elapsed, decision.action, cell, values, decision.reason)
        columns = [
            _lines(paper, _shown(paper, text), width - 1.5)
            for text, (_, width) in zip(texts, _COLUMNS, strict=True)
        ]
        _row(paper, columns)


def _table_head(paper: _Paper) -> None:
    if paper.get_y() > paper.h - 30:
        paper.add_page()
    paper.set_font(paper.face, "B", 8)
    for title, width in _COLUMNS:
        paper.cell(width, 5, title, border="B")
    paper.ln(5.5)
    paper.set_font(paper.face, size=7.5)


def _row(paper: _Paper, columns: Sequence[Sequence[str]]) -> None:
    """One decision: on one page where that is possible, else over as many as it takes."""
    count = max(map(len, columns))
    if count <= _KEPT_TOGETHER and paper.get_y() + count * _LINE > paper.h - 14:
        paper.add_page()
        _table_head(paper)
    for line in range(count):
        if paper.get_y() + _LINE > paper.h - 14:
            paper.add_page()
            _table_head(paper)
        for lines, (_, width) in zip(columns, _COLUMNS, strict=True):
            if line < len(lines) and lines[line]:
                paper.cell(width, _LINE, lines[line])
            else:
                paper.set_x(paper.get_x() + width)
        paper.ln(_LINE)


def _lines(paper: _Paper, text: str, room: float) -> list[str]:
    """`text` broken between words, and inside of one that is wider than the column."""
    lines: list[str] = []
    line: list[str] = []
    wide = 0.0
    for word in _pieces(paper, text, room):
        more = paper.width_of(word)
        if line and wide + more > room:
            lines.append(" ".join(line))
            line, wide = [], 0.0
        line.append(word)
        wide += more + paper.width_of(" ")
    return [*lines, " ".join(line)]


def _pieces(paper: _Paper, text: str, room: float) -> Iterator[str]:
    for word in text.split(" "):
        while len(word) > _LONGEST or paper.width_of(word) > room:
            begins = word[:_LONGEST]  # all of a long word would be measured for each of its lines
            kept = max(1, int(len(begins) * min(1.0, room / (paper.width_of(begins) or room))))
            while kept > 1 and paper.get_string_width(begins[:kept]) > room:
                kept -= 1
            yield word[:kept]
            word = word[kept:]
        if word:
            yield word


def _pairs(value: Any) -> str:
    if value is None:
        return ""
    plain = to_json(value)
    if isinstance(plain, dict):
        return "  ".join(f"{key}={_one(item)}" for key, item in plain.items())
    return _one(plain)


def _one(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
