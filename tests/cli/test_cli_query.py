"""`otel-replay query`: SQL over real runs."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from analysis.story import Story

from cli.conftest import tuning_story
from otel_replay.records import Scope, SpanStart


@pytest.fixture
def runs(keep):
    keep(tuning_story("day-1"))
    story = Story("night-1")
    run = story.run("agent")
    story.end(story.generation("gpt-x", run), **{"gen_ai.usage.input_tokens": 7})
    story.end(run)
    keep(story, name="agent")


def ask(call, sql, *arguments):
    result = call("query", sql, "--format", "json", *arguments)
    assert result.code == 0, result.err
    return result.json["rows"]


def test_json_and_csv_are_asked_for_as_of_other_commands(call, runs):
    sql = "SELECT count(*) AS n FROM runs"
    assert call("query", sql, "--json").json["rows"] == [{"n": 2}]
    assert call("query", sql, "--csv").lines == ["n", "2"]


def test_decisions_are_asked_by_their_values(call, runs):
    rows = ask(call, "SELECT count(*) AS n FROM decisions WHERE (values->>'before')::double > 12")
    assert rows == [{"n": 3}]


def test_tables_are_joined(call, runs):
    sql = "SELECT runs.name, model, input_tokens FROM generations JOIN runs USING (run_id)"
    assert ask(call, sql) == [{"name": "agent", "model": "gpt-x", "input_tokens": 7}]


def test_only_the_runs_that_are_named_are_asked(call, runs):
    assert ask(call, "SELECT run_id FROM runs", "--run", "night-*") == [{"run_id": "night-1"}]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELEC 1", "LINE 1: SELEC 1"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled by configuration"),
        ("COPY (SELECT 1) TO 'x.csv'", "disabled by configuration"),
        ("DELETE FROM spans", "read-only"),
        ("SELECT 1; SELECT 2", "one question is asked at a time"),
        (" -- nothing", "one question is asked at a time"),
        ("SET enable_external_access = true", "locked"),
    ],
)
def test_what_is_wrong_or_would_reach_out_is_told_and_not_done(call, runs, sql, told):
    result = call("query", sql)
    assert result.code == 2
    assert told in result.err


ANSWER = "SELECT action, count(*) AS n FROM decisions GROUP BY action ORDER BY n"
ROWS = [("CLAMPING_START", 1), ("CLAMPING_APPLIED", 3), ("AFR_CORRECTION", 8)]


def test_the_rows_are_written_to_a_file_as_its_name_ends(call, runs, tmp_path):
    for name in ("rows.csv", "rows.json", "rows.parquet"):
        result = call("query", ANSWER, "-o", str(tmp_path / name))
        assert (result.code, result.out) == (0, "")
        assert result.err.startswith("Wrote the answer to ")
    rows = csv.reader((tmp_path / "rows.csv").read_text().splitlines())
    assert list(rows)[1:] == [[name, str(n)] for name, n in ROWS]
    document = json.loads((tmp_path / "rows.json").read_text())
    assert [tuple(row.values()) for row in document["rows"]] == ROWS
    with duckdb.connect() as reader:
        rows = reader.execute("SELECT * FROM read_parquet(?)", [str(tmp_path / "rows.parquet")])
        assert (rows.fetchall(), [str(column[1]) for column in rows.description]) == (
            ROWS,
            ["VARCHAR", "BIGINT"],
        )


def test_a_file_is_as_it_was_where_the_sql_cannot_be_answered(call, runs, tmp_path):
    place = tmp_path / "rows.parquet"
    place.write_text("before")
    for sql in ("SELECT nothing FROM runs", "SELECT 1/'x'", "COPY (SELECT 1) TO 'x.csv'", "DELETE FROM runs"):
        result = call("query", sql, "-o", str(place))
        assert (result.code, place.read_text()) == (2, "before"), sql
        assert "error: the SQL " in result.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name the SQL"),
        (("SELECT 1", "--file", "q.sql"), "name the SQL"),
        (("--file", "/nowhere.sql"), "cannot read `/nowhere.sql`"),
        (("SELECT 1", "--format", "parquet"), "say where to write it: -o rows.parquet"),
        (("SELECT 1", "-o", "rows.txt"), "does not say what to write"),
        (("SELECT 1", "-o", "rows.csv", "--format", "table"), "does not say what to write"),
    ],
)
def test_a_question_that_is_not_clear_is_told(call, runs, arguments, told):
    result = call("query", *arguments)
    assert result.code == 2
    assert told in result.err


def test_sql_comes_from_a_file_or_from_standard_input(call, runs, tmp_path, monkeypatch):
    (tmp_path / "q.sql").write_text("-- how many\nSELECT count(*) AS n FROM runs;\n")
    assert call("query", "--file", str(tmp_path / "q.sql"), "--format", "csv").lines == ["n", "2"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT 7 AS n")))
    assert call("query", "-", "--format", "csv").lines == ["n", "7"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT '\xff'")))
    assert "the SQL of standard input is no UTF-8" in call("query", "-").err


def test_a_store_in_which_nothing_is_yet_has_empty_tables(call):
    assert ask(call, "SELECT count(*) AS n FROM runs") == [{"n": 0}]


def told_twice(story: Story, run: str, outer: dict[str, object], inner: dict[str, object]) -> None:
    """A framework's generation with that of the SDK below it."""
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-x"}
    begun = []
    for scope, parent in ((1, run), (2, "")):
        begun.append(story.start("chat gpt-x", parent or begun[0], **chat))
        last = story.located[-1]
        assert isinstance(last.record, SpanStart)
        story.located[-1] = replace(last, record=replace(last.record, scope=scope))
    story.end(begun[1], **inner)
    story.end(begun[0], **outer)


def test_a_call_of_which_two_libraries_told_is_one_generation_as_summary_counts_it(call, keep):
    for number in (1, 2):
        story = Story(f"twice-{number}")
        for scope, name in ((1, "framework"), (2, "sdk")):
            story.add(Scope(id=scope, name=name))
        run = story.run("agent")
        told_twice(
            story,
            run,
            {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 4, "llm.cost.total": 0.5},
            {"gen_ai.usage.input_tokens": 9, "llm.cost.total": 0.5},
        )
        told_twice(story, run, {"gen_ai.usage.output_tokens": 3}, {"gen_ai.usage.input_tokens": 7})
        story.end(story.generation("gpt-x", run), **{"gen_ai.usage.input_tokens": 5})
        story.end(run)
        keep(story)
    rows = ask(call, "SELECT input_tokens AS i, output_tokens AS o, cost_usd AS c FROM generations")
    assert (
        rows == [{"i": 9, "o": 4, "c": 0.5}, {"i": 7, "o": 3, "c": None}, {"i": 5, "o": None, "c": None}] * 2
    )
    [model] = call("summary", "twice-1", "--json").json["models"].values()
    assert (model["count"], model["input_tokens"], model["output_tokens"]) == (3, 21, 7)
    names = ask(
        call, "SELECT run_id, name, parent_id <> '' AS inside, model FROM generations ORDER BY run_id LIMIT 1"
    )
    assert names == [{"run_id": "twice-1", "name": "chat gpt-x", "inside": True, "model": "gpt-x"}]


def test_without_the_extra_it_says_how_to_get_it(call, runs, monkeypatch):
    monkeypatch.delitem(sys.modules, "otel_replay.sql.asking", raising=False)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    result = call("query", "SELECT 1")
    assert result.code == 2
    assert "pip install 'otel-replay[sql]'" in result.err


def test_ctrl_c_ends_a_long_question_without_a_word(runs, store, tmp_path):
    endless = "SELECT sum(a.range * b.range) FROM runs, range(10000000) a, range(10000000) b"
    asking = subprocess.Popen(
        [sys.executable, "-m", "otel_replay", "--store", str(store.root), "query", endless],
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        # Whoever started the tests may have had it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        deadline = time.monotonic() + 60
        while not _asks(asking.pid) and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        asking.send_signal(signal.SIGINT)
        _, err = asking.communicate(timeout=60)
    finally:
        asking.kill()
    assert (asking.returncode, err) == (130, b"")
    assert not list(tmp_path.glob("otel-replay-sql-*"))


def _asks(pid: int) -> bool:
    """Whether all is loaded: the database is open for reading only."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if os.readlink(descriptor).endswith("recorded.duckdb"):
                facts = Path(f"/proc/{pid}/fdinfo/{descriptor.name}").read_text()
                flags = next(line.split()[1] for line in facts.splitlines() if line.startswith("flags:"))
                return int(flags, 8) & os.O_ACCMODE == os.O_RDONLY
    return False


def test_values_that_json_cannot_say_are_asked_as_they_are_dumped(call, keep):
    story = Story("odd")
    run = story.run("odd")
    for value in (float("nan"), b"\x00", {"$float": 1}, None, 2**62, [1, {"a": "\u202e"}]):
        story.decide(run, "ODD", values={"v": value, "n": 1})
    story.end(run)
    keep(story)
    rows = ask(call, "SELECT values->'v' AS v FROM decisions ORDER BY number")
    assert [json.loads(row["v"]) for row in rows] == [
        {"$float": "NaN"},
        {"$bytes": "AA=="},
        {"$map": [["$float", 1]]},
        None,
        2**62,
        [1, {"a": "\u202e"}],
    ]


def test_columns_of_one_name_are_all_in_the_json(call, runs):
    sql = "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a"
    assert ask(call, sql) == [{"a": 1, "a_2": 2, "a_1": 3, "a_3": 4}]


def test_a_whole_number_that_json_has_no_room_for_is_written_as_text(call, runs):
    assert ask(call, f"SELECT {2**100}::HUGEINT AS n") == [{"n": str(2**100)}]


def test_a_moment_that_no_timestamp_can_say_is_null_and_a_log_record_has_the_time_it_was_seen(call, tmp_path):
    late = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "late", "startTimeUnixNano": str(2**64 - 1)}
    spans = [{**late, "endTimeUnixNano": str(2**64 - 1)}]
    logs = [{"traceId": "a" * 32, "observedTimeUnixNano": "1700000000000000000", "eventName": "seen"}]
    lines = [
        {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]},
    ]
    file = tmp_path / "traces.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    rows = ask(call, "SELECT name, start_time FROM spans", "--run", str(file))
    assert rows == [{"name": "late", "start_time": None}]
    rows = ask(call, "SELECT name, year(time) AS year FROM events", "--run", str(file))
    assert rows == [{"name": "seen", "year": 2023}]


def test_csv_on_a_terminal_shows_what_hides_or_turns_text_and_a_pipe_gets_it_as_it_is(call, runs):
    sql = "SELECT chr(27) || '[31mred' || chr(8238) AS a, 1 AS b"
    shown = call("query", sql, "--format", "csv", columns=80)
    assert "\x1b" not in shown.out
    assert "\\e[31mred\\u202e,1" in shown.out
    assert "\x1b[31mred\u202e,1" in call("query", sql, "--format", "csv").out


def test_csv_in_a_file_is_as_it_is_on_a_terminal_too(call, runs, tmp_path):
    path = tmp_path / "rows.csv"
    assert call("query", "SELECT chr(27) AS a", "-o", str(path), columns=80).code == 0
    assert "\x1b" in path.read_text()


def test_numbers_that_json_has_not_are_texts_as_protobufs_json_has_them(call, runs):
    sql = "SELECT 'nan'::double AS a, 'inf'::double AS b, '-inf'::double AS c, 1.5 AS d, NULL::double AS e"
    (row,) = ask(call, sql)
    assert (row["a"], row["b"], row["c"], row["e"]) == ("NaN", "Infinity", "-Infinity", None)


@pytest.mark.parametrize("count", ["12", -1, 1.5, float("nan"), True])
def test_counts_of_tokens_that_cannot_be_read_are_told_wherever_tokens_are_shown(call, keep, count):
    story = Story("counted")
    run = story.run("counted")
    usage = {"gen_ai.usage.input_tokens": count, "gen_ai.usage.output_tokens": 7}
    story.end(story.generation("gpt-x", run), **usage)
    story.end(run)
    keep(story)
    words = "1 count of tokens could not be read"
    answer = call("query", "SELECT input_tokens, output_tokens FROM generations", "--format", "json")
    assert answer.json["rows"] == [{"input_tokens": None, "output_tokens": 7}]
    assert f"counted: {words} (NULL)" in answer.err
    assert words in call("summary", "latest").out
    assert call("summary", "latest", "--json").json["models"]["gpt-x"]["unread_counts"] == 1
    assert words in call("stats", "latest").err
    assert "could not be read" not in call("query", "SELECT 1 FROM spans").err
