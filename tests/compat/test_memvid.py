"""Memory sessions: what the original's methods do, here; and what they never lose."""

from __future__ import annotations

import hashlib
import logging
import uuid
from pathlib import Path
from typing import Any

import pytest

import otel_replay
from compat.memvid_kit import STATE, a_session
from otel_replay.clock import SteppingClock
from otel_replay.compat.memvid import (
    ActionType,
    Checkpoint,
    InvalidQuery,
    Memvid,
    ReplayAction,
    ReplayConfig,
)
from otel_replay.errors import UsageError

# -- one session -------------------------------------------------------------------------------------------


def test_a_session_holds_what_was_done_in_its_order(memory: Memvid) -> None:
    session_id = memory.start_session("notes", ReplayConfig())
    assert memory.is_recording()
    assert memory.active_session_id() == session_id
    memory.record_put_action(0, b"PostgreSQL is the main database.")
    assert memory.create_checkpoint() == 0
    memory.record_find_action("database", "lex", 2, [1, 0])
    memory.record_ask_action("which database?", "openai", "gpt-5", b"PostgreSQL", 1500, [0])
    session = memory.end_session()
    assert not memory.is_recording()
    assert memory.active_session_id() is None
    assert (session.session_id, session.name) == (session_id, "notes")
    assert [action.sequence for action in session.actions] == [0, 1, 2, 3]
    assert [action.action_type for action in session.actions] == [
        ActionType.Put(frame_id=0),
        ActionType.Checkpoint(checkpoint_id=0),
        ActionType.Find(query="database", mode="lex", result_count=2),
        ActionType.Ask(query="which database?", provider="openai", model="gpt-5"),
    ]
    assert [action.affected_frames for action in session.actions] == [(0,), (), (1, 0), (0,)]


def test_an_action_has_its_input_and_output_their_hashes_and_previews(memory: Memvid) -> None:
    """The hash is that of the bytes; the preview is their beginning; the whole is there too."""
    memory.start_session()
    long = "x" * 100_000
    memory.record_put_action(0, long.encode())
    memory.record_ask_action("why?", "p", "m", b"because", 1500, [0])
    put, ask = memory.end_session().actions
    assert put.input == long
    assert put.input_preview == "x" * 200 + "…"
    assert put.output_hash == put.output_preview == ""
    assert ask.input_hash == hashlib.sha256(b"why?").hexdigest()
    assert ask.output_hash == ReplayAction(0, ActionType.Put(0)).with_output(b"because").output_hash
    assert (ask.input_preview, ask.output_preview, ask.duration_ms) == ("why?", "because", 1500)


def test_actions_are_built_as_in_the_original() -> None:
    action = (
        ReplayAction(4, ActionType.Ask("q", "p", "m"))
        .with_input(b"q")
        .with_output(b"\xff\xfe")
        .with_duration_ms(12)
        .with_affected_frames([3, 1])
    )
    assert (action.sequence, action.input, action.output) == (4, "q", b"\xff\xfe")
    assert (action.duration_ms, action.affected_frames) == (12, (3, 1))
    assert action.output_preview == "\ufffd\ufffd"


def test_what_bytes_are_hashed_as_is_their_sha256() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert ReplayAction(0, ActionType.Put(0)).with_input(b"").input_hash == empty


def test_a_checkpoint_holds_the_state_and_the_place(memory: Memvid) -> None:
    memory.start_session()
    memory.record_put_action(0, b"a")
    memory.create_checkpoint()
    memory.record_put_action(1, b"b")
    [checkpoint] = memory.end_session().checkpoints
    assert checkpoint == Checkpoint(0, 1, checkpoint.time_ns, STATE)


@pytest.mark.parametrize(("interval", "expected"), [(0, []), (1, [1, 3, 5]), (3, [3]), (2, [2, 5])])
def test_checkpoints_are_made_by_themselves(memory: Memvid, interval: int, expected: list[int]) -> None:
    """After a put, once so many actions were recorded since the last one."""
    memory.start_session(config=ReplayConfig(auto_checkpoint_interval=interval))
    for number in range(3):
        memory.record_put_action(number, b"x")
    if interval == 2:
        memory.record_put_action(3, b"x")
    assert [one.at_sequence for one in memory.end_session().checkpoints] == expected


def test_an_interval_below_zero_is_none() -> None:
    with pytest.raises(ValueError, match="auto_checkpoint_interval=-1"):
        ReplayConfig(auto_checkpoint_interval=-1)


def test_searches_and_questions_make_no_checkpoint(memory: Memvid) -> None:
    """As in the original: they change nothing."""
    memory.start_session(config=ReplayConfig(auto_checkpoint_interval=1))
    memory.record_find_action("q", "lex", 0, [])
    memory.record_ask_action("q", "", "", b"", 0, [])
    assert memory.end_session().checkpoints == ()


def test_without_a_session_nothing_is_recorded(memory: Memvid, store: Any) -> None:
    memory.record_put_action(0, b"x")
    memory.record_find_action("q", "lex", 0, [])
    memory.record_ask_action("q", "", "", b"", 0, [])
    assert memory.list_sessions() == []
    assert store.runs() == []


# -- errors, as in the original ----------------------------------------------------------------------------


def test_a_second_session_is_refused_while_one_is_active(memory: Memvid) -> None:
    session_id = memory.start_session()
    with pytest.raises(InvalidQuery) as caught:
        memory.start_session()
    assert caught.value.reason == "A session is already active. End it before starting a new one."
    assert memory.active_session_id() == session_id
    with pytest.raises(InvalidQuery, match="already active"):
        memory.load_active_session()


def test_what_needs_a_session_says_so(memory: Memvid) -> None:
    with pytest.raises(InvalidQuery, match=r"^No active session to end$"):
        memory.end_session()
    with pytest.raises(InvalidQuery, match=r"^No active session for checkpoint$"):
        memory.create_checkpoint()


def test_a_session_that_is_not_there_is_not_found(memory: Memvid) -> None:
    unknown = uuid.uuid4()
    assert memory.get_session(unknown) is None
    with pytest.raises(InvalidQuery, match=f"^Session {unknown} not found$") as caught:
        memory.delete_session(unknown)
    assert isinstance(caught.value, UsageError)


# -- list, get, delete -------------------------------------------------------------------------------------


def test_sessions_are_listed_got_and_deleted(path: Path, store: Any) -> None:
    memory = Memvid(path, clock=SteppingClock(5_000_000_000, 1_000_000_000))
    first, second = a_session(memory, "first"), a_session(memory, "second", puts=1)
    listed = memory.list_sessions()
    assert [(one.name, one.action_count, one.checkpoint_count) for one in listed] == [
        ("first", 2, 0),
        ("second", 1, 0),
    ]
    assert (listed[0].created_secs, listed[0].ended_secs) == (5, 8)
    assert memory.get_session(second.session_id) == second
    memory.delete_session(first.session_id)
    assert [one.session_id for one in memory.list_sessions()] == [second.session_id]


# -- in the journal ----------------------------------------------------------------------------------------


def test_a_session_is_a_run_whose_actions_are_tool_calls(memory: Memvid, store: Any) -> None:
    memory.start_session("notes")
    memory.record_ask_action("why?", "openai", "gpt-5", b"because", 1500, [0])
    memory.create_checkpoint()
    memory.end_session()
    run = store.named("memory notes")
    assert run.files.status() == "finished"
    ask = run.span("execute_tool memory.ask")
    assert ask.attributes["gen_ai.tool.call.arguments"] == "why?"
    assert ask.attributes["gen_ai.tool.call.result"] == "because"
    assert 1_500_000_000 <= ask.end_ns - ask.start_ns < 60_000_000_000
    [checkpoint] = run.events
    assert checkpoint.attributes["otel_replay.checkpoint.name"] == "memory checkpoint 0"


def test_a_session_can_be_part_of_a_run_that_is_there(path: Path, store: Any) -> None:
    """Its actions stand in the span that was current; outside the run they stand in the run's own."""
    with otel_replay.start_run("agent", run_id="agent") as run:
        memory = Memvid(path, run=run)
        memory.start_session()
        with otel_replay.task("remember"):
            memory.record_put_action(0, b"x")
        memory.record_find_action("x", "lex", 1, [0])
        session = memory.end_session()
    parents = store.run().parents()
    assert parents["execute_tool memory.put"] == "task remember"
    assert parents["execute_tool memory.find"] == "run agent"
    assert session.metadata["runs"] == [run.directory]


def test_a_session_of_its_own_is_not_the_current_run(path: Path, store: Any) -> None:
    """What the program records meanwhile does not land in it."""
    with otel_replay.start_run("agent"), Memvid(path) as memory:
        memory.start_session("notes")
        otel_replay.decision("WENT_ON", "nothing to do with the memory")
        memory.record_put_action(0, b"x")
        memory.end_session()
    assert [one.action for one in store.named("agent").decisions] == ["WENT_ON"]
    assert store.named("memory notes").decisions == []


def test_secrets_are_in_no_file(path: Path, store: Any) -> None:
    memory = Memvid(path)
    memory.start_session("key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD")
    memory.record_put_action(0, b"password=hunter2hunter2 " + b"long " * 20_000)
    memory.record_find_action("password=hunter2hunter2", "lex", 0, [])
    memory.record_ask_action("q", "p", "m", b"password=hunter2hunter2", 1, [])
    memory.end_session()
    memory.save_replay_sessions()
    everything = store.bytes() + b"".join(one.read_bytes() for one in path.parent.glob("notes*"))
    assert b"hunter2" not in everything
    assert b"abcdefghijklmnop" not in everything
    assert b"long long" in everything


def test_where_nothing_can_be_recorded_the_session_is_kept_in_memory(
    path: Path, store: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_REPLAY_DISABLED", "true")
    memory = Memvid(path)
    session = a_session(memory)
    assert len(session.actions) == 2
    assert "is kept in memory only" in caplog.text
    memory.save_replay_sessions()
    again = Memvid(path)
    again.load_replay_sessions()
    assert again.completed_sessions == [session]


def test_what_is_done_with_sessions_is_told_on_the_log(memory: Memvid, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    session = a_session(memory)
    memory.delete_session(session.session_id)
    for word in ("started", "ended", "deleted"):
        assert f"memory session {session.session_id} {word}" in caplog.text
