"""An agent loop with our recorder as its hook: the log, the run, and both replayed."""

from __future__ import annotations

import threading

import pytest

import otel_replay
from otel_replay.compat.harness import (
    Action,
    Context,
    Event,
    MockModel,
    MockResponse,
    SessionRecorder,
    SessionStats,
    ToolCall,
    ToolResult,
    read_session,
    replay_as_mock,
)
from otel_replay.compat.harness_runs import session_of_run
from otel_replay.errors import StoreError, UsageError


def agent_loop(model, hooks=(), task="read the file", rounds=5):
    """A loop as harness-rs has it: asks the model, calls the tools that it wants, until it wants none."""

    def fire(event):
        for hook in hooks:
            assert hook.fire(event) == "allow"

    history = [{"role": "user", "content": task}]
    fire(Event.SessionStart("Startup"))
    text = None
    for number in range(rounds):
        fire(Event.Heartbeat(number))
        context = Context(
            history=list(history), tools=[{"name": "read_file"}], system="be brief", model="deep"
        )
        fire(Event.PreModel(context))
        output = model.complete(context)
        fire(Event.PostModel(output))
        text = output.text
        if not output.tool_calls:
            break
        history.append({"role": "assistant", "calls": [call.name for call in output.tool_calls]})
        for call in output.tool_calls:
            action = Action(tool=call.name, call_id=call.id, args=call.args)
            fire(Event.PreToolUse(action))
            result = ToolResult(ok=True, content={"text": "hello world\n"})
            fire(Event.PostToolUse(action, result))
            history.append({"role": "tool", "content": result.content})
    fire(Event.PostSensor("lint", ["a", "b"]))
    fire(Event.PreCompact("budget-reduce"))
    fire(Event.PostCompact("budget-reduce"))
    fire(Event.SessionEnd())
    return text


def scripted():
    """A model that reads a file twice and answers."""
    call = ToolCall(id="c1", name="read_file", args={"path": "a.txt"})
    again = ToolCall(id="c2", name="read_file", args={"path": "b.txt"})
    return MockModel().script_many(
        [
            MockResponse(tool_calls=[call], stop_reason="tool-use").with_usage(100, 20),
            MockResponse(tool_calls=[again], stop_reason="tool-use", reasoning="hm").with_usage(120, 25),
            MockResponse(text="file says hello").with_usage(150, 30),
        ]
    )


@pytest.fixture
def log(tmp_path, store):
    """The session log of a recorded loop; its run is in the store."""
    path = tmp_path / "logs" / "session.jsonl"
    with SessionRecorder(path) as recorder:
        agent_loop(scripted(), [recorder])
    return path


def test_recording_captures_the_full_lifecycle(log):
    session = read_session(log)
    assert [event.kind for event in session] == [
        "start",
        *(["heartbeat", "pre_model", "post_model", "pre_tool", "post_tool"] * 2),
        *("heartbeat", "pre_model", "post_model", "sensor", "pre_compact", "post_compact", "end"),
    ]
    stats = SessionStats.from_events(session)
    assert (stats.model_calls, stats.tool_calls, stats.iters, stats.stages_run) == (3, 2, 3, 1)
    assert (stats.input_tokens, stats.output_tokens) == (370, 75)


def test_replay_reproduces_the_original_outcome(log):
    model = replay_as_mock(read_session(log))
    assert agent_loop(model) == "file says hello"
    assert model.script_exhausted
    assert model.call_count == 3
    model.verify()


def test_replay_checks_what_the_model_is_asked(log):
    with pytest.raises(otel_replay.ReplayDivergence) as caught:
        agent_loop(replay_as_mock(read_session(log)), task="read another file")
    (first,) = caught.value.first.differences
    assert (first.place, first.recorded, first.now) == (
        "input_messages[0].content",
        "read the file",
        "read another file",
    )


def test_a_dry_script_is_an_error_and_no_empty_answer(log):
    model = replay_as_mock(read_session(log))
    agent_loop(model)
    with pytest.raises(otel_replay.ReplayDivergence):
        model.complete(Context(history=["more"], model="deep"))
    dry = MockModel().script(MockResponse(text="only once"))
    assert dry.complete().text == "only once"
    with pytest.raises(otel_replay.ReplayDivergence, match="no more generations"):
        dry.complete()


def test_answers_that_nobody_asked_for_are_told(log):
    model = replay_as_mock(read_session(log))
    agent_loop(model, rounds=1)
    assert not model.script_exhausted
    assert len(model.left) == 2
    with pytest.raises(otel_replay.ReplayDivergence, match="did not make 2 of the recorded calls"):
        model.verify()


def test_a_log_of_the_original_without_requests_is_answered_in_order(log):
    session = read_session(log)
    bare = [
        type(event)(ts_ms=event.ts_ms, history_len=event.history_len, tools_count=event.tools_count)
        if event.kind == "pre_model"
        else event
        for event in session
    ]
    assert agent_loop(replay_as_mock(bare), task="anything") == "file says hello"


def test_a_script_cannot_grow_once_it_has_answered():
    model = MockModel().script(MockResponse(text="a"))
    model.complete()
    with pytest.raises(UsageError):
        model.script(MockResponse(text="b"))


def test_the_same_loop_is_a_run_with_spans_for_model_and_tools(log, store):
    run = store.named("agent loop")
    assert run.files.status() == "finished"
    parents = run.parents()
    assert set(parents) == {"run agent loop", "chat deep", "execute_tool read_file"}
    last = [span for span in run.spans if span.name == "chat deep"][-1]
    assert last.attributes["gen_ai.usage.input_tokens"] == 150
    assert last.attributes["gen_ai.output.messages"][0]["parts"] == [
        {"type": "text", "content": "file says hello"}
    ]
    assert [decision.action for decision in run.decisions] == ["SENSOR", "PRE_COMPACT", "POST_COMPACT"]


def test_the_run_shown_as_a_session_says_what_the_log_says(log, store):
    run = store.named("agent loop")

    def told(events):
        return [
            {name: value for name, value in vars_of(event).items() if name not in ("ts_ms", "request")}
            for event in events
        ]

    assert told(session_of_run(run.files.records(), "run")) == told(read_session(log))


def vars_of(event):
    """An event's kind and fields."""
    return {"kind": event.kind, **{name: getattr(event, name) for name in event.__dataclass_fields__}}


def test_the_run_is_replayed_like_any_other(log, store):
    calls = otel_replay.replay_run(store.named("agent loop").files.directory).recording.calls
    assert [(call.kind, call.name) for call in calls][:2] == [
        ("generation", "deep"),
        ("tool call", "read_file"),
    ]
    assert all(call.outcome == "answered" for call in calls)


def test_secrets_are_in_neither(tmp_path, store):
    with SessionRecorder(tmp_path / "s.jsonl") as recorder:
        action = Action(tool="login", call_id="c", args={"password": "hunter2hunter2", "user": "me"})
        recorder.fire(Event.PreToolUse(action))
    assert b"hunter2" not in (tmp_path / "s.jsonl").read_bytes() + store.bytes()
    (event,) = read_session(tmp_path / "s.jsonl")
    assert event.action.args["user"] == "me"


def test_each_event_is_in_the_file_when_fire_returns_and_a_log_is_appended_to(tmp_path, store):
    path = tmp_path / "s.jsonl"
    for run in (False, None):
        recorder = SessionRecorder(path, run=run, clock_ms=iter(range(7, 99)).__next__)
        recorder.fire(Event.SessionStart())
        recorder.fire("something else")
        assert read_session(path)[-1].ts_ms == 7
        recorder.close()
        recorder.fire(Event.SessionEnd())
    assert len(read_session(path)) == 2
    assert len(store.runs()) == 1


def test_threads_may_share_a_recorder(tmp_path, store):
    with SessionRecorder(tmp_path / "s.jsonl", run=False) as recorder:
        threads = [
            threading.Thread(target=lambda: [recorder.fire(Event.Heartbeat(n)) for n in range(50)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    session = read_session(tmp_path / "s.jsonl")
    assert (len(session), session.skipped) == (400, [])


def test_a_recorder_can_record_into_a_run_that_is_there(tmp_path, store):
    with otel_replay.start_run("mine", run_id="mine") as run:
        with SessionRecorder(tmp_path / "s.jsonl", run=run) as recorder:
            agent_loop(scripted(), [recorder])
        run.decision("AFTER", "the run goes on")
    assert "AFTER" in [decision.action for decision in store.run("mine").decisions]
    assert len(store.runs()) == 1


def test_what_cannot_be_recorded_is_logged_and_the_loop_goes_on(tmp_path, store, caplog):
    recorder = SessionRecorder(tmp_path / "s.jsonl")
    recorder.fire(Event.PostModel(out="no output"))
    recorder.close()
    assert "was not recorded" in caplog.text


def test_a_place_that_cannot_be_written_is_told_at_once():
    with pytest.raises(StoreError):
        SessionRecorder("/dev/null/session.jsonl")
