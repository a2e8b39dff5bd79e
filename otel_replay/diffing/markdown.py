"""A difference as Markdown for a comment on a pull request: the verdict first, details folded, bounded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from otel_replay.diffing.findings import Finding
from otel_replay.diffing.grids import CellPair, GridDifference
from otel_replay.diffing.words import (
    MARKS,
    amount_text,
    delta_text,
    excerpts,
    headline,
    name_of_run,
    notes,
    number_text,
)
from otel_replay.wording import counted

if TYPE_CHECKING:
    from otel_replay.diffing.difference import Difference

__all__ = ["as_markdown"]

_MOST_CHANGES, _MOST_INDEPENDENT, _MOST_CELLS = 8, 20, 1_500
_ACTS = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&-])")


def as_markdown(found: Difference, *, most_bytes: int = 60_000) -> str:
    """The report in at most `most_bytes` bytes of UTF-8; what was left out is said.

    GitHub takes comments of 65,536 characters. Recorded values cannot become markup in it.
    """
    parts = [*_head(found), *_first(found)]
    rest: list[Sequence[str]] = [_figures(found), _independent(found), _actions(found)]
    if found.grid is not None and found.grid.changed:
        rest.append(list(_grid(found.grid)))
    text = _joined(parts)
    for number, part in enumerate(rest):
        longer = _joined([text, *part])
        if len(longer.encode()) > most_bytes - 200:
            left = len(rest) - number
            return (
                _cut(text, most_bytes - 200)
                + f"\n_{counted(left, 'part')} of the report did not fit here._\n"
            )
        text = longer
    return text


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def _cut(text: str, most_bytes: int) -> str:
    data = text.encode()
    return (
        text
        if len(data) <= most_bytes
        else data[:most_bytes].decode(errors="ignore").rpartition("\n")[0] + "\n"
    )


def _plain(text: str) -> str:
    """Recorded text that is text in Markdown too, on one line."""
    shown = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
    return _ACTS.sub(r"\\\1", shown)


def _html(text: str) -> str:
    """Recorded text inside an HTML tag of Markdown."""
    return escape("".join(one for one in text if one.isprintable()))


def _code(text: str) -> str:
    """Recorded text in a code span, in which nothing acts but its own end and a table's bar."""
    shown = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}".replace("|", "\\|") if shown else "` `"


def _head(found: Difference) -> Iterator[str]:
    mark = "✅" if found.equal else "⚠️" if found.equal_so_far else "❌"
    yield f"### {mark} otel-replay diff: {headline(found)}"
    yield ""
    a, b = (_code(name_of_run(found, letter)) for letter in "ab")
    yield f"A {a}, {found.a.status} · B {b}, {found.b.status}"
    yield ""
    for note in notes(found):
        yield f"> {_plain(note)}"


def _first(found: Difference) -> Iterator[str]:
    first = found.first_divergence
    if first is None:
        return
    yield ""
    yield f"**First divergence** {_code(first.where)}: {first.how}"
    yield ""
    yield from _changes(first)
    if found.context:
        yield ""
        yield "```diff"
        for one in found.context:
            title = "".join(each if each.isprintable() else "?" for each in one.title).replace("`", "'")
            yield f"{MARKS[one.how]} {title}{'   <- here' if one.here else ''}"
        yield "```"


def _changes(finding: Finding) -> Iterator[str]:
    if not finding.changes:
        return
    yield "| value | A | B | |"
    yield "|---|---|---|---|"
    for change in finding.changes[:_MOST_CHANGES]:
        before, after = excerpts(change)
        yield f"| {_code(change.name)} | {_code(before)} | {_code(after)} | {_plain(delta_text(change))} |"
    if len(finding.changes) > _MOST_CHANGES:
        yield f"| … {len(finding.changes) - _MOST_CHANGES:,} more | | | |"


def _figures(found: Difference) -> list[str]:
    rows = [
        f"| {_plain(one.name)} | {amount_text(one, one.a)} | {amount_text(one, one.b)} |"
        for one in found.aggregates
    ]
    return ["", "| | A | B |", "|---|--:|--:|", *rows[:40]] if rows else []


def _independent(found: Difference) -> list[str]:
    independent = found.independent
    if not independent:
        return []
    follow = len(found.following)
    lines = [
        "",
        f"<details><summary>{counted(len(independent), 'independent difference')}, {follow:,} that follow"
        "</summary>",
        "",
    ]
    for finding in independent[:_MOST_INDEPENDENT]:
        followers = found.followers.get(finding.number, 0)
        lines.append(f"**#{finding.number}** {finding.how} {_code(finding.where)}{_followers(followers)}")
        lines += ["", *_changes(finding), ""]
    if len(independent) > _MOST_INDEPENDENT:
        lines.append(f"… {len(independent) - _MOST_INDEPENDENT:,} more")
    return [*lines, "</details>"]


def _followers(count: int) -> str:
    return f" · {counted(count, 'difference')} directly from it" if count else ""


def _actions(found: Difference) -> list[str]:
    if not found.actions:
        return []
    lines = ["", "<details><summary>Decisions by action</summary>", ""]
    lines += [
        "| action | A | B | same | changed | added | removed | moved | largest change |",
        "|---|" + "--:|" * 7 + "---|",
    ]
    for row in found.actions[:100]:
        largest = (
            "" if row.largest is None else f"{_code(row.largest.name)} {_plain(delta_text(row.largest))}"
        )
        figures = " | ".join(
            f"{count:,}" for count in (row.a, row.b, row.same, row.changed, row.added, row.removed, row.moved)
        )
        lines.append(f"| {_code(row.action)} | {figures} | {largest} |")
    return [*lines, "", "</details>"]


def _grid(grid: GridDifference) -> Iterator[str]:
    yield ""
    name = f"Grid {_html(grid.row)} by {_html(grid.column)}, {_html(grid.value)}"
    yield f"<details><summary>{name}: {grid.changed} of {len(grid.cells)} cells differ</summary>"
    yield ""
    if len(grid.rows) * len(grid.columns) > _MOST_CELLS:
        yield "(too large to show here)"
    else:
        yield (
            f"| {_plain(grid.row)} \\ {_plain(grid.column)} | "
            + " | ".join(_plain(str(one)) for one in grid.columns)
            + " |"
        )
        yield "|---|" + "--:|" * len(grid.columns)
        for row in grid.rows:
            cells = (_cell(grid.cells.get((row, column))) for column in grid.columns)
            yield f"| {_plain(str(row))} | " + " | ".join(cells) + " |"
    yield ""
    yield "</details>"


def _cell(cell: CellPair | None) -> str:
    if cell is None:
        return ""
    if cell.same:
        return "·"
    if cell.change is None:
        return f"only A {number_text(cell.a or 0)}" if cell.b is None else f"only B {number_text(cell.b)}"
    return f"**{cell.change:+.4g}**"
