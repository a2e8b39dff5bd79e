"""`otel-replay query`: SQL over real runs."""

import pytest
from analysis.story import Story

from cli.conftest import tuning_story


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
    ],
)
def test_what_is_wrong_or_would_reach_out_is_told_and_not_done(call, runs, sql, told):
    result = call("query", sql)
    assert result.code == 2
    assert told in result.err
