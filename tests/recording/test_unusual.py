"""Runs in unusual places and at unusual times: other folders, odd names, no stack left, interrupted ends."""

import gc
import os
import sys

import pytest

import otel_replay
from otel_replay import decision, start_run, task
from otel_replay.settings import Settings
from otel_replay.storage.late_journals import needs_recovery
from otel_replay.storage.recover import recover
from otel_replay.storage.run_writer import RunWriter
from otel_replay.storage.verify import verify

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


def test_a_program_that_goes_to_another_folder_records_where_it_began(python, tmp_path):
    (tmp_path / "child.py").write_text("import otel_replay; otel_replay.decision('CHILD', '')")
    (tmp_path / "elsewhere").mkdir()
    python(
        """
        import os, subprocess, sys
        import otel_replay

        with otel_replay.start_run("r") as run:
            otel_replay.decision("BEFORE", "")
            os.chdir("elsewhere")
            otel_replay.decision("AFTER", "", {"text": "x" * 100_000})
            run.artifact("a", b"bytes")
            subprocess.run([sys.executable, "../child.py"], check=True)
        """,
        env={"OTEL_REPLAY_STORE": ""},
    )
    assert list((tmp_path / "elsewhere").iterdir()) == []
    [run] = (tmp_path / ".otel-replay" / "runs").glob("[!.]*")
    from otel_replay.storage.run_files import RunFiles

    files = RunFiles(run)
    assert files.status() == "finished"
    assert files.header.counts["decisions"] == 3
    assert verify(files) == []


@pytest.mark.parametrize(
    "name", ["with space", "ünï 🚗", "line\nbreak", "-dash", "a'b\"c", os.fsdecode(b"\xff\xfe")]
)
def test_a_store_may_be_called_anything(python, tmp_path, name):
    root = tmp_path / name
    (tmp_path / "child.py").write_text("import otel_replay; otel_replay.decision('CHILD', '')")
    python(
        """
        import subprocess, sys
        import otel_replay
        with otel_replay.start_run("r", run_id="r") as run:
            run.artifact("a", b"bytes")
            otel_replay.decision("A", "", {"text": "x" * 100_000})
            subprocess.run([sys.executable, "child.py"], check=True)
        """,
        env={"OTEL_REPLAY_STORE": str(root)},
    )
    from otel_replay.storage.run_files import RunFiles

    files = RunFiles(root / "runs" / "r")
    assert files.header.counts["decisions"] == 2
    assert verify(files) == []


def test_decisions_where_no_stack_is_left_are_kept_or_counted_and_tear_nothing(store):
    made = 0

    def deeper():
        nonlocal made
        decision("DEEP", str(made), {"n": made, "list": [[made]]})
        made += 1
        with task("t"):
            deeper()

    limit = sys.getrecursionlimit()
    with start_run("r") as run:
        for more in range(8):
            sys.setrecursionlimit(limit + more)
            try:
                with pytest.raises(RecursionError):
                    deeper()
            finally:
                sys.setrecursionlimit(limit)
        decision("AFTER", "", {"made": made})
        lost = sum(run.lost.values())
    recorded = store.run()
    assert recorded.bad_lines == []
    kept = [d for d in recorded.decisions if d.action == "DEEP"]
    assert len(kept) + lost >= made
    assert recorded.decisions[-1].action == "AFTER"
    assert recorded.files.status() == "finished"


@pytest.mark.parametrize("where", ["ftruncate", "replace", "listdir"])
def test_an_end_that_is_interrupted_can_be_made_good(store, monkeypatch, where):
    run = start_run("r")
    decision("A", "")
    calls = []

    def interrupted(real):
        def call(*arguments, **named):
            calls.append(1)
            if len(calls) == 1:
                raise KeyboardInterrupt
            return real(*arguments, **named)

        return call

    monkeypatch.setattr(os, where, interrupted(getattr(os, where)))
    with pytest.raises(KeyboardInterrupt):
        run.end()
    run.end()
    recorded = store.run()
    assert recorded.files.status() == "finished"
    assert recorded.bad_lines == []
    assert [finding for finding in verify(recorded.files) if finding.severity == "error"] == []


def test_an_end_inside_an_end_does_nothing(store, monkeypatch):
    run = start_run("r")
    real = os.replace

    def again(part, path):
        run.end()
        return real(part, path)

    monkeypatch.setattr(os, "replace", again)
    run.end()
    assert store.run().files.status() == "finished"


def test_many_runs_leave_few_things_in_memory(store):
    settings = Settings(store=store.root, sync_seconds=0, projections=False)
    before = living(RunWriter), living(otel_replay.Run)
    for _ in range(150):
        with start_run("r", settings=settings), task("t"):
            decision("A", "")
    assert living(RunWriter) - before[0] < 100
    assert living(otel_replay.Run) - before[1] < 100


def living(kind):
    """How many instances of a class there are."""
    gc.collect()
    return sum(type(thing) is kind for thing in gc.get_objects())


def test_a_run_that_is_never_ended_is_ended_with_the_process(store, python):
    done = python(
        """
        import otel_replay
        run = otel_replay.start_run("r", run_id="r")
        otel_replay.task("open").__enter__()
        otel_replay.decision("A", "")
        """
    )
    recorded = store.run("r")
    assert recorded.owners() == {"A": "task open"}
    assert recorded.files.status() == "finished"
    assert recorded.files.header.counts["open_spans"] == 1
    assert done.stderr == ""


def test_a_program_that_fails_outside_of_any_block_fails_its_run(store, python):
    python(
        """
        import otel_replay
        with otel_replay.start_run("r", run_id="r"):
            otel_replay.decision("A", "")
            raise SystemExit("no")
        """,
        expect=1,
    )
    header = store.run("r").files.header
    assert (header.status, header.message) == ("error", "SystemExit: no")


def test_interactive_programs_and_those_from_the_standard_input_are_recorded(store, tmp_path):
    import subprocess

    program = "import otel_replay\nwith otel_replay.start_run('r'): otel_replay.decision('A', '')\n"
    for command in ([sys.executable, "-c", program], [sys.executable, "-"]):
        subprocess.run(
            command, input=program.encode() if command[-1] == "-" else None, cwd=tmp_path, check=True
        )
    assert [len(run.decisions) for run in store.runs()] == [1, 1]


AS_PYTHON_ENDS = """
import sys
import otel_replay

class Keeper:
    def __del__(self):
        run.decision("LATE", "as the interpreter goes")

with otel_replay.start_run("r", run_id="r") as run:
    otel_replay.decision("A", "")
sys.modules["keeper"] = Keeper()
"""


def test_what_is_recorded_when_nothing_more_is_called_at_exit_can_be_taken_in(store, python):
    python(AS_PYTHON_ENDS)
    recorded = store.run("r")
    assert [decision.action for decision in recorded.decisions] == ["A", "LATE"]
    assert {finding.severity for finding in verify(recorded.files)} == {"warning"}
    assert needs_recovery(recorded.files)
    recover(recorded.files)
    recorded = store.run("r")
    assert verify(recorded.files) == []
    assert recorded.files.header.counts["decisions"] == 2
