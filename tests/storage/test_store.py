"""The store: made when something is recorded, never when something is read; runs named, found and removed."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from otel_replay.errors import FormatError, StoreError, UsageError
from otel_replay.storage.store import Store, validate_run_id
from storage.storage_kit import RUN, finished_run, run_header, write_run, writing_process

HOSTILE = [
    "",
    "..",
    ".",
    "../../etc",
    "a/b",
    "/etc",
    "a\\b",
    ".hidden",
    "-rf",
    "_a",
    "a b",
    "a\nb",
    "a\x1b[2J",
    "a\x00b",
    "ä",
    "run\u202e",
    "a" * 129,
    "a\n",
]


@pytest.mark.parametrize("text", ["a", "7", RUN, "A.b_c-d", "a" * 128, "a..b"])
def test_ids_that_are_allowed(text):
    assert validate_run_id(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_an_id_that_leads_elsewhere_or_garbles_a_terminal_is_refused(runs, tmp_path, text):
    before = sorted(tmp_path.rglob("*"))
    for use in (validate_run_id, runs.directory, runs.delete, lambda text: runs.create(run_header(text))):
        with pytest.raises(UsageError) as caught:
            use(text)
        assert caught.value.message.isprintable()
        assert "letters, digits" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        runs.resolve(text)
    assert caught.value.message.isprintable()
    assert sorted(tmp_path.rglob("*")) == before


def test_no_run_may_be_called_latest(runs):
    with pytest.raises(UsageError, match="stands for the newest run"):
        runs.create(run_header("latest"))


def test_a_store_is_private_says_its_version_and_stays_out_of_git(runs):
    assert os.stat(runs.root).st_mode & 0o777 == 0o700
    assert (runs.root / ".gitignore").read_text() == "*\n"
    assert json.loads((runs.root / "store.json").read_text()) == {"format": "otel-replay.store", "version": 1}
    runs.ensure()
    assert sorted(os.listdir(runs.root)) == [".gitignore", "runs", "store.json"]


def test_a_directory_that_holds_something_else_is_used_but_not_hidden_from_git(tmp_path):
    (tmp_path / "README").write_text("mine")
    Store(tmp_path).ensure()
    assert not (tmp_path / ".gitignore").exists()
    assert (tmp_path / "store.json").exists()


def test_reading_makes_nothing(tmp_path):
    store = Store(tmp_path / "nothing")
    assert store.runs() == []
    for name in ("latest", "abc"):
        with pytest.raises(UsageError, match="there are no runs in"):
            store.resolve(name)
    with pytest.raises(UsageError, match="there is no run"):
        store.delete("abc")
    assert os.listdir(tmp_path) == []


def test_a_store_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "store").write_text("mine")
    store = Store(tmp_path / "store")
    for use in (store.ensure, store.runs, lambda: store.resolve("a"), lambda: store.create(run_header())):
        with pytest.raises(StoreError) as caught:
            use()
        assert str(tmp_path / "store") in caught.value.message
        assert "file stands" in caught.value.hint
    assert (tmp_path / "store").read_text() == "mine"


def test_a_store_of_a_newer_version_is_refused_and_left_alone(runs):
    (runs.root / "store.json").write_text('{"format":"otel-replay.store","version":2}')
    for use in (runs.ensure, runs.runs, lambda: runs.resolve("a")):
        with pytest.raises(FormatError, match="version 2; this otel-replay reads up to version 1"):
            use()


def test_a_store_that_lost_its_mark_is_a_store_all_the_same(runs):
    finished_run(runs)
    (runs.root / "store.json").unlink()
    assert [run.run_id for run in runs.runs()] == [RUN]
    runs.ensure()
    assert runs.resolve(RUN).run_id == RUN


def test_a_run_appears_whole(runs):
    directory = runs.create(run_header(attributes={"engine": "V8", "raw": b"\x00", "limit": float("inf")}))
    assert sorted(os.listdir(directory)) == ["journal", "run.json"]
    assert os.stat(directory).st_mode & 0o777 == 0o700
    assert os.stat(directory / "run.json").st_mode & 0o777 == 0o600
    header = runs.resolve(RUN).header
    assert header == run_header(attributes={"engine": "V8", "raw": b"\x00", "limit": float("inf")})
    assert os.listdir(runs.root / "runs") == [RUN]


def test_a_run_id_is_taken_once(runs):
    runs.create(run_header(name="first"))
    with pytest.raises(StoreError, match="exists already") as caught:
        runs.create(run_header(name="second"))
    assert f"otel-replay delete {RUN}" in caught.value.hint
    assert runs.resolve(RUN).header.name == "first"
    assert os.listdir(runs.root / "runs") == [RUN]


def test_one_of_many_processes_gets_the_run_id(runs):
    program = textwrap.dedent("""
        import sys
        from otel_replay.errors import StoreError
        from otel_replay.storage.run_header import RunHeader
        from otel_replay.storage.store import Store
        store = Store(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        won = 0
        for number in range(50):
            try:
                store.create(RunHeader(run_id=f"run-{number}", name="x", started_ns=1))
                won += 1
            except StoreError as error:
                assert "exists already" in error.message, error
        print(won)
    """)
    command = [sys.executable, "-c", program, str(runs.root)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sum(int(process.communicate()[0]) for process in processes) == 50
    assert len(os.listdir(runs.root / "runs")) == 50


@pytest.mark.parametrize("name", [RUN, "2025-12-15T17-28-01Z-e4", "latest"])
def test_a_run_is_found_by_its_id_by_a_unique_prefix_and_as_the_latest(runs, name):
    finished_run(runs, "2025-12-15T17-28-01Z-a00000", started_ns=1)
    finished_run(runs, RUN)
    assert runs.resolve(name).run_id == RUN


def test_an_id_that_begins_another_one_means_itself(runs):
    write_run(runs, "tune")
    write_run(runs, "tune-2")
    assert runs.resolve("tune").run_id == "tune"


def test_a_run_is_found_by_the_path_of_its_directory(runs, tmp_path):
    directory = finished_run(runs)
    os.rename(directory, tmp_path / "unpacked")
    assert runs.resolve(str(tmp_path / "unpacked")).run_id == RUN


def test_an_ambiguous_prefix_names_the_candidates(runs):
    for number in range(7):
        write_run(runs, f"tune-{number}")
    with pytest.raises(UsageError) as caught:
        runs.resolve("tune")
    assert "7 runs begin with `tune`: `tune-0`, `tune-1`" in caught.value.message
    assert "2 more" in caught.value.message


def test_an_unknown_run_names_its_nearest(runs):
    write_run(runs, "tuning-v8-street")
    with pytest.raises(UsageError, match="there is no run `tuning-v8-stret`") as caught:
        runs.resolve("tuning-v8-stret")
    assert caught.value.hint == "did you mean `tuning-v8-street`?"
    with pytest.raises(UsageError) as caught:
        runs.resolve("zzz")
    assert "otel-replay list" in caught.value.hint


def test_a_run_that_is_asked_for_by_its_name_is_told_by_its_id(runs):
    name = finished_run(runs) and runs.runs()[0].name
    with pytest.raises(UsageError, match="there is no run") as caught:
        runs.resolve(name)
    assert caught.value.hint == f"`{name}` is the name of `{RUN}`: say the id"


def test_a_deleted_run_is_gone(runs):
    directory = finished_run(runs)
    finished_run(runs, "other")
    runs.delete(RUN)
    assert not directory.exists()
    assert [run.run_id for run in runs.runs()] == ["other"]
    assert os.listdir(runs.root / "runs") == ["other"]
    with pytest.raises(UsageError, match="there is no run"):
        runs.delete(RUN)


def test_a_run_that_is_written_is_not_deleted(runs):
    with writing_process(runs):
        with pytest.raises(StoreError, match="is still being written"):
            runs.delete(RUN)
        assert runs.directory(RUN).is_dir()
    runs.delete(RUN)
    assert runs.runs() == []


def test_deleting_a_link_to_a_run_leaves_the_run(runs, tmp_path):
    directory = finished_run(runs)
    os.rename(directory, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", directory)
    assert [run.run_id for run in runs.runs()] == [RUN]
    runs.delete(RUN)
    assert runs.runs() == []
    assert (tmp_path / "elsewhere" / "run.json").exists()


def test_what_a_killed_deletion_left_behind_goes_with_the_next_one(runs):
    os.rename(finished_run(runs, "half"), runs.root / "runs" / ".deleted-1-aabbccdd")
    finished_run(runs)
    assert [run.run_id for run in runs.runs()] == [RUN]
    runs.delete(RUN)
    assert os.listdir(runs.root / "runs") == []


def test_a_damaged_run_can_be_deleted(runs):
    directory = finished_run(runs)
    (directory / "run.json").write_text("{")
    runs.delete(RUN)
    assert not directory.exists()


UNPRIVILEGED = """
import os, shutil, sys
import otel_replay.storage.listing
from otel_replay.errors import StoreError
from otel_replay.storage.run_header import RunHeader
from otel_replay.storage.store import Store
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
store = Store(sys.argv[1])
for do in sys.argv[2:]:
    try:
        if do == "create":
            store.create(RunHeader(run_id="new", name="x", started_ns=1))
        elif do == "list":
            print([run.run_id for run in store.runs()])
    except StoreError as error:
        print(error.message, "|", error.hint)
"""


def as_nobody(root, *do):
    """What an ordinary user gets; the tests themselves may run as root, to whom nothing is forbidden."""
    if os.geteuid() == 0:
        for parent in root.parents[:3]:  # the test's own directory, the session's, the user's
            parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, str(root), *do], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_store_that_may_not_be_written_is_a_clear_error_and_still_listed(runs):
    finished_run(runs)
    for path in (runs.root, *runs.root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    created, listed = as_nobody(runs.root, "create", "list")
    assert "cannot make the directory" in created
    assert "Permission denied | check who owns it" in created
    assert listed == f"['{RUN}']"


def test_a_store_that_may_not_be_read_is_a_clear_error(runs):
    finished_run(runs)
    (runs.root / "runs").chmod(0o000)
    runs.root.chmod(0o555)
    (runs.root / "store.json").chmod(0o444)
    (listed,) = as_nobody(runs.root, "list")
    assert "cannot read" in listed
    assert "Permission denied | check who owns it" in listed
    (runs.root / "runs").chmod(0o700)


def test_what_processes_left_that_were_killed_while_they_made_a_run_is_swept_after_a_day(runs):
    runs.ensure()
    folder = runs.root / "runs"
    for name in (".new-1-old", ".new-2-young", ".deleted-3-x"):
        (folder / name / "journal").mkdir(parents=True)
    os.utime(folder / ".new-1-old", (0, 0))
    with writing_process(runs):
        # Somebody makes one for longer than a day.
        os.rename(folder / RUN, folder / ".new-4-alive")
        os.utime(folder / ".new-4-alive", (0, 0))
        runs.sweep()
        assert sorted(os.listdir(folder)) == [".new-2-young", ".new-4-alive"]
        os.rename(folder / ".new-4-alive", folder / RUN)
    assert runs.runs()[0].run_id == RUN
