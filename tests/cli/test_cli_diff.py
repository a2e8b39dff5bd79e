"""`diff` on the command line: runs, packs and files of others, in every form, with its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import Call, Keep, tuning_story

A, B, C = "2026-01-01T00-00-00Z-aaaaaa", "2026-01-02T00-00-00Z-bbbbbb", "2026-01-03T00-00-00Z-cccccc"
SEED = Path(__file__).parent.parent / "corpus" / "session_replay-1.0" / "seed.json"
REAL = SEED.with_name("real.json")


@pytest.fixture
def two(keep: Keep) -> None:
    """Two runs: the second has another value, and its process died before the last two decisions."""
    keep(tuning_story(A))
    story = tuning_story(B, later_ns=1_000_000)
    places = [place for place, item in enumerate(story.located) if item.record.kind == "decision"]
    changed = story.located[places[9]].record
    changed.values["after"] = 11.5
    del story.located[places[10] :]
    keep(story, how="interrupted")


def test_two_runs_are_compared(call: Call, two: None) -> None:
    """What changed, what was not reached, and the grid."""
    done = call("diff", A[:12], B[:12])
    assert done.code == 0
    text = "\n".join(line.rstrip() for line in done.lines)
    assert f"A  tuning {A}  finished" in text
    assert "B was interrupted: what only the other has after that was not reached" in text
    assert "1 changed, 2 not reached; 12 items the same" in text
    assert (
        "      ~ CLAMPING_APPLIED rpm=3500 kpa=65  <- here\n          values.after  10.0 → 11.5  +1.5, +15.0%"
        in text
    )
    assert "Not reached: 2 differences" in text
    assert "CLAMPING_APPLIED  3  1     -        1            2  values.after +1.5, +15.0%" in text


def test_one_run_alone_is_told_that_another_one_lacks(call: Call, two: None) -> None:
    done = call("diff", A)
    assert (done.code, "two runs are compared, and one is named" in done.err) == (2, True)


def test_exit_codes_are_those_of_git(call: Call, two: None) -> None:
    """0 whatever is found, unless it is asked for; 2 where nothing could be compared."""
    assert call("diff", A, B).code == 0
    assert call("diff", A, B, "--exit-code").code == 1
    assert call("diff", A, A, "--exit-code").code == 0
    quiet = call("diff", A, B, "--quiet")
    assert (quiet.code, quiet.out) == (1, "")
    assert call("diff", A, "nothing").code == 2


def test_tolerances_and_globs_are_taken(call: Call, two: None) -> None:
    """As often as there are any."""
    assert call("diff", A, B, "--json", "-t", "after=2").json["counts"]["changed"] == 0
    assert call("diff", A, B, "--json", "-t", "after=1,20%").json["counts"]["changed"] == 0
    assert call("diff", A, B, "--json", "-t", "before=9", "-t", "after=1%").json["counts"]["changed"] == 1
    assert call("diff", A, B, "--only", "AFR_*", "--exit-code").code == 0
    assert call("diff", A, B, "--ignore", "CLAMPING_*", "--exit-code").code == 0
    identity = call("diff", A, B, "--json", "--identity", "CLAMPING_APPLIED=cell.rpm").json
    assert identity["counts"]["changed"] >= 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-t", "after"], "--tolerance `after` is not NAME=ABS"),
        (["-t", "after=much"], "--tolerance `after=much` is not"),
        (["-t", "after=-1"], "a tolerance is 0 or more"),
        (["--identity", "CLAMP="], "--identity `CLAMP=` is not ITEM=ATTRIBUTE"),
        (["--ignore", ""], "a pattern is empty"),
        (["--axes", "rpm"], "--axes `rpm` is not two names"),
        (["--axes", "x,y"], "no decision changes a cell with --axes x,y"),
        (["--json", "--markdown"], "--json and --markdown both want standard output"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_is_not_understood_is_said(call: Call, two: None, options: list[str], told: str) -> None:
    """In one sentence, with what would be."""
    done = call("diff", A, B, *options)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err


def test_packs_and_files_of_others_are_compared(call: Call, two: None, tmp_path: Path) -> None:
    """With the run that they came from they are the same."""
    otlp, replay, pack = (tmp_path / name for name in ("run.otlp.json", "session_replay.json", "run.orpack"))
    assert call("dump", A, "--format", "otlp", "-o", str(otlp)).code == 0
    assert call("dump", A, "-o", str(replay)).code == 0
    assert call("pack", A, "-o", str(pack)).code == 0
    for path in (otlp, replay, pack):
        done = call("diff", A, str(path), "--json")
        assert (path.name, done.json["equal"]) == (path.name, True)
        assert done.json["decisions_only"] is (path == replay)
    assert call("diff", str(REAL), str(REAL), "--exit-code", use_store=False).code == 0
    assert call("diff", str(REAL), str(SEED), "--exit-code", use_store=False).code == 1


def test_several_runs_against_one_make_a_table(call: Call, two: None, keep: Keep) -> None:
    """A row for each; in JSON a list."""
    keep(tuning_story(C, later_ns=2_000_000))
    done = call("diff", A, B, C)
    assert done.lines[2].split()[:3] == ["run", "status", "same"]
    assert done.lines[3].endswith("~ run tuning > task clamp > CLAMPING_APPLIED rpm=3500 kpa=65")
    assert done.lines[4].endswith("none")
    found = call("diff", A, B, C, "--json").json["differences"]
    assert [one["equal"] for one in found] == [False, True]
    assert call("diff", A, B, C, "--html", "x.html").code == 2


def test_a_page_and_markdown_are_written(call: Call, two: None, tmp_path: Path) -> None:
    """To a file, and to standard output."""
    page = tmp_path / "difference.html"
    done = call("diff", A, B, "--html", str(page), "--markdown")
    assert done.out.startswith("### ❌ otel-replay diff: 1 changed, 2 not reached")
    assert f"Wrote the comparison to {page}" in done.err
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_grid_is_coloured_on_a_terminal(call: Call, two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And every character is there where a terminal has ASCII only."""
    done = call("diff", A, B, columns=100)
    assert "\x1b[97;48;5;124m +1.5\x1b[0m" in done.out
    assert all(len(line) <= 100 for line in done.plain)
    call("diff", A, B, columns=100, encoding="ascii").out.encode("ascii")


def test_the_limit_says_what_it_leaves_out(call: Call, keep: Keep) -> None:
    """And --json has it all."""
    keep(tuning_story(A))
    story = tuning_story(B)
    for number, item in enumerate(story.located):
        if item.record.kind == "decision" and "weight" in item.record.values:
            item.record.values["weight"] = number + 0.5
    keep(story)
    done = call("diff", A, B, "-n", "2")
    assert "      and 6 more (--limit N shows more, --html FILE and --json all)" in done.lines
    assert len(json.loads(call("diff", A, B, "-n", "2", "--json").raw)["findings"]) == 8


def test_recorded_values_cannot_act_on_the_terminal(call: Call, keep: Keep) -> None:
    """They are shown as escapes."""
    for run_id, text in ((A, "\x1b]0;stolen\x07"), (B, "\x1b[2J")):
        story = tuning_story(run_id)
        story.located[3].record.values["said\x1b[31m"] = text
        keep(story, name=f"name\x1b[1m{run_id}")
    done = call("diff", A, B)
    assert "\x1b" not in done.out
    assert "\\u001b]0;stolen" in done.out or "\\e]0;stolen" in done.out
