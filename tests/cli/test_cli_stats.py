"""`otel-replay stats`, and what `summary` says of cost."""

import csv
import io

import pytest
from analysis.story import START_NS, Story

from cli.conftest import tuning_story

DAY_NS = 86_400 * 10**9


def agent(run_id, *milliseconds):
    story = Story(run_id, start_ns=START_NS + int(run_id[-1]) * DAY_NS)
    run = story.run("agent")
    for length in milliseconds:
        generation = story.generation("gpt-x", run)
        story.wait(length - 1)
        story.end(generation, **{"gen_ai.usage.input_tokens": 900_000, "gen_ai.usage.output_tokens": 100_000})
    story.end(story.tool_call("search", run), "error", "no such file")
    story.end(run)
    return story


@pytest.fixture
def runs(keep):
    keep(agent("night-1", 10, 20), name="night")
    keep(agent("night-2", 30, 40), name="night")
    keep(tuning_story("day-1"))


def test_percentiles_errors_and_the_trend_go_over_all_runs(call, runs):
    rows = {row["name"]: row for row in call("stats", "night-*", "--json").json["rows"]}
    chat, tool = rows["chat gpt-x"], rows["execute_tool search"]
    assert (chat["runs"], chat["count"], chat["p50_ms"], chat["p99_ms"]) == (2, 4, 20, 40)
    assert chat["trend_p50_ms"] == [10, 30]
    assert (tool["error_rate"], tool["failed"]) == (1.0, 2)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", {"gpt-x"}),
        ("tool", {"search"}),
        ("action", {"AFR_CORRECTION", "CLAMPING_START", "CLAMPING_APPLIED"}),
    ],
)
def test_rows_are_by_what_was_asked_for(call, runs, by, names):
    document = call("stats", "--all", "--by", by, "--json").json
    assert {row["name"] for row in document["rows"]} == names
    assert len(document["runs"]) == 3


def test_prices_of_the_user_give_costs_and_nothing_else_does(call, runs, tmp_path):
    prices = tmp_path / "prices.toml"
    prices.write_text('["gpt-*"]\ninput = 1.0\noutput = 10.0\n')
    priced = call("stats", "night-*", "--by", "model", "--prices", str(prices), "--json").json
    assert priced["rows"][0]["priced_cost"] == pytest.approx(7.6)
    assert [run["priced"] for run in priced["runs"]] == pytest.approx([3.8, 3.8])
    plain = call("stats", "night-*", "--by", "model", "--json").json
    assert plain["rows"][0]["cost_usd"] is None
    told = call("summary", "night-1", "--prices", str(prices))
    assert any(line.split()[:1] == ["gpt-x"] and line.endswith("3.8000") for line in told.lines)


def test_csv_has_one_line_a_row(call, runs):
    rows = list(csv.DictReader(io.StringIO(call("stats", "--all", "--csv").out)))
    assert {"name", "count", "p50_ms", "error_rate"} <= rows[0].keys()
    assert "chat gpt-x" in {row["name"] for row in rows}


def test_the_table_says_names_and_runs(call, runs):
    result = call("stats", "--all")
    assert result.lines[0].startswith("3 runs  12 decisions")
    assert any(line.startswith("  chat gpt-x") for line in result.lines)
    assert any(line.startswith("  night-2") for line in result.lines)


def test_since_leaves_out_what_began_before(call, keep):
    keep(tuning_story("old"))
    keep(tuning_story("new", later_ns=10 * DAY_NS))
    first = call("list", "--json").json["runs"][0]
    assert first["run_id"] == "new"
    found = call("stats", "--since", first["started"], "--json").json
    assert [run["run_id"] for run in found["runs"]] == ["new"]
    assert "has no such runs" in call("stats", "--since", "1s", "--json").err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no run is named"),
        (("--all", "x"), "--all means all runs of the store"),
        (("none-*",), "no run's id or name, and no file, fits `none-*`"),
        (("--since", "soon"), "--since `soon` is no moment"),
        (("--all", "--json", "--csv"), "--json and --csv are two ways of printing"),
        (("--all", "--prices", "/nowhere.toml"), "cannot read prices from `/nowhere.toml`"),
    ],
)
def test_what_cannot_be_done_is_told(call, runs, arguments, told):
    result = call("stats", *arguments)
    assert result.code == 2
    assert told in result.err


def test_a_run_that_lost_something_counts_with_what_it_has_and_is_told(call, keep, runs, store):
    journal = next((store.directory("night-1") / "journal").iterdir())
    journal.write_bytes(journal.read_bytes() + b"{]\n")
    result = call("stats", "night-*", "--json")
    assert result.code == 0
    assert [run["bad_lines"] for run in result.json["runs"]] == [1, 0]
    assert "damaged: night-1: 1 line or part cannot be read" in result.err
