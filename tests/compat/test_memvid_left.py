"""A memory session that was left without its end goes on; whatever cannot be read is set aside and named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import otel_replay
from compat.memvid_kit import STATE, a_session
from otel_replay.compat.memvid import InvalidQuery, Memvid, ReplayConfig, sessions_of_run


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
