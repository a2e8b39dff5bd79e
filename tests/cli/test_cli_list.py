"""`otel-replay list`."""

import os

import pytest
from analysis.story import Story

from cli.conftest import tuning_story
from otel_replay.cli.terminal import width
from otel_replay.recording.run import start_run
from otel_replay.storage.run_header import RunHeader


def ids(result):
    return [line.split()[0] for line in result.lines[1:]]


def test_the_newest_run_stands_first_with_what_it_holds(call, keep):
    keep(tuning_story("older"))
    keep(tuning_story("newer", later_ns=1))
    result = call("list")
    assert result.code == 0
    assert ids(result) == ["newer", "older"]
    assert result.lines[1].split()[-2:] == ["12", "3"]
    assert "finished" in result.lines[1]


def test_an_empty_store_says_what_to_do_and_is_no_error(call):
    result = call("list")
    assert (result.code, result.out) == (0, "")
    assert "otel-replay demo" in result.err


def test_a_store_that_does_not_exist_is_an_empty_one_and_is_not_made(call, tmp_path):
    result = call("--store", str(tmp_path / "nowhere"), "list", use_store=False)
    assert result.code == 0
    assert not (tmp_path / "nowhere").exists()


def test_the_store_may_stand_after_the_command_too(call, store, keep, tuning):
    keep(tuning)
    assert ids(call("list", "--store", str(store.root), use_store=False)) == [tuning.run_id]


def test_the_store_may_come_from_the_environment(call, store, keep, tuning, monkeypatch):
    keep(tuning)
    monkeypatch.setenv("OTEL_REPLAY_STORE", str(store.root))
    assert ids(call("list", use_store=False)) == [tuning.run_id]


def test_a_file_in_place_of_the_store_is_told(call, tmp_path):
    (tmp_path / "file").write_text("x")
    result = call("--store", str(tmp_path / "file"), "list", use_store=False)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "file" in result.err


def test_interrupted_runs_are_marked_and_recovery_is_offered(call, keep, tuning):
    keep(tuning, how="interrupted")
    result = call("list")
    assert "interrupted" in result.lines[1]
    assert f"otel-replay recover {tuning.run_id}" in result.err
    assert "recover" not in result.out


def test_what_was_open_when_an_interrupted_run_died_is_named(call, keep):
    story = Story("dead")
    run = story.run()
    story.end(story.task("bin samples", run))
    story.task("clamp \x1b[31m", run)
    keep(story, how="interrupted")
    told = call("list").err
    assert "dead died with 2 spans open: run " in told
    assert "clamp" in told
    assert "bin samples" not in told
    assert "\x1b[31m" not in told


def test_a_long_run_is_not_read_to_name_what_was_open(call, keep, tuning):
    directory = keep(tuning, how="interrupted")
    journal = next((directory / "journal").iterdir())
    with open(journal, "r+b") as stream:
        stream.truncate(5 << 20)
    assert f"otel-replay show {tuning.run_id}" in call("list").err


def test_runs_can_be_asked_for_by_status(call, keep):
    keep(tuning_story("good"))
    keep(tuning_story("bad"), how="failed")
    keep(tuning_story("dead"), how="interrupted")
    assert ids(call("list", "--status", "failed")) == ["bad"]
    assert ids(call("list", "--status", "interrupted")) == ["dead"]


def test_a_long_list_is_cut_for_people_and_says_so(call, store):
    for number in range(60):
        store.create(
            RunHeader(run_id=f"run-{number:02}", name="x", started_ns=number, ended_ns=number, status="ok")
        )
    assert len(ids(call("list"))) == 50
    assert "10 more" in call("list").err
    assert len(ids(call("list", "--limit", "0"))) == 60
    assert len(ids(call("list", "--limit", "3"))) == 3
    assert len(call("list", "--json").json["runs"]) == 60


def test_json_has_exact_numbers(call, keep, tuning):
    keep(tuning)
    [run] = call("list", "--json").json["runs"]
    assert run["run_id"] == tuning.run_id
    assert run["status"] == "finished"
    assert run["counts"]["decisions"] == 12
    assert run["ended_ns"] - run["started_ns"] == run["duration_ms"] * 1e6


def test_a_damaged_run_is_listed_and_named(call, keep, tuning):
    directory = keep(tuning)
    (directory / "run.json").unlink()
    (directory / "run.json").write_text("{")
    result = call("list")
    assert result.code == 0
    assert "damaged" in result.lines[1]
    assert tuning.run_id in result.err


@pytest.mark.parametrize("columns", [40, 60, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_the_id_stays_whole(call, keep, columns):
    keep(tuning_story("2026-01-01T00-00-00Z-aaaaaa"), name="ein sehr langer Name " * 5)
    result = call("list", columns=columns)
    assert max(map(width, result.plain)) <= columns
    assert "2026-01-01T00-00-00Z-aaaaaa" in result.plain[1]


def test_a_directory_whose_name_is_no_text_is_listed_with_what_is_none_escaped(call, store, keep):
    for number, name in enumerate((b"caf\xe9", "日本".encode())):
        keep(tuning_story(f"run-{number}"))
        os.rename(store.directory(f"run-{number}"), os.fsencode(store.root / "runs") + b"/" + name)
    for _ in range(2):
        listed = call("list", "--json").json
        assert {run["run_id"] for run in listed["runs"]} == {"caf\\udce9", "日本"}
        assert "caf" in call("list").out


def test_the_duration_in_the_list_is_that_of_the_runs_own_span(call, store):
    with start_run("r", store=store.root, run_id="r"):
        pass
    (listed,) = call("list", "--json").json["runs"]
    root = call("show", "r", "--json").json["spans"][0]
    assert listed["started_ns"] == root["start_ns"]
    assert listed["duration_ms"] == root["duration_ms"]
