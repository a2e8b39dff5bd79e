"""What the state was at a checkpoint, and in a cell of a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from analysis.story import Story

from assertions.runs import line, table
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import approx, check
from otel_replay.attributes import CHECKPOINT_EVENT, CHECKPOINT_NAME, CHECKPOINT_SHA256
from otel_replay.cli.main import main
from otel_replay.errors import UsageError


def test_the_state_at_a_checkpoint_is_looked_into(tuned, tmp_path: Path, capsys) -> None:
    pack = tmp_path / "tuned.pack"
    assert main(["pack", "tuned", "-o", str(pack)]) == 0
    for source in (tuned, pack):
        t = check(source)
        t.state("post-clamp", "ve.1.1", 4.5)
        t.state("post-clamp", "ve.1.1", approx(4.4, abs=0.2))
        t.state("post-clamp", "ve", [[1.0, 2.0], [3.0, 4.5]])
        t.state("post-clamp", "name", "first")
        t.state("post-*", "steps", 4)
        t.state("post-smooth", "", {"ve": [[1.0]], "steps": 4})
        t.cell((2000, 65), 98.25)
        t.cell((2000, 65), approx(98.2, abs=0.1), at="post-smooth")
        t.cell((2000, 65), 90, at="post-clamp")
        t.cell((3000, 65), 50.0, value="after")
        assert t.passed, t.text


@pytest.mark.parametrize(
    ("ask", "summary", "mark"),
    [
        (lambda t: t.state("post-clamp", "steps", 4), "steps is 3, expected 4", "steps is 3, expected 4"),
        (lambda t: t.state("post-clamp", "ve.1.1", approx(5, abs=0.1)), "ve.1.1 is 4.5, expected 5±0.1", None),
        (lambda t: t.state("post-clamp", "", 3), "the state is {'name':", None),
        (lambda t: t.state("post-clamp", "fuel", 3), "there is no fuel in it", "it has name, steps, ve"),
        (lambda t: t.state("nowhere", "ve", 3), "there is no checkpoint nowhere; its checkpoints are post-clamp, post-smooth", None),
        (lambda t: t.cell((2000, 65), 98), "cell rpm=2000 kpa=65 holds 98.25, expected 98", "the last decision about it"),
        (lambda t: t.cell((2000, 65), 98.25, at="post-clamp"), "cell rpm=2000 kpa=65 holds 90, expected 98.25", None),
        (lambda t: t.cell((3000, 65), 50, at="post-clamp"), "no decision has spoken of cell rpm=3000 kpa=65 by then; its row and column are known", None),
        (lambda t: t.cell((9, 65), 50), "no decision has spoken of cell rpm=9 kpa=65 by then; there is no such coordinate among 2000; 3000", None),
        (lambda t: t.cell((2000, 65), 50, at="nowhere"), "there is no checkpoint nowhere", None),
    ],
)  # fmt: skip
def test_a_state_that_is_another_is_told(tuned, ask, summary: str, mark: str | None) -> None:
    failure = ask(check(tuned)).failure
    assert failure is not None
    assert failure.summary.startswith(summary)
    if mark is not None:
        assert [one.note for one in failure.marks] == [mark]


def test_what_has_no_states_says_so() -> None:
    t = check(line("A"))
    missing = t.state("any", "x", 3).failure
    assert missing is not None
    assert missing.summary == "there is no checkpoint any; it has no checkpoints"
    no_table = t.cell((1, 2), 3).failure
    assert no_table is not None
    assert no_table.summary == "no decision changes a cell of a table"
    with pytest.raises(UsageError, match="a cell is a row and a column"):
        t.cell((1, 2, 3), 3)  # type: ignore[arg-type]  # the mistake


def test_a_file_of_spans_has_no_snapshots(tuned, tmp_path: Path, capsys) -> None:
    path = tmp_path / "tuned.jsonl"
    assert main(["dump", "tuned", "--format", "otlp", "-o", str(path)]) == 0
    failure = check(path).state("post-clamp", "ve", 3).failure
    assert failure is not None
    assert failure.summary.startswith("the snapshot cannot be read: a file of spans does not hold it")


@pytest.mark.parametrize(
    ("path", "expected", "other"),
    [
        ("done", True, False),
        ("done", True, 1),
        ("done", True, "true"),
        ("name", None, "null"),
        ("name", None, False),
        ("steps", 3, True),
        ("steps", 3, "3"),
        ("steps", approx(3.4, abs=0.5), approx(3.4, abs=0.3)),
        ("ve", (1.0, 2.5), (1.0,)),
        ("ve", [1, approx(2.4, abs=0.2)], [1, approx(2.4, abs=0.05)]),
        ("ve", [1, 2.5], [True, 2.5]),
        ("", {"steps": 3, "done": True, "name": None, "ve": [approx(1, rel=0.1), 2.5]}, {"steps": 3}),
    ],
)
def test_a_state_is_what_is_expected_and_nothing_like_it(path: str, expected: object, other: object) -> None:
    t = check(table())
    assert t.state("step 1", path, expected)
    assert not t.state("step 1", path, other)


def test_what_a_cell_holds_is_what_the_last_decision_before_the_checkpoint_left() -> None:
    t = check(table())
    for found in (
        t.cell((2000, 65), 98.25),
        t.cell((2000, 65), 90, at="step 1"),
        t.cell((2000, 65), 90, at="step 2"),
    ):
        assert found.passed
    assert [item.seq for item in t.cell((2000, 65), 98.25).matched] == [5]
    assert [item.seq for item in t.cell((3000, 65), 50).matched] == [3]
    assert [item.seq for item in t.state("step *", "", [1, 2]).matched] == [4], "the last of them"
    assert t.cell((2000, 65), 3, value="trim")
    wrong = t.cell((3000, 65), 51).failure
    assert wrong is not None
    assert [mark.item.seq for mark in wrong.bad] == [3]


def test_long_lists_of_what_there_is_are_cut() -> None:
    story = Story()
    run = story.run()
    for number in range(30):
        story.decide(run, "SET", values={"after": 1.0}, cell={"rpm": number, "kpa": 65})
    story.end(run)
    said = check(build_items(story)).cell((99, 65), 1).failure
    assert said is not None
    assert said.summary.endswith("among 0; 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11")


def test_a_checkpoint_is_looked_for_among_checkpoints_alone_and_shows_twenty_of_its_keys() -> None:
    story = Story()
    run = story.run()
    story.happen(run, "cache.miss")
    story.happen(run, CHECKPOINT_EVENT, **{CHECKPOINT_NAME: "kept", CHECKPOINT_SHA256: "1"})
    story.end(run)
    items = build_items(story)
    items.read_blob = lambda _: json.dumps({f"k{number:02}": 1 for number in range(30)}).encode()
    t = check(items)
    missing = t.state("other", "x", 1).failure
    assert missing is not None
    assert missing.summary == "there is no checkpoint other; its checkpoints are kept"
    no_key = t.state("kept", "x", 1).failure
    assert no_key is not None
    assert [mark.note for mark in no_key.bad] == [f"it has {', '.join(f'k{n:02}' for n in range(20))}"]
