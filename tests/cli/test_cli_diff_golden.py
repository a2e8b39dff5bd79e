"""What `diff` prints, letter by letter: a change that is meant is written into `golden/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Call, Keep, tuning_story

GOLDEN = Path(__file__).parent / "golden"
JAEGER = Path(__file__).parents[1] / "corpus" / "jaeger-2"


@pytest.fixture
def tunings(keep: Keep) -> tuple[str, str]:
    """Two tuning runs: the limit of the second is another, and what was clamped by it."""
    keep(tuning_story("tune-1"))
    story = tuning_story("tune-2")
    for item in story.located:
        record = item.record
        if record.kind == "decision" and record.action.startswith("CLAMPING"):
            record.values.update({name: 9.0 for name in ("limit", "after") if name in record.values})
    keep(story)
    return "tune-1", "tune-2"


@pytest.mark.parametrize(("form", "ending"), [((), "txt"), (("--markdown",), "md")])
def test_the_report_of_two_tuning_runs(call: Call, tunings: tuple[str, str], form, ending: str) -> None:
    done = call("diff", *tunings, *form)
    assert done.out == (GOLDEN / f"diff-tuning.{ending}").read_text(encoding="utf-8")


@pytest.mark.parametrize(("form", "ending"), [((), "txt"), (("--markdown",), "md")])
def test_the_report_of_jaegers_files_from_two_machines(call: Call, form, ending: str) -> None:
    done = call("diff", str(JAEGER / "laptop.json"), str(JAEGER / "ci.json"), *form)
    assert done.out == (GOLDEN / f"diff-jaeger.{ending}").read_text(encoding="utf-8")
