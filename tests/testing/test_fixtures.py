"""The fixtures `otel_run` and `otel_golden`, and the marker, in real sessions of pytest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import otel_replay.testing.golden_fixture
import otel_replay.testing.stable_ids
import otel_replay.testing.told  # noqa: F401 - what a session within this process loads would be gone after it
from otel_replay.loading import load_items
from otel_replay.storage.store import Store

pytest_plugins = ["pytester"]

WORK = """
import os, pytest, otel_replay
from otel_replay.assertions import decision, tool

def work(after=None):
    with otel_replay.task("clamp"):
        after = float(os.environ.get("AFTER", 7.0)) if after is None else after
        otel_replay.decision("CLAMP", "over the limit", values={"before": 9.0, "after": after})
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Runs tests that are given as text; gives the result."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(tests: str, *options: str) -> pytest.RunResult:
        if tests:
            pytester.makepyfile(test_tuner=WORK + tests)
        plugins = ("-p", "otel_replay.pytest_plugin", "-p", "no:cacheprovider")
        return pytester.runpytest_inprocess(*plugins, "--strict-markers", "--otel-store", "kept", *options)

    return run


def kept(pytester: pytest.Pytester) -> list[str]:
    """The names of the runs that stayed."""
    store = Store(pytester.path / "kept")
    return [run.name for run in store.runs()] if store.root.exists() else []


def test_what_a_test_does_can_be_asked_and_checked_in_it(session, pytester) -> None:
    done = session("""
def test_of_work(otel_run):
    work()
    otel_run.check.existence(decision("CLAMP"))
    assert [item.name for item in otel_run.items] == ["run test_of_work", "task clamp", "CLAMP"]
    assert otel_run.directory.is_dir() and otel_run.run_id in str(otel_run.directory)
""")
    done.assert_outcomes(passed=1)
    assert kept(pytester) == []


def test_spans_of_libraries_belong_to_the_run(session) -> None:
    session("""
from opentelemetry import trace
def test_of_a_library(otel_run):
    with trace.get_tracer("a.library").start_as_current_span("GET"):
        pass
    assert [item.scope for item in otel_run.items if item.name == "GET"] == ["a.library"]
""").assert_outcomes(passed=1)


def test_all_checks_that_failed_fail_the_test_where_it_ends_and_its_run_is_kept_and_shown(
    session, pytester
) -> None:
    done = session("""
def test_of_work(otel_run):
    work()
    check = otel_run.check
    check.absence(decision("CLAMP"))
    check.existence(tool("lookup"))
""")
    done.assert_outcomes(failed=1)
    shown = done.stdout.str()
    assert "2 of 2 checks failed" in shown
    assert "During handling" not in shown
    assert "└─ task clamp" in shown
    assert f"run: {pytester.path / 'kept'}" in shown
    assert kept(pytester) == ["test_of_work"]


def test_each_check_that_failed_says_its_line_in_the_report_and_in_junits_file(session, pytester) -> None:
    done = session(
        """
def test_of_work(otel_run, monkeypatch, tmp_path):
    work()
    monkeypatch.chdir(tmp_path)
    otel_run.check.absence(decision("CLAMP"))
    otel_run.check.existence(tool("lookup"))
""",
        "--junitxml=junit.xml",
    )
    done.assert_outcomes(failed=1)
    [file] = pytester.path.glob("test_*.py")
    lines = file.read_text().splitlines()
    for rule in ("absence(", "existence("):
        [number] = [n for n, one in enumerate(lines, 1) if f".check.{rule}" in one]
        done.stdout.fnmatch_lines([f"{rule}*", f"  at {file.name}:{number}"])
        assert f"at {file.name}:{number}" in (pytester.path / "junit.xml").read_text()


def test_checks_that_begin_anew_are_told_together(session) -> None:
    done = session("""
def test_of_work(otel_run):
    work()
    otel_run.check.absence(decision("CLAMP"))
    otel_run.check.existence(decision("CLAMP"))
    otel_run.check.existence(tool("lookup"))
""")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*2 of 2 checks failed", "absence(*", "existence(tool(lookup))*"])
    # Where CI says that it is one, pytest's summary has the message once more.
    assert sum(line.startswith("test_of_work-") for line in done.outlines) == 1


def test_what_was_checked_before_a_test_failed_otherwise_is_told_too(session) -> None:
    done = session("""
def test_of_work(otel_run):
    work()
    otel_run.check.absence(decision("CLAMP"))
    otel_run.check.finished()
    assert 1 == 2
""")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*assert 1 == 2*", "*otel-replay*", "*2 of 2 checks failed", "absence(*"])
    done.stdout.fnmatch_lines(
        ["*after `otel_run.end()`", "*✗ run test_of_work  open  ← not over yet", "run: *"]
    )


def test_a_check_that_is_asserted_is_told_in_a_line(session) -> None:
    done = session("""
def test_of_work(otel_run):
    work()
    assert otel_run.check.absence(decision("CLAMP"))
""")
    done.stdout.fnmatch_lines(
        [
            "E *assert <absence(decision(CLAMP)) failed: there is 1, expected none>",
            "E * = absence(selector('decision(CLAMP)'))",
            "E * = <1 checks, 1 failed>.absence",
            "E * = <run test_of_work-*>.check",
        ]
    )


def test_a_test_that_fails_itself_keeps_and_shows_its_run(session, pytester) -> None:
    done = session("def test_of_work(otel_run):\n    work()\n    assert 1 == 2\n")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*assert 1 == 2*", "*otel-replay*", "*CLAMP*"])
    assert kept(pytester) == ["test_of_work"]


def test_failures_that_the_test_itself_was_told_of_are_not_told_again(session) -> None:
    session("""
from otel_replay.assertions import CheckFailed
def test_of_work(otel_run):
    with pytest.raises(CheckFailed), otel_run.check as check:
        check.existence(tool("lookup"))
""").assert_outcomes(passed=1)


def test_a_test_whose_tear_down_fails_keeps_its_run(session, pytester) -> None:
    """What is torn down after the run was begun ends before it: the run was gone by then."""
    done = session("""
import pytest
@pytest.fixture
def breaks(otel_run):
    yield
    raise RuntimeError("it broke")
def test_of_work(breaks):
    work()
""")
    done.assert_outcomes(passed=1, errors=1)
    assert "└─ task clamp" in done.stdout.str()
    assert kept(pytester) == ["test_of_work"]


def test_a_test_that_is_run_again_shows_its_last_run_and_keeps_those_that_failed(session, pytester) -> None:
    done = session(
        """
import pytest
TRIES = []
@pytest.mark.flaky(reruns=1)
def test_that_never_holds(otel_run):
    work()
    assert False
@pytest.mark.flaky(reruns=1)
def test_that_wavers(otel_run):
    work()
    TRIES.append(1)
    assert len(TRIES) > 1
""",
        "-p",
        "pytest_rerunfailures",
        "--junitxml=report.xml",
    )
    outcomes = done.parseoutcomes()
    assert (outcomes["passed"], outcomes["failed"], outcomes["rerun"]) == (1, 1, 2)
    assert "run: " in done.stdout.str(), "of the last try"
    assert sorted(kept(pytester)) == ["test_that_never_holds"] * 2 + ["test_that_wavers"]
    assert 'name="otel_replay.run"' in (pytester.path / "report.xml").read_text(encoding="utf-8")


def test_the_run_of_a_test_that_failed_says_so_and_ends_by_its_own_clock(session, pytester) -> None:
    session("""
import pytest
@pytest.mark.otel_replay(clock="stepping")
def test_of_work(otel_run):
    work()
    assert 1 == 2
""").assert_outcomes(failed=1)
    [described] = (pytester.path / "kept").glob("runs/*/run.json")
    run = json.loads(described.read_bytes())
    assert run["status"] == "error"
    assert 0 < run["ended_ns"] - run["started_ns"] < 60_000_000_000


@pytest.mark.parametrize(("keep", "names"), [("always", ["well"]), ("failed", []), ("never", [])])
def test_the_marker_says_which_runs_stay_and_what_they_are_called(session, pytester, keep, names) -> None:
    session(f"""
@pytest.mark.otel_replay(keep={keep!r}, name="well")
def test_of_work(otel_run):
    work()
""").assert_outcomes(passed=1)
    assert kept(pytester) == names


def test_an_option_that_there_is_not_is_an_error_that_names_the_nearest(session) -> None:
    done = session("@pytest.mark.otel_replay(clok='stepping')\ndef test_of_work(otel_run): ...\n")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(
        ["the marker otel_replay of this test: there is no option `clok`", "hint: did you mean `clock`*"]
    )


STABLE = """
@pytest.mark.otel_replay(clock="stepping", ids="stable", keep="always")
def test_of_work(otel_run):
    work()
"""


def test_with_a_stepping_clock_and_stable_ids_a_run_is_the_same_each_time(session, pytester) -> None:
    told = []
    for name in ("one", "two"):
        session(STABLE, "--otel-store", name).assert_outcomes(passed=1)
        items = load_items(pytester.path / name / "runs" / "test_of_work")
        told.append([(item.name, item.span_id, item.start_ns, item.end_ns) for item in items])
    assert told[0] == told[1]
    assert len({span_id for _, span_id, _, _ in told[0]}) == 2
    assert all(start % 1_000_000 == 0 for _, _, start, _ in told[0])


GOLDEN = "def test_of_work(otel_golden):\n    work()\n"


def golden(pytester: pytest.Pytester) -> Path:
    """The golden file of the test of work."""
    return pytester.path / "golden" / "test_tuner" / "test_of_work.jsonl"


def test_without_a_golden_run_a_test_fails_and_says_how_to_make_it(session, pytester) -> None:
    done = session(GOLDEN)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*there is no golden run*test_of_work.jsonl*", "*--otel-update*"])
    assert not golden(pytester).exists()


def test_a_golden_run_is_made_held_and_rewritten_after_the_difference_is_shown(
    session, pytester, monkeypatch
) -> None:
    made = session(GOLDEN, "--otel-update")
    made.assert_outcomes(passed=1)
    made.stdout.fnmatch_lines(["*golden runs*", "*test_of_work.jsonl: new"])
    session("").assert_outcomes(passed=1)
    before = golden(pytester).read_text()
    monkeypatch.setenv("AFTER", "8.0")
    failed = session("")
    failed.assert_outcomes(failed=1)
    failed.stdout.fnmatch_lines(["*differs from its golden run*", "*values.after*7.0*8.0*"])
    assert "duration" not in failed.stdout.str()
    assert golden(pytester).read_text() == before
    rewritten = session("", "--otel-update")
    rewritten.assert_outcomes(passed=1)
    rewritten.stdout.fnmatch_lines(["*test_of_work.jsonl: rewritten", "*values.after*7.0*8.0*"])
    session("").assert_outcomes(passed=1)
    changed = [line for line in golden(pytester).read_text().splitlines() if line not in before]
    assert [json.loads(line)["values"]["after"] for line in changed] == [8.0]


@pytest.mark.parametrize(
    "compare",
    [
        "@pytest.mark.otel_replay(tolerances={'values.after': 2})\n" + GOLDEN,
        "@pytest.mark.otel_replay(ignore=['values.after'])\n" + GOLDEN,
        GOLDEN + "    otel_golden(tolerances={'values.*': 2.0})\n",
    ],
)
def test_the_marker_or_the_call_says_how_it_is_compared(session, monkeypatch, compare) -> None:
    session(GOLDEN, "--otel-update").assert_outcomes(passed=1)
    monkeypatch.setenv("AFTER", "8.0")
    session(compare).assert_outcomes(passed=1)
    monkeypatch.setenv("AFTER", "10.0")
    if "ignore" not in compare:
        session("").assert_outcomes(failed=1)


def test_a_test_that_fails_rewrites_no_golden_run(session, pytester) -> None:
    session(GOLDEN, "--otel-update").assert_outcomes(passed=1)
    before = golden(pytester).read_text()
    session(GOLDEN + "    work(8.5)\n    assert False\n", "--otel-update").assert_outcomes(failed=1)
    assert golden(pytester).read_text() == before


def test_where_recording_is_switched_off_a_test_that_asks_for_its_run_says_so(session, monkeypatch) -> None:
    monkeypatch.setenv("OTEL_REPLAY_DISABLED", "true")
    done = session("def test_of_work(otel_run): ...\ndef test_of_nothing(): ...\n")
    done.assert_outcomes(errors=1, passed=1)
    done.stdout.fnmatch_lines(["*nothing can be recorded*"])


def test_the_marker_and_the_fixtures_are_documented(session) -> None:
    session("", "--markers").stdout.fnmatch_lines(["@pytest.mark.otel_replay(name, store,*"])
    session("", "--fixtures").stdout.fnmatch_lines(["otel_run*", "*The test as a run of its own*"])


def test_a_test_that_uses_none_of_it_meets_no_hook_of_ours(pytester, monkeypatch) -> None:
    """What costs nothing needs no measuring: pytest calls the plugin at its start, and then no more."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    config = pytester.parseconfigure("-p", "otel_replay.pytest_plugin")
    manager = config.pluginmanager
    callers = manager.get_hookcallers(manager.get_plugin("otel_replay.pytest_plugin")) or []
    assert {caller.name for caller in callers} == {"pytest_addoption", "pytest_configure"}
