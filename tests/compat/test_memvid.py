"""Memory sessions: what the original's methods do, here; and what they never lose."""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

import otel_replay
from otel_replay.clock import SteppingClock
from otel_replay.compat.memvid import (
    ActionType,
    Checkpoint,
    InvalidQuery,
    Memvid,
    ReplayAction,
    ReplayConfig,
    ReplaySession,
    StateSnapshot,
    sessions_of_run,
)
from otel_replay.errors import UsageError

STATE = StateSnapshot(frame_count=2, frame_ids=(0, 1), lex_index_hash="ab", wal_sequence=7, generation=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.mv2"


@pytest.fixture
def memory(path: Path, store: Any) -> Any:
    with Memvid(path, state=lambda: STATE) as memory:
        yield memory


def a_session(memory: Memvid, name: str = "first", puts: int = 2) -> ReplaySession:
    memory.start_session(name)
    for number in range(puts):
        memory.record_put_action(number, f"{name} {number}".encode())
    return memory.end_session()


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


# -- a session that was left --------------------------------------------------------------------------------


def test_a_session_that_was_left_goes_on_as_if_nothing_had_been(path: Path, store: Any) -> None:
    """All that was recorded is there, checkpoints and large inputs too; what comes then is added."""
    first = Memvid(path, state=lambda: STATE)
    session_id = first.start_session("notes", ReplayConfig(auto_checkpoint_interval=2))
    first.record_put_action(0, b"x" * 70_000)
    first.record_put_action(1, b"\xff\x00" * 50_000)
    first.record_ask_action("why?", "openai", "gpt-5", b"because", 1500, [0, 1])
    assert first.active_session is not None
    before = first.active_session.end(None)
    first.close()

    second = Memvid(path, state=lambda: STATE)
    assert second.load_active_session()
    assert second.active_session_id() == session_id
    assert second.active_session is not None
    assert second.active_session.end(None) == before
    second.record_put_action(2, b"later")
    session = second.end_session()
    assert session.actions[: len(before.actions)] == before.actions
    assert [action.sequence for action in session.actions] == list(range(6))
    assert [one.at_sequence for one in session.checkpoints] == [2, 5]
    assert len(session.metadata["runs"]) == 2
    assert not Memvid(path).load_active_session()


def test_without_a_session_that_was_left_there_is_nothing_to_load(memory: Memvid) -> None:
    assert not memory.load_active_session()
    a_session(memory)
    assert not memory.load_active_session()


def test_an_unreadable_active_session_is_set_aside_and_named(
    path: Path, store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Never deleted; and the next one does not take its place."""
    active = path.with_name("notes.mv2.session")
    for number, content in enumerate([b"\0\1garbage", b'{"format": "otel-replay.memory-session"}']):
        active.write_bytes(content)
        assert not Memvid(path).load_active_session()
        aside = path.with_name("notes.mv2.session.unreadable" + (f".{number}" if number else ""))
        assert aside.read_bytes() == content
        assert str(aside) in caplog.text
        assert not active.exists()


def test_an_active_session_whose_run_is_gone_is_set_aside(
    path: Path, store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = Memvid(path)
    first.start_session("notes")
    run = store.runs()[0].files.directory
    first.close()
    run.rename(run.with_name("elsewhere"))
    assert not Memvid(path).load_active_session()
    assert path.with_name("notes.mv2.session.unreadable").exists()
    assert str(run) in caplog.text


def test_a_new_session_does_not_overwrite_one_that_was_left(
    path: Path, store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = Memvid(path)
    left = first.start_session("left")
    first.record_put_action(0, b"precious")
    first.close()
    second = Memvid(path)
    second.start_session("new")
    assert f"session {left} was not ended" in caplog.text
    second.end_session()
    os.rename(path.with_name("notes.mv2.session.interrupted"), path.with_name("notes.mv2.session"))
    assert second.load_active_session()
    assert second.end_session().actions[0].input == "precious"


def test_a_session_that_another_handle_records_is_left_alone(path: Path, store: Any) -> None:
    first = Memvid(path)
    session_id = first.start_session()
    for attempt in (Memvid(path).load_active_session, Memvid(path).start_session):
        with pytest.raises(InvalidQuery, match=f"Session {session_id} is being recorded elsewhere"):
            attempt()
    first.record_put_action(0, b"x")
    assert len(first.end_session().actions) == 1


def test_damaged_lines_of_the_journal_are_named(path: Path, store: Any) -> None:
    first = Memvid(path)
    first.start_session()
    for number in range(3):
        first.record_put_action(number, b"x")
    first.close()
    [journal] = store.run().files.journals()
    data = journal.read_bytes()
    lines = data.split(b"\n")
    place = next(i for i, line in enumerate(lines) if b'"otel_replay.memory.sequence":1' in line)
    lines[place] = b"#" * len(lines[place])
    journal.write_bytes(b"\n".join(lines))
    second = Memvid(path)
    assert second.load_active_session()
    session = second.end_session()
    assert [action.sequence for action in session.actions] == [0, 2]
    [bad] = session.metadata["bad_lines"]
    assert str(bad).endswith(f"line {place + 1} is damaged")


def test_of_two_handles_that_begin_at_the_same_moment_one_is_refused(
    path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look whether there is a session and the making of one, another handle made its own."""
    first, second = Memvid(path), Memvid(path)
    look = second._ongoing.left_over

    def look_and_be_slow() -> Any:
        found = look()
        first.start_session("faster")
        return found

    monkeypatch.setattr(second._ongoing, "left_over", look_and_be_slow)
    with pytest.raises(InvalidQuery, match="began at the same moment"):
        second.start_session("slower")
    assert not second.is_recording()
    first.record_put_action(0, b"x")
    assert first.end_session().name == "faster"
    assert sorted(one.name for one in path.parent.iterdir()) == ["store"]


def test_a_session_that_was_never_saved_is_read_from_its_run(path: Path, store: Any) -> None:
    memory = Memvid(path, state=lambda: STATE)
    memory.start_session("notes")
    memory.record_put_action(0, b"x" * 70_000)
    memory.create_checkpoint()
    session = memory.end_session()
    [found] = sessions_of_run(store.run().files.directory)
    assert (found.session_id, found.name) == (session.session_id, "notes")
    assert (found.actions, found.checkpoints) == (session.actions, session.checkpoints)
    assert found.ended_ns is not None


def test_sessions_are_read_from_a_run_that_they_are_part_of(path: Path, store: Any) -> None:
    with otel_replay.start_run("agent") as run:
        memory = Memvid(path, run=run)
        first, second = a_session(memory, "first"), a_session(memory, "second", puts=1)
    found = sessions_of_run(run.directory)
    assert [one.session_id for one in found] == [first.session_id, second.session_id]
    assert [one.actions for one in found] == [first.actions, second.actions]


def test_saving_the_active_session_by_hand_is_as_good(path: Path, store: Any) -> None:
    """There is no need to, but programs do it."""
    memory = Memvid(path)
    active = path.with_name("notes.mv2.session")
    memory.start_session()
    content = active.read_bytes()
    active.unlink()
    memory.save_active_session()
    assert active.read_bytes() == content
    memory.end_session()
    active.write_bytes(content)
    memory.save_active_session()
    assert not active.exists()


def test_what_is_done_with_sessions_is_told_on_the_log(memory: Memvid, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    session = a_session(memory)
    memory.delete_session(session.session_id)
    for word in ("started", "ended", "deleted"):
        assert f"memory session {session.session_id} {word}" in caplog.text
