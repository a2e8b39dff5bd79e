"""Files that a program opens are in its run: its data, and nothing that Python opens for itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_kit import Recorded, Store

import otel_replay
from libraries.conftest import Recording
from otel_replay.hooks import guard
from otel_replay.storage.store import Store as Kept


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's folder."""
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "log.csv").write_text("rpm,kpa\n2000,65\n")
    monkeypatch.chdir(folder)
    return folder


def accesses(run: Recorded) -> list[tuple[str, str]]:
    """Each file access: what, and which file."""
    return [
        (event.name, event.attributes["file.path"])
        for event in run.events
        if event.name in {"file read", "file write", "file written"}
    ]


def opened(path: str, mode: str) -> None:
    """Open a file and close it."""
    with open(path, mode):
        pass


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        *(("r", "file read"), ("rb", "file read")),
        *(("w", "file write"), ("a", "file write"), ("r+", "file write"), ("w+b", "file write")),
    ],
)
def test_the_mode_says_whether_a_file_is_read_or_written(
    here: Path, recorded: Recording, mode: str, told: str
) -> None:
    assert accesses(recorded(lambda: opened("log.csv", mode))) == [(told, "log.csv")]


def test_a_file_that_is_opened_by_its_descriptor_is_told_once(here: Path, recorded: Recording) -> None:
    def program() -> None:
        descriptor = os.open("log.csv", os.O_RDONLY)
        with open(descriptor) as file:
            file.read()
        os.close(os.open("out.bin", os.O_WRONLY | os.O_CREAT))
        os.close(os.open(".", os.O_DIRECTORY))

    assert accesses(recorded(program)) == [("file read", "log.csv"), ("file write", "out.bin")]


def test_a_read_file_has_its_size(here: Path, recorded: Recording) -> None:
    (event,) = recorded(lambda: opened("log.csv", "r")).events
    assert event.attributes["file.size"] == len("rpm,kpa\n2000,65\n")


def test_an_access_stands_in_the_span_that_makes_it(here: Path, recorded: Recording) -> None:
    def program() -> None:
        with otel_replay.task("load"):
            opened("log.csv", "r")

    run = recorded(program)
    assert run.events[0].span_id == run.span("task load").span_id


def test_what_pandas_and_numpy_open_is_told(here: Path, recorded: Recording) -> None:
    import numpy as np
    import pandas as pd

    def program() -> None:
        table = pd.read_csv("log.csv")
        table.to_csv("out.csv")
        np.save("table.npy", table.to_numpy())

    assert accesses(recorded(program)) == [
        ("file read", "log.csv"),
        ("file write", "out.csv"),
        ("file write", "table.npy"),
    ]


def test_what_python_and_the_system_have_is_left_out(here: Path, recorded: Recording) -> None:
    def program() -> None:
        opened(os.__file__, "r")
        opened(pytest.__file__, "r")
        opened(os.devnull, "w")
        opened("/proc/self/status", "r")
        with contextlib.suppress(FileNotFoundError):
            opened("__editable__.tuner-1.0.finder.__path_hook__", "r")  # as importlib.metadata does
        tempfile.TemporaryFile().close()

    assert accesses(recorded(program)) == []


def test_a_file_that_is_opened_often_is_told_ever_more_rarely(here: Path, recorded: Recording) -> None:
    def program() -> None:
        for _ in range(250):
            opened("log.csv", "r")

    events = recorded(program).events
    told = [
        (event.attributes["file.path"], event.attributes.get("otel_replay.file.opens", 1)) for event in events
    ]
    assert told == [("log.csv", 1), ("log.csv", 10), ("log.csv", 100)]


def test_the_same_name_in_another_folder_is_another_file(here: Path, recorded: Recording) -> None:
    (here / ".git").mkdir()

    def program() -> None:
        opened("a.csv", "w")
        os.chdir(".git")
        opened("a.csv", "w")
        os.chdir(here)
        opened("a.csv", "w")

    assert accesses(recorded(program)) == [("file write", "a.csv")] * 2


def test_settings_choose_files(here: Path, recorded: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_REPLAY_FILES_INCLUDE", "*.csv, settings/*, *.py")
    monkeypatch.setenv("OTEL_REPLAY_FILES_EXCLUDE", "secret*")
    (here / "settings").mkdir()

    def program() -> None:
        for name in ("a.csv", "a.txt", "secret.csv", "settings/a.txt", "a.py"):
            opened(name, "w")

    assert [name for _, name in accesses(recorded(program))] == ["a.csv", "settings/a.txt", "a.py"]


@pytest.mark.parametrize("asked", [False, True])
def test_the_files_of_a_store_are_not_the_programs_own_unless_it_is_asked_for_them(
    here: Path, recorded: Recording, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    """As where a test that is recorded makes a run and reads it. Others may have folders called so."""
    if asked:
        monkeypatch.setenv("OTEL_REPLAY_FILES_INCLUDE", "*")
    Kept(here / "kept").ensure()
    mine = ["kept/mine.csv", "other/runs/a.csv", "other/catalog.jsonl"]
    stores = ["kept/.store.json.1.ab.part", "kept/store.json", "kept/catalog.jsonl", "kept/runs/r/run.json"]
    for name in (*stores, *mine):
        (here / name).parent.mkdir(parents=True, exist_ok=True)

    def program() -> None:
        for name in (*stores, *mine):
            opened(name, "a")

    told = [name for what, name in accesses(recorded(program)) if what == "file write"]
    assert told == (stores + mine if asked else mine)


def test_a_file_that_is_only_called_as_one_of_a_stores_is_the_programs_own(
    here: Path, recorded: Recording
) -> None:
    """A shop may keep what it has in a `store.json`, beside a folder of runs."""
    (here / "runs").mkdir()
    (here / "store.json").write_text('{"format": "goods"}')

    def program() -> None:
        opened("store.json", "r")
        opened("runs/a.csv", "w")

    assert accesses(recorded(program)) == [("file read", "store.json"), ("file write", "runs/a.csv")]


def test_a_file_that_is_not_there_is_the_programs_own_trouble(here: Path, recorded: Recording) -> None:
    def program() -> None:
        with pytest.raises(FileNotFoundError):
            opened("nothing.csv", "r")

    (event,) = recorded(program).events
    assert event.attributes["error.type"] == "FileNotFoundError"
    assert "file.size" not in event.attributes


def test_a_hook_that_fails_changes_nothing(
    here: Path, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("injected")

    def broken_for_it(name: str, *, writes: bool) -> None:
        if name == "out.csv":  # and not for what is still forced to the disk of an earlier run
            broken()

    monkeypatch.setattr("otel_replay.libraries.file_events.tell", broken_for_it)

    def program() -> None:
        opened("out.csv", "w")
        subprocess.run([sys.executable, "-c", ""], check=True)

    monkeypatch.setattr("otel_replay.libraries.processes._tell", broken)
    recorded(program)
    assert (here / "out.csv").exists()
    assert guard.FAILURES.pop("recording a file access") == 1
    assert guard.FAILURES.pop("recording the start of a process") == 1


def test_an_unmodified_program_leaves_its_files_and_their_sizes(
    here: Path, store: Store, python_run: Callable[[str], None]
) -> None:
    python_run("open('out.csv', 'w').write('12345')\nopen('log.csv').read()\n")
    run = store.run()
    assert accesses(run) == [("file write", "out.csv"), ("file read", "log.csv"), ("file written", "out.csv")]
    assert run.events[-1].attributes["file.size"] == 5


def test_code_that_is_written_is_told_and_code_that_is_read_is_not(here: Path, recorded: Recording) -> None:
    """A formatter's work is in its run; what Python compiles by itself is not."""
    (here / "module.py").write_text("x = 1\n")

    def program() -> None:
        opened("module.py", "r")
        opened("module.py", "w")
        opened("made.pyi", "x")
        opened("module.cpython-311.pyc", "wb")

    assert accesses(recorded(program)) == [("file write", "module.py"), ("file write", "made.pyi")]


def test_where_temporary_files_may_be_is_asked_without_being_told(
    here: Path, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python writes and removes a file to see whether it can; descriptions of packages are no data."""
    monkeypatch.setenv("TMPDIR", str(here))
    monkeypatch.setattr(tempfile, "tempdir", None)
    folder = here / "package.egg-info"
    folder.mkdir()

    def program() -> None:
        assert tempfile.gettempdir() == str(here)
        opened("package.egg-info/RECORD", "w")
        with tempfile.NamedTemporaryFile("w", suffix=".csv"):
            pass

    assert [path[-4:] for _, path in accesses(recorded(program))] == [".csv"]


def test_written_files_beyond_so_many_are_counted(
    here: Path, store: Store, python_run: Callable[[str], None]
) -> None:
    python_run(
        "import otel_replay.libraries.file_events as events\n"
        "events._MOST = 3\n"
        "for number in [0, 1, 2, 3, 4, 1]:\n"
        "    open(f'{number}.csv', 'w').close()\n"
    )
    told = [event.attributes for event in store.run().events if event.name == "file written"]
    assert [one.get("file.path") for one in told] == ["0.csv", "1.csv", "2.csv", None]
    assert told[-1] == {"otel_replay.file.others": 2}


def test_what_python_looks_for_after_a_syntax_error_is_no_file(here: Path, recorded: Recording) -> None:
    """Python 3.10 tries to open `<unknown>`, to show the line; the program may do the same by itself."""

    def program() -> None:
        sys.audit("open", "<unknown>", "rb", 0)  # as Python's C code does
        with contextlib.suppress(FileNotFoundError):
            opened("<mine>", "rb")

    assert accesses(recorded(program)) == [("file read", "<mine>")]


def test_a_file_that_is_opened_when_python_is_nearly_gone_is_written(
    store: Store, python: Callable[..., Any], tmp_path: Path
) -> None:
    python(
        """
        import otel_replay, sys
        otel_replay.record_libraries()

        class Last:
            def __init__(self):
                self.open = open
            def __del__(self):
                self.open("last", "w").close()

        # A module that somebody holds has its names taken from it before that.
        sys.left_to_the_end = (sys.modules["otel_replay.hooks.audit"], Last())
        """
    )
    assert (tmp_path / "last").exists()
