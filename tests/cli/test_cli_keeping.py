"""`verify`, `recover`, `delete`, `send`: what is done to runs."""

import io
import shutil
import sys

import pytest

from cli.conftest import FakeTerminal, tuning_story
from otel_replay.storage.run_files import RunFiles


def test_a_run_that_is_as_it_was_is_whole(call, keep, tuning):
    keep(tuning)
    result = call("verify", "latest")
    assert result.code == 0
    assert result.lines == [f"✓ {tuning.run_id}  tuning"]
    assert call("verify", "latest", "--json").json["ok"] is True


def test_one_byte_makes_it_damaged_and_the_file_is_named(call, keep, tuning):
    directory = keep(tuning)
    path = directory / "session_replay.json"
    path.write_bytes(path.read_bytes().replace(b"73.3", b"73.4", 1))
    result = call("verify", "latest")
    assert result.code == 1
    assert result.lines[0].startswith("✗ ")
    assert "session_replay.json was changed" in result.lines[1]
    document = call("verify", "latest", "--json")
    assert document.code == 1
    assert document.json["runs"][0]["findings"][0]["path"] == "session_replay.json"


def test_a_damaged_line_is_named_by_its_number(call, keep, tuning):
    directory = keep(tuning)
    path = directory / "journal" / "home.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[6] = b"\xff" * (len(lines[6]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    result = call("verify", "latest")
    assert result.code == 1
    assert "line 7" in result.out


def test_all_runs_are_checked_and_one_damaged_run_does_not_hide_the_others(call, keep):
    first = keep(tuning_story("run-a"))
    keep(tuning_story("run-b"))
    (first / "run.json").write_text("{")
    result = call("verify", "--all")
    assert result.code == 1
    assert sorted(line.split("  ")[0] for line in result.lines if line[0] != " ") == ["✓ run-b", "✗ run-a"]
    assert "2 runs, 1 damaged" in result.err


def test_an_interrupted_run_is_told_and_is_no_damage(call, keep, tuning):
    keep(tuning, how="interrupted")
    result = call("verify", "latest")
    assert result.code == 0
    assert result.lines[0].startswith("! ")


def test_recovering_closes_a_run_and_names_what_was_open(call, keep, store):
    story = tuning_story("dead")
    story.task("smooth", story.run("again"))
    directory = keep(story, how="interrupted")
    with open(directory / "journal" / "home.jsonl", "ab") as journal:
        journal.write(b'{"kind":"decision","t":17' + bytes(4096))
    result = call("recover", "dead")
    assert result.code == 0
    assert "closed, with 12 decisions" in result.lines[0]
    assert "run again, task smooth" in result.out
    assert "25 bytes of a torn line" in result.out
    assert RunFiles(directory).header.recovered
    assert call("verify", "dead").code == 0
    assert "was closed already" in call("recover", "dead").out
    assert "recover" not in call("list").err


def test_recovering_all_touches_only_those_that_need_it(call, keep):
    finished = keep(tuning_story("finished"))
    keep(tuning_story("dead"), how="interrupted")
    before = (finished / "run.json").read_bytes()
    result = call("recover", "--all")
    assert [line.split()[1] for line in result.lines] == ["dead"]
    assert (finished / "run.json").read_bytes() == before
    again = call("recover", "--all")
    assert (again.code, again.out) == (0, "")
    assert "No run needs to be closed" in again.err


def test_a_run_that_cannot_be_read_does_not_keep_the_others_open(call, keep):
    broken = keep(tuning_story("broken"), how="interrupted")
    keep(tuning_story("dead"), how="interrupted")
    (broken / "run.json").write_text("{")
    result = call("recover", "--all")
    assert result.code == 2
    assert "dead" in result.out
    assert "broken" in result.err


@pytest.mark.parametrize("command", ["verify", "recover", "send"])
def test_runs_are_named_or_all_are_meant(call, keep, tuning, command):
    keep(tuning)
    arguments = ["--to", "http://127.0.0.1:4318"] if command == "send" else []
    assert call(command, *arguments).code == 2
    assert call(command, "latest", "--all", *arguments).code == 2


def test_deleting_asks_nobody_where_nobody_can_answer(call, keep, tuning, monkeypatch):
    directory = keep(tuning)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    result = call("delete", "latest")
    assert result.code == 2
    assert "--yes" in result.err
    assert directory.exists()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_deleting_asks_on_a_terminal(call, keep, tuning, monkeypatch, answer, code):
    directory = keep(tuning)
    monkeypatch.setattr(sys, "stdin", FakeTerminal(io.BytesIO(answer.encode())))
    result = call("delete", tuning.run_id)
    assert result.code == code
    assert "for good?" in result.err
    assert directory.exists() == (code == 1)


def test_deleting_takes_several_and_each_once(call, keep):
    keep(tuning_story("run-a"))
    keep(tuning_story("run-b"))
    keep(tuning_story("other"))
    assert call("delete", "run-a", "run-b", "run-a", "--yes").code == 0
    assert [run["run_id"] for run in call("list", "--json").json["runs"]] == ["other"]


def test_one_name_that_is_none_deletes_nothing(call, keep):
    directory = keep(tuning_story("run-a"))
    assert call("delete", "run-a", "run-b", "--yes").code == 2
    assert directory.exists()


def test_a_running_run_is_not_deleted(call, keep, tuning, monkeypatch):
    directory = keep(tuning, how="interrupted")
    monkeypatch.setattr("otel_replay.storage.run_files.is_alive", lambda *_: True)
    result = call("delete", "latest", "--yes")
    assert result.code == 2
    assert "still running" in result.err
    assert directory.exists()


@pytest.mark.parametrize("name", ["../etc", "a/b", "\x1b[2J", "", "a" * 200, "..", "x\0y"])
@pytest.mark.parametrize("command", ["show", "view", "summary", "dump", "verify", "recover", "delete"])
def test_what_cannot_be_a_run_is_refused_and_not_echoed_raw(call, keep, tuning, command, name):
    keep(tuning)
    arguments = ["--yes"] if command == "delete" else []
    result = call(command, *arguments, "--", name)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "\x1b" not in result.err


def test_a_prefix_of_several_runs_is_refused_with_their_names(call, keep):
    keep(tuning_story("run-a"))
    keep(tuning_story("run-b"))
    result = call("show", "run")
    assert result.code == 2
    assert "run-a" in result.err
    assert "run-b" in result.err
    assert call("show", "run-a").code == 0


def test_an_unknown_run_is_refused_with_the_nearest_names(call, keep):
    keep(tuning_story("smoothing-run"))
    result = call("summary", "smothing-run")
    assert result.code == 2
    assert "smoothing-run" in result.err


def test_latest_in_an_empty_store_is_told(call):
    result = call("show", "latest")
    assert result.code == 2
    assert "there are no runs" in result.err


def test_a_journal_of_a_newer_version_is_told(call, keep, tuning):
    directory = keep(tuning)
    path = directory / "journal" / "home.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":9', 1))
    result = call("show", "latest")
    assert result.code == 2
    assert "9" in result.err


FILE_HINTS = {"pack": "otel-replay import traces.jsonl", "delete": "rm traces.jsonl"}


@pytest.mark.parametrize("command", ["pack", "delete"])
@pytest.mark.parametrize("name", ["traces.jsonl", "traces.jsonl#latest", "folder", "-", "packed.orpack"])
def test_a_file_is_no_run_of_the_store_and_what_to_do_with_it_is_said(
    call, keep, tuning, tmp_path, monkeypatch, command, name
):
    monkeypatch.chdir(tmp_path)
    keep(tuning)
    (tmp_path / "folder").mkdir()
    assert call("dump", "latest", "--format", "otlp", "-o", "traces.jsonl").code == 0
    assert call("pack", "latest", "-o", "packed.orpack").code == 0
    result = call(command, name)
    assert result.code == 2
    assert f"and `{command}` takes runs of the store" in result.err
    hints = {"folder": "otel-replay import folder", "-": "otel-replay import FILE"}
    hints["packed.orpack"] = "unpack packed.orpack" if command == "pack" else "rm packed.orpack"
    assert hints.get(name, FILE_HINTS[command]) in result.err


def test_a_directory_elsewhere_does_not_delete_the_run_of_its_name(call, keep, tuning, store, tmp_path):
    keep(tuning)
    other = tmp_path / "copies" / tuning.run_id
    shutil.copytree(store.directory(tuning.run_id), other)
    result = call("delete", str(other), "--yes")
    assert (result.code, "that is not in" in result.err) == (2, True)
    assert other.is_dir()
    assert call("delete", str(store.directory(tuning.run_id)), "--yes").code == 0
    assert store.runs() == []
