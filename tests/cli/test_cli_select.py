"""`show --select` and `view --select`: what a selector means of a run, and how much is left out."""

import pytest
from analysis.story import Story

import otel_replay
from otel_replay.records import LogEntry


@pytest.fixture
def agent(keep):
    """An agent's run: two tool calls, one of which fails below a task, with a decision in each."""
    story = Story("agent-1")
    run = story.run("agent")
    for name, status in (("search", "ok"), ("delete", "error")):
        task = story.task(f"try {name}", run)
        tool = story.tool_call(name, task)
        story.decide(tool, f"CALL_{name.upper()}")
        story.happen(task, "checkpoint")
        story.end(tool, status)
        story.end(task)
    story.end(run)
    keep(story, name="agent")


def test_the_tree_has_what_is_meant_and_the_spans_above_it(call, agent) -> None:
    result = call("show", "latest", "--select", "tool:failed")
    assert result.code == 0
    assert "6 spans" not in result.lines[1]
    assert "5 spans · 2 decisions" in result.lines[1]
    shown = [line for line in result.lines[2:] if "█" in line]
    assert [
        name in line for name, line in zip(("run agent", "task try delete", "delete"), shown, strict=True)
    ] == [True] * 3
    assert "search" not in result.out
    assert "CALL_DELETE" not in result.out
    assert "1 item fits; left out: 2 spans, 2 decisions, 2 events" in result.err


def test_what_is_below_is_shown_where_it_is_meant_too(call, agent) -> None:
    out = call("show", "latest", "--select", "tool:failed, tool:failed *").out
    assert "CALL_DELETE" in out
    assert "checkpoint" not in out


def test_programs_are_told_what_is_left_out(call, agent) -> None:
    document = call("show", "latest", "--select", "decision(CALL_S*)", "--json").json
    assert document["selected"] == {
        "selector": "decision(CALL_S*)",
        "count": 1,
        "left_out": {"spans": 2, "decisions": 1, "events": 2},
    }
    assert document["counts"]["decisions"] == 2
    assert [span["name"] for span in document["spans"]] == [
        "run agent",
        "task try search",
        "execute_tool search",
    ]
    assert [one["action"] for one in document["spans"][-1]["events"]] == ["CALL_SEARCH"]


@pytest.mark.parametrize("command", ["show", "view"])
def test_a_selector_that_is_wrong_is_told_with_its_place(call, agent, command) -> None:
    result = call(command, "latest", "--select", "tool[after >")
    assert result.code == 2
    assert "tool[after >" in result.err


def test_nothing_meant_is_a_no(call, agent) -> None:
    result = call("show", "latest", "--select", "agent")
    assert result.code == 1
    assert "0 items fit; left out: 5 spans, 2 decisions, 2 events" in result.err


def test_decisions_keep_their_numbers_and_other_options_narrow_further(call, agent) -> None:
    result = call("view", "latest", "--select", "task(try*) tool(delete) decision", "--json")
    assert [(one["number"], one["action"]) for one in result.json["decisions"]] == [(2, "CALL_DELETE")]
    assert (
        call("view", "latest", "--select", "tool decision", "--action", "SEARCH")
        .lines[0]
        .count("CALL_SEARCH")
    )
    told = call("view", "latest", "--select", "tool(search) decision")
    assert "1 of 2 decisions" in told.err
    refused = call("view", "latest", "--select", "decision", "--follow")
    assert "--follow and --select exclude each other" in refused.err


def test_a_moment_that_only_a_log_record_tells_is_selected_as_what_it_is(call, keep) -> None:
    story = Story("logged")
    run = story.run("agent")
    for body in ("one", "two"):
        story.wait(1)
        story.add(LogEntry(time_ns=story.now_ns, span_id=run, body=body, severity=9))
    story.end(run)
    keep(story)
    document = call("show", "latest", "--select", "log[body = two]", "--json").json
    assert [one["body"] for one in document["spans"][0]["events"]] == ["two"]
    assert document["selected"]["left_out"] == {"logs": 1}


def test_a_file_of_decisions_and_a_run_that_records_are_read_alike(call, store, tmp_path) -> None:
    with otel_replay.start_run("tuning", run_id="now", store=str(store.root)):
        for number in range(3):
            otel_replay.decision("STEP", "one more", values={"n": number})
        assert call("dump", "now", "-o", str(tmp_path / "session_replay.json")).code == 0
        for source in ("now", str(tmp_path / "session_replay.json")):
            result = call("view", source, "--select", "decision[n >= 1]")
            assert len(result.lines) == 2


def test_a_log_record_of_the_same_moment_that_is_not_meant_is_left_out(call, keep):
    story = Story("logs-1")
    run = story.run("t")
    for name in ("one.event", "other.event"):
        story.add(LogEntry(time_ns=story.now_ns, span_id=run, event_name=name))
    story.end(run)
    keep(story)
    result = call("show", "logs-1", "--select", "log(one.event)")
    assert "one.event" in result.out
    assert "other.event" not in result.out
