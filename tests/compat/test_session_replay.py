"""Programs that log decisions as DynoAI's tuner does: their calls, their files, with our recording below."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from otel_replay.compat import session_replay
from otel_replay.compat.session_replay import (
    clear_session_log,
    get_session_log,
    log_decision,
    write_session_replay,
)
from otel_replay.formats.session_replay import read
from otel_replay.recording.ensured import end_ensured_run
from otel_replay.recording.run import start_run

VALUES = {"afr_error_pct": 0.73, "weight": 73.3, "afr_commanded": 12.5, "afr_measured": 12.41}
CELL = {"rpm": 2000, "kpa": 65, "cylinder": "f"}


@pytest.fixture(autouse=True)
def fresh_log(store):
    """A log that nobody has written to, in a store of the test's own."""
    session_replay._places.clear()
    clear_session_log()
    yield
    end_ensured_run()
    session_replay._places.clear()


def document(folder: Path) -> dict:
    """The file that `write_session_replay` wrote."""
    return json.loads((folder / "session_replay.json").read_text())


# -- the calls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (log_decision, {"action": ..., "reason": ..., "values": None, "cell": None}),
        (get_session_log, {}),
        (clear_session_log, {}),
        (write_session_replay, {"outdir": ..., "run_id": ...}),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_the_calls_take_what_they_took(function, parameters):
    """Names, order and defaults; `...` stands for none."""
    found = inspect.signature(function).parameters
    empty = inspect.Parameter.empty
    assert {name: ... if one.default is empty else one.default for name, one in found.items()} == parameters


def test_a_logged_decision_is_an_entry_of_the_format():
    """With its values and its cell, in their order; what was not given is left out."""
    log_decision("AFR_CORRECTION", "Accepted AFR error sample for f cylinder", values=VALUES, cell=CELL)
    log_decision("SMOOTHING_START", "Starting")
    first, second = get_session_log()
    assert list(first) == ["timestamp", "action", "reason", "values", "cell"]
    assert (first["action"], first["values"], first["cell"]) == ("AFR_CORRECTION", VALUES, CELL)
    assert list(first["values"]) == list(VALUES)
    assert first["timestamp"].endswith("Z")
    assert len(first["timestamp"]) == len("2025-12-15T17:28:01.803Z")
    assert list(second) == ["timestamp", "action", "reason"]


def test_the_log_that_is_given_is_a_copy():
    """What the caller does to it changes nothing."""
    log_decision("A", "why", values=VALUES)
    get_session_log()[0]["values"].clear()
    get_session_log().clear()
    assert get_session_log()[0]["values"] == VALUES


def test_clearing_begins_a_new_log_and_deletes_nothing(store):
    """Each log that begins by itself is a run of its own."""
    log_decision("OLD", "before")
    clear_session_log()
    assert get_session_log() == []
    log_decision("NEW", "after")
    assert [entry["action"] for entry in get_session_log()] == ["NEW"]
    clear_session_log()
    recorded = [[one.action for one in run.decisions] for run in store.runs()]
    assert sorted(recorded) == [["NEW"], ["OLD"]]


def test_clearing_inside_a_run_leaves_the_run_as_it_is(store):
    """The log begins anew; the run goes on, and holds both."""
    with start_run("tuning", run_id="bench-7"):
        log_decision("OLD", "before")
        clear_session_log()
        assert get_session_log() == []
        log_decision("NEW", "after")
        assert [entry["action"] for entry in get_session_log()] == ["NEW"]
    assert [entry["action"] for entry in get_session_log()] == ["NEW"]
    assert [one.action for one in store.run("bench-7").decisions] == ["OLD", "NEW"]


def test_decisions_go_to_the_task_in_which_they_are_made(store):
    """The log is one thing, the tree that it is part of another."""
    with start_run("tuning") as run:
        with run.task("smooth"):
            log_decision("SMOOTHING_START", "Starting")
        log_decision("CLAMPING_START", "Starting")
    assert store.run().owners() == {"SMOOTHING_START": "task smooth", "CLAMPING_START": "run tuning"}
    assert len(get_session_log()) == 2


def test_threads_log_at_the_same_time():
    """Nothing is lost, and each thread's decisions stay in their order."""

    def work(number: int) -> None:
        for step in range(100):
            log_decision(f"THREAD_{number}", "why", values={"step": step})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = get_session_log()
    assert len(log) == 400
    for number in range(4):
        steps = [entry["values"]["step"] for entry in log if entry["action"] == f"THREAD_{number}"]
        assert steps == list(range(100))


def test_a_decision_is_on_the_disk_when_the_call_returns(store, tmp_path):
    """Unlike the original's: the process is killed, and nothing was written by it at an end."""
    program = (
        "import os\n"
        "from otel_replay.compat.session_replay import log_decision\n"
        "for number in range(50): log_decision('A', 'why', values={'number': number})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [one.values["number"] for one in store.run().decisions] == list(range(50))


def test_nothing_that_is_logged_raises_into_the_program(store):
    """Whatever the values are."""

    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    log_decision("A", "why", values={"x": Hostile(), "nan": float("nan"), 7: {1, 2}}, cell=Hostile())
    log_decision(None, 7)
    assert len(get_session_log()) == 2


def test_secrets_are_not_in_the_log():
    """What is taken out before it is written is not in what is read back."""
    log_decision("A", "why", values={"api_key": "sk-abcdefghijklmnopqrstuvwxyz123456"})
    assert "abcdefghijklmnop" not in json.dumps(get_session_log())


# -- the file ------------------------------------------------------------------------------------------------


def test_the_file_has_the_form_of_the_original(tmp_path):
    """Its head in its order, and it is read by whoever reads such files."""
    log_decision("AFR_CORRECTION", "why", values=VALUES, cell=CELL)
    write_session_replay(tmp_path, "2025-12-15T17-28-01Z-e46826")
    written = document(tmp_path)
    assert list(written) == ["schema_version", "run_id", "generated_at", "total_decisions", "decisions"]
    assert (written["schema_version"], written["total_decisions"]) == ("1.0", 1)
    assert written["run_id"] == "2025-12-15T17-28-01Z-e46826"
    assert written["decisions"] == get_session_log()
    text = (tmp_path / "session_replay.json").read_text()
    assert text == json.dumps(written, indent=2)
    assert read(text.encode()).decisions[0].cell == CELL


def test_it_is_written_as_often_as_one_likes(tmp_path, store):
    """Each time with all that was logged; the folder is made, a path may be text or Path."""
    folder = tmp_path / "deep" / "out"
    log_decision("A", "why")
    write_session_replay(str(folder), "one")
    log_decision("B", "why")
    write_session_replay(folder, "two")
    assert (document(folder)["run_id"], document(folder)["total_decisions"]) == ("two", 2)
    end_ensured_run()
    writes = [event.attributes["file.path"] for event in store.run().events if event.name == "file write"]
    assert writes == [str(folder / "session_replay.json")] * 2


def test_an_empty_log_is_a_file_too(tmp_path):
    """With no decisions in it."""
    write_session_replay(tmp_path, "none")
    assert document(tmp_path)["decisions"] == []


def test_long_values_come_back_whole(tmp_path):
    """Though the journal keeps them apart."""
    long = "x" * 100_000
    log_decision("A", "why", values={"text": long})
    write_session_replay(tmp_path, "long")
    assert document(tmp_path)["decisions"][0]["values"] == {"text": long}


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path):
    """As the original's `open` had it."""
    log_decision("A", "why")
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OSError, match="out"):
        write_session_replay(tmp_path / "out", "one")


def test_the_log_goes_on_where_nothing_is_recorded(python, tmp_path, store):
    """Recording is switched off, or its store cannot be made: what the program itself writes is complete."""
    program = """
        from otel_replay.compat.session_replay import *
        log_decision("A", "why", values={"n": 1}, cell={"rpm": 2000})
        log_decision("B", "why")
        write_session_replay("out", "one")
        assert [entry["action"] for entry in get_session_log()] == ["A", "B"]
        clear_session_log()
        assert get_session_log() == []
    """
    (tmp_path / "file").write_text("no folder")
    for env in ({"OTEL_REPLAY_DISABLED": "true"}, {"OTEL_REPLAY_STORE": str(tmp_path / "file" / "store")}):
        python(program, env=env)
        assert document(tmp_path / "out")["decisions"][0]["values"] == {"n": 1}
        assert len(document(tmp_path / "out")["decisions"]) == 2
        (tmp_path / "out" / "session_replay.json").unlink()
    assert not store.root.exists()


# -- the manifest --------------------------------------------------------------------------------------------


def manifest(folder: Path) -> dict:
    """The manifest in a folder."""
    return json.loads((folder / "manifest.json").read_text())


def test_the_file_is_registered_in_a_manifest_of_its_own(tmp_path):
    """Size and sha256 are those of the file."""
    log_decision("A", "why")
    write_session_replay(tmp_path, "one")
    (entry,) = manifest(tmp_path)["outputs"]
    content = (tmp_path / "session_replay.json").read_bytes()
    assert entry.pop("created").endswith("Z")
    assert entry == {
        "name": "session_replay.json",
        "path": "session_replay.json",
        "type": "json",
        "schema": "session_replay",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_what_else_stands_in_the_manifest_stays(tmp_path):
    """Order, other outputs, keys of the entry that we do not know; one line stays one line."""
    before = {
        "schema_id": "dynoai.manifest@1",
        "input": {"path": "C:\\Dev\\a.csv", "newline": "auto"},
        "clamp": 10.0,
        "outputs": [
            {"name": "Grid.csv", "path": "Grid.csv", "sha256": "0" * 64},
            {"name": "session_replay.json", "path": "session_replay.json", "rows": None, "size_bytes": 1},
        ],
        "apply": {"allowed": False},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(before, separators=(",", ":")))
    log_decision("A", "why")
    for _ in range(2):
        write_session_replay(tmp_path, "one")
    after = manifest(tmp_path)
    entry = after["outputs"].pop()
    before["outputs"].pop()
    assert after == before
    assert list(after) == list(before)
    assert entry["rows"] is None
    assert entry["size_bytes"] == (tmp_path / "session_replay.json").stat().st_size
    assert "\n" not in (tmp_path / "manifest.json").read_text()


@pytest.mark.parametrize(
    "text", ["{torn", "[1]", '{"outputs": 7}', "\udcff"], ids=["torn", "list", "7", "bytes"]
)
def test_a_manifest_that_is_none_is_left_as_it_is(tmp_path, caplog, text):
    """It is somebody's evidence; the file itself is written, and the log says that it is in no manifest."""
    content = text.encode("utf-8", "surrogateescape")
    (tmp_path / "manifest.json").write_bytes(content)
    log_decision("A", "why")
    write_session_replay(tmp_path, "one")
    assert (tmp_path / "manifest.json").read_bytes() == content
    assert document(tmp_path)["total_decisions"] == 1
    assert "is in no manifest" in caplog.text


def test_processes_that_register_at_the_same_time_do_not_lose_each_other(tmp_path):
    """Each has its turn."""
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from otel_replay.storage.foreign_manifest import register_output\n"
        "for number in range(20):\n"
        "    path = Path(f'{sys.argv[1]}-{number}.json')\n"
        "    path.write_text('{}')\n"
        "    register_output(path, schema='x')\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, name], cwd=tmp_path, env=dict(os.environ))
        for name in ("a", "b", "c")
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert len(manifest(tmp_path)["outputs"]) == 60
