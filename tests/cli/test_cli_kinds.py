"""Every command that takes a run takes it in every kind of file, and says the same of it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from analysis.story import TRACE, Story

from cli.conftest import Call, keep_in, tuning_story
from cli.kinds_of_files import KINDS, dumped, framed, protobuf_of
from otel_replay import attributes
from otel_replay.storage.store import Store

COLLECTOR = Path(__file__).parents[1] / "corpus" / "collector-0.159"
RUN_ID = "2026-01-01T00-00-00Z-aaaaaa"
ACTION = "CLAMPING_APPLIED"

COMMANDS: dict[str, list[str]] = {
    "show": ["show", "RUN"],
    "show --json": ["show", "RUN", "--json"],
    "show --select": ["show", "RUN", "--select", f"decision({ACTION})"],
    "view": ["view", "RUN"],
    "view --select": ["view", "RUN", "--select", f"decision({ACTION})"],
    "summary": ["summary", "RUN"],
    "stats": ["stats", "RUN", "--by", "action"],
    "dump": ["dump", "RUN"],
    "dump --format jsonl": ["dump", "RUN", "--format", "jsonl"],
    "dump --format otlp": ["dump", "RUN", "--format", "otlp"],
    "dump --format csv": ["dump", "RUN", "--format", "csv"],
    "find": ["find", "RUN", f"decision({ACTION})"],
    "query": ["query", "select action from decisions", "--run", "RUN"],
    "check": ["check", "RUN", "RULES"],
}
"""What is called, with a run and a file of rules in it; each says `CLAMPING_APPLIED` or that it is there."""


def named_story(run_id: str) -> Story:
    """A tuning run whose own span says what it is called, as recording does."""
    return tuning_story(run_id, **{attributes.RUN_ID: run_id, attributes.RUN_NAME: "tuning"})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same run in every kind of file."""
    folder = tmp_path_factory.mktemp("kinds")
    store = Store(folder / "other store")
    store.ensure()
    run = keep_in(store, named_story(RUN_ID))
    made = {}
    for number, (kind, make) in enumerate(KINDS.items()):
        place = folder / str(number)
        place.mkdir()
        made[kind] = make(run, place)
    rules = folder / "rules.yaml"
    rules.write_text(f"rules:\n- existence: decision({ACTION})\n")
    return {**made, "RULES": rules}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_command_takes_a_run_in_any_kind_of_file(call: Call, files, kind: str, command: str) -> None:
    words = {"RUN": str(files[kind]), "RULES": str(files["RULES"])}
    done = call(*(words.get(word, word) for word in COMMANDS[command]))
    assert (done.code, "rror" in done.err) == (0, False)
    assert ACTION in done.out


@pytest.mark.parametrize("kind", KINDS)
def test_the_run_has_its_id_its_name_its_decisions_and_its_end(call: Call, files, kind: str) -> None:
    document = call("summary", str(files[kind]), "--json").json
    names_itself = kind not in {"Jaeger JSON", "session_replay"}
    assert document["name"] == ("tuning" if names_itself else document["name"])
    assert document["run_id"] == (RUN_ID if kind != "Jaeger JSON" else document["run_id"])
    assert (document["status"], document["decisions"]["total"]) == ("finished", 12)
    assert document["bad_lines"]["total"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_run_does_not_differ_from_itself_in_another_file(call: Call, files, kind: str) -> None:
    expected = int(kind == "Jaeger JSON")  # these have no values
    done = call("diff", str(files["a run's directory"]), str(files[kind]), "--exit-code", "--ignore", "*.id")
    assert done.code == expected, done.out


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_written_of_any_kind_of_file(call: Call, files, tmp_path: Path, kind: str) -> None:
    page = tmp_path / "page.html"
    done = call("export", str(files[kind]), "--html", str(page))
    assert (done.code, ACTION in page.read_text(encoding="utf-8")) == (0, True)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"Jaeger JSON", "session_replay"}])
def test_the_calls_of_an_agent_are_there_to_be_replayed(call: Call, tmp_path: Path, kind: str) -> None:
    """Also of lines, which might be those of an agent loop by their name."""
    story = Story("agent-1")
    run = story.run("agent")
    story.end(story.tool_call("search", run))
    story.end(run)
    other = Store(tmp_path / "other")
    other.ensure()
    path = KINDS[kind](keep_in(other, story, name="agent"), tmp_path)
    calls = call("replay", str(path), "--json").json["calls"]
    assert [(one["kind"], one["name"], one["outcome"]) for one in calls] == [
        ("tool call", "search", "answered")
    ]
    assert "search" in call("trace", str(path)).out


def test_standard_input_that_holds_no_run_is_called_so(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the name of a file that is gone by then."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"nonsense")))
    result = call("show", "-")
    assert result.code == 2
    assert result.err.startswith("error: standard input: it is of no kind")


@pytest.mark.parametrize("kind", ["OTLP JSON lines", "a compressed Protobuf archive", "a pack"])
def test_a_run_may_come_by_standard_input(
    call: Call, files, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(files[kind].read_bytes())))
        done = call("show", "-", "--json")
    assert (done.code, done.json["counts"]["decisions"]) == (0, 12)


# -- files of several runs


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A Protobuf archive with two runs."""
    store = Store(tmp_path / "other store")
    store.ensure()
    first, second = (
        dumped(keep_in(store, named_story(run_id))) for run_id in (RUN_ID, "2026-02-02T00-00-00Z-bbbbbb")
    )
    requests = [*protobuf_of(first), *protobuf_of(second.replace(TRACE.encode(), b"b" * 32))]
    path = tmp_path / "two.proto"
    path.write_bytes(framed(*requests))
    return path


ONE = ("show", "view", "summary", "dump", "find", "export", "diff", "replay")
SEVERAL = ("stats", "check", "query")


@pytest.mark.parametrize("command", ONE)
def test_who_takes_one_run_says_which_there_are_and_how_one_is_chosen(
    call: Call, two: Path, tmp_path: Path, command: str
) -> None:
    more = {
        "find": ["decision"],
        "export": ["--csv", str(tmp_path / "x.csv")],
        "diff": [f"{two}#{RUN_ID}"],
    }.get(command, [])
    done = call(command, str(two), *more)
    assert done.code == 2
    assert f"`{two}` holds 2 runs" in done.err
    assert RUN_ID in done.err
    assert f"{two}#2026-" in done.err
    assert call(command, f"{two}#2026-01", *more).code == 0


def test_a_run_of_a_file_is_chosen_by_its_id_a_beginning_of_it_or_latest(call: Call, two: Path) -> None:
    for choice, run_id in ((RUN_ID, RUN_ID), ("2026-02", "2026-02-02T00-00-00Z-bbbbbb")):
        assert call("show", f"{two}#{choice}", "--json").json["run_id"] == run_id
    assert call("show", f"{two}#latest", "--json").code == 0
    unknown, unclear = call("show", f"{two}#x"), call("show", f"{two}#2026")
    assert (unknown.code, unclear.code) == (2, 2)
    assert "no run in" in unknown.err
    assert "2 runs in" in unclear.err
    assert RUN_ID in unknown.err


def test_a_name_with_a_number_sign_in_it_is_the_file_of_that_name(call: Call, two: Path) -> None:
    path = two.with_name("a#b")
    path.write_bytes(two.read_bytes())
    assert call("stats", str(path)).code == 0
    assert call("show", f"{path}#2026-01").code == 0


@pytest.mark.parametrize("command", SEVERAL)
def test_who_takes_several_runs_takes_all_of_a_file(call: Call, two: Path, files, command: str) -> None:
    done = {
        "stats": lambda: call("stats", str(two)),
        "check": lambda: call("check", str(two), str(files["RULES"])),
        "query": lambda: call("query", "select run_id from runs", "--run", str(two)),
    }[command]()
    assert done.code == 0
    assert RUN_ID in done.out
    assert "2026-02-02T00-00-00Z-bbbbbb" in done.out


def test_all_runs_of_a_file_are_compared_with_one(call: Call, two: Path) -> None:
    done = call("diff", f"{two}#{RUN_ID}", str(two), "--json")
    assert done.code == 0
    assert len(done.json["differences"]) == 2


# -- what a real Collector wrote, and archives whose parts are spread


def test_what_a_real_collector_archived_as_protobuf_is_what_it_archived_as_json(call: Call) -> None:
    """`tests/importing/make_collector_archives.py` is how `signals` came about: three signals in one file."""
    names = ("traces.jsonl.zst", "traces.proto.zst", "traces.jsonl.gz", "signals.proto", "signals.proto.zst")
    answers = [call("stats", str(COLLECTOR / name), "--json").json for name in names]
    assert len(answers[0]["runs"]) == 2
    assert all(answer == answers[0] for answer in answers)


def test_a_run_that_was_spread_over_rotated_files_is_whole(call: Call, files) -> None:
    parts = sorted(files["a folder of archives"].glob("traces*"))
    assert len(parts) == 2
    counts = [call("show", str(part), "--json").json["counts"]["spans"] for part in parts]
    whole = call("show", str(files["a folder of archives"]), "--json").json["counts"]["spans"]
    assert whole == sum(counts) == 3


def test_verify_and_recover_say_that_a_file_of_others_has_nothing_to_check(call: Call, files) -> None:
    for command in ("verify", "recover"):
        done = call(command, str(files["OTLP JSON lines"]))
        assert (done.code, "another program wrote" in done.err) == (2, True)
        assert "otel-replay import" in done.err


def test_a_run_that_never_ended_is_no_less_in_a_file(call: Call, tmp_path: Path) -> None:
    """Its journal by itself says that it was interrupted, and nobody is told to close a file."""
    story = Story("cut")
    run = story.run()
    story.decide(run, ACTION)
    store = Store(tmp_path / "other")
    store.ensure()
    (journal,) = (keep_in(store, story, how="interrupted") / "journal").glob("*.jsonl")
    path = tmp_path / "cut.jsonl"
    path.write_bytes(journal.read_bytes())
    done = call("show", str(path))
    assert (done.code, "interrupted" in done.out, "recover" in done.err) == (0, True, False)
    assert json.loads(call("dump", str(path)).raw)["total_decisions"] == 1
