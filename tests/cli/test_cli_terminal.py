"""Nothing recorded can do anything to a terminal, and every line is as wide as it should be."""

import io
import json
import sys
import unicodedata

import pytest
from analysis.story import START_NS, Story
from hypothesis import given
from hypothesis import strategies as st

from otel_replay.cli.terminal import Screen, Text, cut, escape, stderr, stdout, width

HOSTILE = [
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31m",
    "a\rb",
    "a\nb",
    "a\bb",
    "\x00",
    "\x7f",
    "\u202eevil\u202c",
    "\u2066x\u2069",
    "\u200b\ufeff\u2060",
    "line\u2028line\u2029line\x85line\x0bline\x0cline",
    "\U000e0041",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_move_the_cursor_or_turn_the_text_is_shown_as_an_escape(text):
    shown = escape(text)
    assert "\\" in shown
    assert all(unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in shown)
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["plain", "grün", "日本語", "😀", "👩‍👩‍👧", "می‌خواهم", "a\\b", "[bold]x[/bold]", "", " "]
)
def test_ordinary_text_stays_as_it_is(text):
    """Joiners too: emoji and Persian are made of them."""
    assert escape(text) == text


@given(st.text())
def test_no_text_whatever_reaches_the_terminal_with_a_control_character(text):
    shown = escape(text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in shown)


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("日本", 4), ("😀", 2), ("é", 1), ("e\u0301", 1), ("", 0)]
)
def test_width_is_counted_in_cells(text, cells):
    assert width(text) == cells


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 40))
def test_a_cut_text_never_takes_more_cells_than_it_may(text, cells):
    shown = escape(text)
    assert width(cut(shown, cells)) <= cells
    if width(shown) <= cells:
        assert cut(shown, cells) == shown


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.integers(0, 40))
def test_a_fitted_line_never_takes_more_cells_than_it_may(pieces, cells):
    line = Text(*pieces)
    fitted = line.fit(cells)
    assert sum(width(text) for text, _ in fitted.pieces) == fitted.width <= max(cells, 0)


def test_a_line_that_was_cut_says_so():
    line = Text("twelve", " ", "characters").fit(10)
    assert "".join(text for text, _ in line.pieces) == "twelve ch…"
    exactly = Text("twelve", " ", "cha").fit(10)
    assert "".join(text for text, _ in exactly.pieces) == "twelve cha"


def screen(encoding="utf-8", *, terminal=True):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", newline="\n")
    stream.isatty = lambda: terminal
    return Screen(stream, 80), stream.buffer


def written(made):
    made[0].flush()
    return made[1].getvalue()


def test_colours_only_on_a_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    made = screen()
    made[0].print(("failed", "failed"))
    assert written(made) == b"\x1b[31mfailed\x1b[0m\n"
    made = screen(terminal=False)
    made[0].print(("failed", "failed"))
    assert written(made) == b"failed\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_they_are_not_wanted(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    made = screen()
    made[0].print(("failed", "failed"))
    assert written(made) == b"failed\n"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_colours_where_they_are_forced_and_not_in_text_that_is_kept(monkeypatch, term):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("FORCE_COLOR", "1")
    for stream, made in (("stdout", stdout), ("stderr", stderr)):
        log = io.StringIO()
        monkeypatch.setattr(sys, stream, log)
        made().print(("failed", "failed"))
        assert log.getvalue() == "\x1b[31mfailed\x1b[0m\n"
    kept = io.StringIO()
    Screen(kept).print(("failed", "failed"))
    assert kept.getvalue() == "failed\n"


def test_who_wants_no_colours_gets_none_even_where_they_are_forced(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not stdout().colour


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_unicode_gets_what_it_can_show(encoding):
    made = screen(encoding)
    assert made[0].ellipsis == "..."
    made[0].print("├─ 日本 ██▌ 3 µs")
    assert written(made) == b"|- \\u65e5\\u672c ##| 3 us\n"


def test_markup_in_recorded_text_is_text():
    made = screen(terminal=False)
    made[0].print("[bold red]not bold[/] {x} %s")
    assert written(made) == b"[bold red]not bold[/] {x} %s\n"


def hostile(keep):
    """A run whose texts would act upon a terminal."""
    story = Story("2026-01-01T00-00-00Z-aaaaaa", start_ns=START_NS)
    run = story.run("bad")
    task = story.task("\x1b[31mtask\u202e", run)
    story.decide(
        task, "A\x1b[2J", 'said "so",\r\nhid', values={"\x9b31m": "\x7f\u2066x", "y": [1, "\u202e"]}, cell={}
    )
    story.end(task)
    story.end(run)
    keep(story)


ACTING = frozenset("\x1b\x7f\x9b\r\u202e\u2066")


def test_csv_on_a_terminal_shows_what_would_act_upon_it_and_a_pipe_gets_it_as_it_is(call, keep):
    hostile(keep)
    shown = call("dump", "latest", "--format", "csv", columns=80).out
    assert not ACTING & set(shown)
    assert len(shown.splitlines()) == 2
    assert r"A\e[2J" in shown
    assert ACTING.issubset(call("dump", "latest", "--format", "csv").out)


@pytest.mark.parametrize("form", ["jsonl", "otlp"])
def test_json_on_a_terminal_says_the_same_and_cannot_act_upon_it(call, keep, form):
    hostile(keep)
    shown = call("dump", "latest", "--format", form, columns=80).out
    assert not ACTING & set(shown)
    piped = call("dump", "latest", "--format", form).raw
    assert list(map(json.loads, shown.splitlines())) == list(map(json.loads, piped.splitlines()))


def test_a_session_replay_on_a_terminal_says_the_same(call, keep):
    hostile(keep)
    shown = call("dump", "latest", columns=80)
    assert not ACTING & set(shown.out)
    assert shown.json["decisions"] == call("dump", "latest").json["decisions"]


def test_a_table_of_stats_is_escaped_on_a_terminal_and_exact_in_a_pipe(call, keep):
    hostile(keep)
    assert r"\e[31mtask\u202e" in call("stats", "latest", "--csv", columns=80).out
    assert "\x1b[31mtask\u202e" in call("stats", "latest", "--csv").out


def test_a_dump_into_a_file_is_exact_where_standard_output_is_a_terminal(call, keep, tmp_path):
    hostile(keep)
    assert call("dump", "latest", "--format", "csv", "-o", str(tmp_path / "a.csv"), columns=80).code == 0
    assert set((tmp_path / "a.csv").read_bytes().decode()) > ACTING
