"""`otel-replay summary`."""

import pytest
from analysis.story import Story

from otel_replay.cli.terminal import width
from otel_replay.records import Loss


def agent_story():
    story = Story("agent-1")
    run = story.run("agent")
    for tokens in (100, 400):
        generation = story.generation("gpt-x", run)
        story.wait(100)
        story.end(generation, **{"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 50})
    call = story.tool_call("search", run)
    story.end(call, "error", "no such file")
    story.happen(run, "file read", **{"file.path": "notes.txt"})
    story.end(run)
    return story


def test_decisions_are_counted_by_action(call, keep, tuning):
    keep(tuning)
    result = call("summary", "latest")
    assert result.code == 0
    rows = {
        line.split()[0]: line.split()[1]
        for line in result.lines
        if "█" in line and line.startswith("  ") and "_" in line
    }
    assert rows == {"AFR_CORRECTION": "8", "CLAMPING_APPLIED": "3", "CLAMPING_START": "1"}


def test_models_tools_and_where_the_time_went(call, keep):
    keep(agent_story())
    result = call("summary", "agent-1")
    [model] = [line for line in result.lines if line.startswith("  gpt-x")]
    assert model.split()[1:4] == ["2", "500", "100"]
    [tool] = [line for line in result.lines if line.startswith("  search")]
    assert tool.split()[1:3] == ["1", "1"]
    assert next(line.split("  ")[1] for line in result.lines if "%" in line) == "chat gpt-x"
    assert "1 file read" in result.out


def test_tasks_that_overlap_are_told_as_work_and_by_the_watch(call, keep):
    story = Story("agent-1")
    run = story.run("agent")
    first, second = story.task("index", run), story.task("embed", run)
    story.wait(1_000)
    story.end(first)
    story.end(second)
    story.end(run)
    keep(story)
    result = call("summary", "agent-1")
    rows = {
        line.split()[0]: line.split()[-2:] for line in result.lines if line.startswith(("  index", "  embed"))
    }
    assert rows == {"index": ["50%", "100%"], "embed": ["50%", "100%"]}
    document = call("summary", "agent-1", "--json").json
    assert [(task["name"], task["ended"], task["bottleneck"]) for task in document["tasks"]] == [
        ("index", 1, True),
        ("embed", 1, True),
    ]
    assert document["velocity"]["tasks_per_hour"] == 2 * 3_600_000 / document["duration_ms"]


def test_everything_that_was_lost_is_told(call, keep):
    story = agent_story()
    story.add(Loss(time_ns=story.now_ns, records=3, reason="No space left on device"))
    keep(story)
    assert "3 records could not be kept: No space left on device" in call("summary", "latest").out


def test_json_says_the_same(call, keep):
    keep(agent_story())
    document = call("summary", "latest", "--json").json
    assert document["models"]["gpt-x"]["input_tokens"] == 500
    assert document["tools"]["search"]["failed"] == 1
    assert document["bottlenecks"][0]["name"] == "chat gpt-x"
    assert document["spans"]["by_kind"]["generation"]["count"] == 2
    assert document["losses"] == {}


def test_a_session_replay_file_is_summarised_like_a_run(call, keep, tuning):
    directory = keep(tuning)
    result = call("summary", str(directory / "session_replay.json"))
    assert result.code == 0
    assert tuning.run_id in result.lines[0]
    assert "AFR_CORRECTION" in result.out


@pytest.mark.parametrize("columns", [40, 60, 100, 200])
def test_no_line_is_wider_than_the_terminal(call, keep, columns):
    story = agent_story()
    run = story.run("x")
    for number in range(30):
        story.decide(run, "ACTION_" * 10 + str(number))
    keep(story, how="interrupted")
    result = call("summary", "latest", columns=columns)
    assert max(width(line) for line in result.plain[3:]) <= columns


def test_a_run_that_still_goes_on_can_be_summarised(call, keep, tuning, monkeypatch):
    keep(tuning, how="interrupted")
    monkeypatch.setattr("otel_replay.storage.run_files.is_alive", lambda *_: True)
    assert "running" in call("summary", "latest").lines[0]


def test_a_search_is_told_with_its_best_trial(call, keep):
    story = Story("agent-1")
    run = story.run("agent")
    search = story.task("study", run)
    best = {"best_trial": 11, "best_value": 0.1005, "best_params": {"x": 1.25, "kind": "\x1b[31ma"}}
    told = {"library": "optuna", "algorithm": "TPESampler", "trials": 12, **best}
    story.end(search, **{f"otel_replay.search.{name}": value for name, value in told.items()})
    story.end(run)
    keep(story)
    result = call("summary", "agent-1")
    [line] = [line for line in result.lines if "TPESampler" in line]
    assert "12  0.1005 in trial 11  x=1.25 kind=" in line
    assert "\x1b[31m" not in line
    [found] = call("summary", "agent-1", "--json").json["searches"]
    assert (found["title"], found["best_params"]) == ("study", best["best_params"])
