"""A signal handler that records while our names are still imported: nothing is raised, nothing is lost."""

import pytest

PROGRAM = """
import logging, os, signal, sys
logging.basicConfig(format="%(message)s")
at, mode = sys.argv[1:]
problems = []

class Interrupting:
    # Asked for every module that is imported, just before it is.
    def find_spec(self, name, path=None, target=None):
        if name == at and not problems:
            problems.append("")
            os.kill(os.getpid(), signal.SIGUSR1)

def on_signal(*_):
    try:
        otel_replay.decision("SIGNAL", "in the handler", {"n": 1})
        otel_replay.heartbeat(n=1)
        with otel_replay.task("in the handler") as task:
            task.set("k", 1)
            otel_replay.decision("INSIDE", "")
        assert otel_replay.child_environment()["PATH"]
        if "nested" in mode:
            with otel_replay.start_run("nested") as run:
                assert isinstance(run.run_id, str)
                run.decision("NESTED", "")
    except BaseException as error:
        problems.append(repr(error))

import otel_replay
signal.signal(signal.SIGUSR1, on_signal)
sys.meta_path.insert(0, Interrupting())
if "child" in mode:
    otel_replay.decision("A", "")
else:
    with otel_replay.start_run("r") as run:
        otel_replay.decision("A", "")
assert problems == [""], problems
"""

HALF_WAY = ["otel_replay.recording.run", "otel_replay.values", "otel_replay.recording.decorators"]
"""Modules of the recording side: the handler comes just before they are imported, in the middle of others."""

LATER = ["otel_replay.otel.provider", "opentelemetry.sdk.trace.export", "otel_replay.storage.finalise"]


@pytest.mark.parametrize("at", [*HALF_WAY, *LATER])
def test_a_handler_that_records_during_an_import_of_ours_neither_raises_nor_hangs(store, python, at):
    done = python(PROGRAM, at, "nested run")
    assert {d.action for d in store.named("r").decisions} >= {"A"}
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("at", HALF_WAY)
def test_what_a_handler_records_in_a_child_process_before_it_has_joined_is_in_the_run(store, python, at):
    python(PROGRAM, at, "child", env={"OTEL_REPLAY_RUN_ID": "parent"})
    recorded = store.run("parent")
    assert [d.action for d in recorded.decisions] == ["SIGNAL", "INSIDE", "A"]
    assert [event.name for event in recorded.events] == ["heartbeat"]
