"""All commands that take several runs mean the same by a name, a pattern, a file, `--all` and `--since`."""

import shutil
from pathlib import Path

import pytest
from analysis.story import START_NS, Story

from cli.conftest import tuning_story

CORPUS = Path(__file__).parents[1] / "corpus" / "journal-1"
HOUR_NS = 3_600 * 10**9


@pytest.fixture
def runs(keep):
    """Two of the tune family, the second an hour later, and an agent's run two hours later."""
    for number, name in enumerate(("tune-a", "tune-b")):
        keep(tuning_story(name, later_ns=number * HOUR_NS), name="tuning")
    story = Story("agent-1", start_ns=START_NS + 2 * HOUR_NS)
    story.end(story.run("agent"))
    keep(story, name="agent")


def ids_of(call, command, *arguments):
    """The ids of the runs that a command took, in its order, or what it told."""
    if command == "query":
        named = [part for name in arguments if not name.startswith("-") for part in ("--run", name)]
        options = [name for name in arguments if name.startswith("-")]
        result = call("query", "SELECT run_id FROM runs", "--format", "json", *named, *options)
        found = result.json["rows"] if result.raw else ()
    elif command == "stats":
        result = call("stats", "--json", *arguments)
        found = result.json["runs"] if result.raw else ()
    else:
        result = call("check", "--json", "--rules", "rules.yaml", *arguments)
        found = result.json["runs"] if result.raw else ()
    return [row["run_id"] for row in found if row["run_id"]] if found else result.err


@pytest.fixture(params=["stats", "query", "check"])
def asked(request, call, tmp_path, monkeypatch):
    """Asks one of the commands which runs are meant."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text("rules: [{finished: {}}]\n")
    return lambda *arguments: ids_of(call, request.param, *arguments)


def test_patterns_names_and_all_mean_the_same_runs_the_oldest_first(asked, runs) -> None:
    assert asked("tune-*") == asked("tuning*") == ["tune-a", "tune-b"]
    assert asked("--all") == ["tune-a", "tune-b", "agent-1"]
    assert asked("agent-1", "tune-a", "agent*") == ["agent-1", "tune-a"]
    assert asked("tune-b", "latest") == ["tune-b", "agent-1"]


def test_since_narrows_patterns_and_all_but_not_what_is_named(asked, runs) -> None:
    assert asked("--since=2026-01-01T00:30:00Z") == ["tune-b", "agent-1"]
    assert asked("--since=2026-01-01T00:30:00Z", "tune-*") == ["tune-b"]
    assert asked("--since=2026-01-01T00:30:00Z", "tune-a") == ["tune-a"]
    assert "begun since 1s, and no file, fits `tune-*`" in asked("--since=1s", "tune-*")


def test_files_and_patterns_of_files_are_runs_too(asked, call, runs, tmp_path) -> None:
    assert call("dump", "tune-a", "--format", "otlp", "-o", "one.jsonl").code == 0
    assert call("pack", "agent-1", "-o", "two.tar.zst").code == 0
    other, packed = asked("one.jsonl", "two.tar.zst")
    assert packed == "agent-1"
    assert asked("*.jsonl") == [other]


def test_one_run_that_cannot_be_read_is_told_and_does_not_stop_the_others(asked, call, runs, store) -> None:
    (store.directory("tune-a") / "run.json").write_text("{")
    for arguments in (("--all",), ("*",), ("--since=2026-01-01T00:30:00Z",)):
        assert asked(*arguments) == ["tune-b", "agent-1"]
    for arguments in (("stats", "--all"), ("query", "SELECT count(*) FROM runs")):
        result = call(*arguments)
        assert result.code == 2
        assert "not read: " in result.err
        assert "tune-a" in result.err


def test_programs_are_told_too_what_could_not_be_read(call, runs, store) -> None:
    (store.directory("tune-a") / "run.json").write_text("{")
    for arguments in (("stats", "--all", "--json"), ("query", "SELECT 1 FROM runs", "--format", "json")):
        [left_out] = call(*arguments).json["unreadable"]
        assert left_out["run"].endswith("tune-a")
        assert "run.json" in left_out["error"]


def test_a_journal_of_a_newer_version_is_an_unreadable_run(call, runs, store) -> None:
    journal = next((store.directory("tune-a") / "journal").iterdir())
    shutil.copy(CORPUS / "newer.jsonl", journal)
    for arguments in (("stats", "--all", "--json"), ("query", "SELECT 1 FROM spans", "--format", "json")):
        result = call(*arguments)
        assert (result.code, [one["run"] for one in result.json["unreadable"]]) == (2, ["tune-a"])


def test_list_takes_patterns_and_since(call, runs, store) -> None:
    def listed(*arguments: str) -> list[str]:
        return [run["run_id"] for run in call("list", "--json", *arguments).json["runs"]]

    assert listed("tune-*") == ["tune-b", "tune-a"]
    assert listed("--since", "2026-01-01T00:30:00Z") == ["agent-1", "tune-b"]
    assert listed("--since", "2026-01-01T00:30:00Z", "tune-a", "tune-b") == ["tune-b"]
    assert call("list", "none-*").err.startswith("No such runs in ")


def test_a_run_with_brackets_in_its_name_is_found_by_it(call, asked, keep) -> None:
    """As pytest calls the tests that it runs with several values."""
    story = Story("case-1")
    story.end(story.run("test_of[a b]"))
    keep(story, name="test_of[a b]")
    assert asked("test_of[a b]") == ["case-1"]
    assert [run["run_id"] for run in call("list", "--json", "test_of[a b]").json["runs"]] == ["case-1"]


def test_a_damaged_run_counts_as_begun_when_it_changed_last(call, runs, store) -> None:
    (store.directory("tune-a") / "run.json").unlink()
    (store.directory("tune-a") / "run.json").write_text("{")
    assert [run["run_id"] for run in call("list", "--json", "--since", "1h").json["runs"]] == ["tune-a"]


def test_several_runs_are_compared_with_one_by_a_pattern(call, runs, store) -> None:
    found = call("diff", "tune-a", "*", "--json")
    assert [one["b"]["run_id"] for one in found.json["differences"]] == ["tune-b", "agent-1"]
    (store.directory("agent-1") / "run.json").write_text("{")
    found = call("diff", "tune-a", "--all", "--json")
    assert found.code == 2
    assert [one["b"]["run_id"] for one in found.json["differences"]] == ["tune-b"]
    assert found.json["unreadable"][0]["run"].endswith("agent-1")
    shutil.rmtree(store.directory("agent-1"))
    shutil.rmtree(store.directory("tune-b"))
    assert "there is no run but tune-a itself to compare it with" in call("diff", "tune-a", "--all").err


def test_a_file_that_is_called_as_a_run_is_takes_no_runs_place(asked, runs, tmp_path) -> None:
    (tmp_path / "tune-a").write_text("a file of somebody")
    (tmp_path / "agent-1").mkdir()
    assert asked("--all") == ["tune-a", "tune-b", "agent-1"]
    assert asked("tune-*", "agent*") == ["tune-a", "tune-b", "agent-1"]


def test_a_run_of_a_file_with_brackets_in_its_name_is_no_pattern(asked, call, runs) -> None:
    assert call("dump", "tune-a", "--format", "otlp", "-o", "traces[1].jsonl").code == 0
    found = asked("traces[1].jsonl")
    assert len(found) == 1
    assert asked(f"traces[1].jsonl#{found[0]}") == found


@pytest.mark.parametrize("command", ["verify", "recover"])
def test_commands_that_keep_runs_take_the_same_words(call, runs, command) -> None:
    told = call(command, "tune-*")
    assert told.code == 0
    assert [run_id in told.out for run_id in ("tune-a", "tune-b", "agent-1")] == [True, True, False]


@pytest.mark.parametrize("command", ["verify", "recover", "delete --yes", "send --to http://127.0.0.1:1"])
def test_a_pattern_that_fits_nothing_is_told(call, runs, command) -> None:
    told = call(*command.split(), "none-*")
    assert (told.code, "and no file, fits `none-*`" in told.err) == (2, True)


def test_a_pattern_deletes_the_runs_that_it_fits(call, runs, store) -> None:
    assert call("delete", "tune-*", "--yes").code == 0
    assert [run.run_id for run in store.runs()] == ["agent-1"]


def test_packs_are_verified_by_a_pattern_too(call, runs, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for run_id in ("tune-a", "tune-b"):
        assert call("pack", run_id).code == 0
    assert len(call("verify", "*.orpack", "--json").json["runs"]) == 2


def test_a_pattern_that_begins_as_a_path_means_no_run(asked, call, runs) -> None:
    assert "no file, fits `./tune-*`" in asked("./tune-*")
    assert call("dump", "agent-1", "--format", "otlp", "-o", "tune-x.jsonl").code == 0
    assert asked("tune-*") == ["tune-a", "tune-b"]
    [of_the_file] = asked("./tune-*")
    assert of_the_file not in {"tune-a", "tune-b"}
