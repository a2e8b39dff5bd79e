"""The PDF of a run, read back: everything that was recorded stands in it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from otel_replay.analysis.grid import build_grid, find_axes
from otel_replay.errors import UsageError
from otel_replay.exporting.facts import RunFacts
from otel_replay.exporting.paper import write_paper
from otel_replay.formats.session_replay import read
from otel_replay.records import Decision

REAL = Path(__file__).parent.parent / "corpus" / "session_replay-1.0" / "real.json"
START_NS = 1_765_819_681_803_000_000


def paper(decisions: list[Decision], **more: Any) -> PdfReader:
    """The PDF of decisions."""
    axes = find_axes(decisions)
    facts = RunFacts(run_id="bench-7", name="tuning", status="finished", started_ns=START_NS)
    stream = io.BytesIO()
    grid = None if axes is None else build_grid(decisions, axes)
    write_paper(stream, facts, decisions, grid, **more)
    return PdfReader(stream)


def text_of(reader: PdfReader) -> str:
    """All its text."""
    return "\n".join(page.extract_text() for page in reader.pages)


def decided(**given: Any) -> Decision:
    """A decision."""
    return Decision(**{"time_ns": START_NS, "span_id": "", "action": "A", "reason": "why", **given})


def test_every_decision_of_the_real_run_stands_in_it() -> None:
    """With its number, its action and its values; the grid before and after them."""
    reader = paper(list(read(REAL.read_bytes()).decisions))
    text = text_of(reader)
    assert reader.metadata is not None
    assert reader.metadata.title == "tuning"
    assert re.findall(r"^(\d+) \+[\d.]+ ms", text, re.MULTILINE) == [str(one) for one in range(1, 120)]
    for part in ("afr_error_pct=0.73", "Grid before (rpm_index down, kpa_index across)", "Grid after", "119"):
        assert part in text
    assert "bench-7" in reader.pages[-1].extract_text()
    assert f"{len(reader.pages)} / {len(reader.pages)}" in reader.pages[-1].extract_text()


def test_letters_that_the_font_has_not_stand_as_their_codes() -> None:
    """Nothing is left out; control characters do nothing."""
    text = text_of(paper([decided(reason="Zylinder über λ=1", values={"t": "a\x1b\n\x00"}, action="\ud800")]))
    assert "Zylinder über \\u03bb=1" in " ".join(text.split())
    assert "\\u001b\\n\\u0000" in text
    assert "\\ud800" in text


def test_a_text_that_is_longer_than_a_page_is_written_whole() -> None:
    """Over as many pages as it takes, also where it is one word."""
    words = " ".join(f"word{number}" for number in range(3000))
    reader = paper([decided(reason=words, values={"one": "x" * 20_000})])
    text = text_of(reader)
    assert len(reader.pages) > 3
    assert "word2999" in text
    assert text.count("x") >= 20_000


def test_a_wide_grid_is_laid_out_in_blocks() -> None:
    """All columns are there."""
    decisions = [
        decided(values={"after": column}, cell={"row": row, "column": f"c{column}"})
        for row in range(3)
        for column in range(40)
    ]
    text = text_of(paper(decisions))
    assert all(f"c{column}" in text for column in range(40))


def test_a_run_without_decisions_has_a_paper_too() -> None:
    """One page."""
    assert len(paper([]).pages) == 1


def test_what_is_no_font_is_told(tmp_path: Path) -> None:
    """By its name."""
    path = tmp_path / "font.ttf"
    path.write_text("no font")
    with pytest.raises(UsageError, match=r"font\.ttf` cannot be used as a font"):
        paper([], font=path)
    with pytest.raises(UsageError, match=r"none\.ttf` cannot be used as a font"):
        paper([], font=tmp_path / "none.ttf")


def test_one_very_long_word_is_cut_in_no_time() -> None:
    """As an action and as a reason: only as much is measured as fits on a line. Minutes before."""
    text = text_of(paper([decided(action="a" * 60_000, reason="b" * 60_000)]))
    assert text.count("b") >= 60_000


def test_a_grid_that_no_page_can_show_is_told_and_not_drawn() -> None:
    """As many rows and columns as decisions: millions of empty places."""
    decisions = [decided(values={"after": one}, cell={"rpm": one, "kpa": one}) for one in range(300)]
    text = text_of(paper(decisions))
    assert "The grid of 300 by 300 is too large to be drawn here." in text
    assert "after=299" in text


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_a_thousand_pages_are_numbered_without_a_warning() -> None:
    """`python -W error` makes the same file."""
    reader = paper([decided(reason="x" * 2_100_000)])
    assert len(reader.pages) > 1000
    assert f"1 / {len(reader.pages)}" in reader.pages[0].extract_text()
