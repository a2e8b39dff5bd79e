"""The real `memvid-sdk` with our recorder around it: nothing changes for the program, all is recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from store_kit import Store

import otel_replay
from otel_replay.compat.memvid import (
    ActionType,
    Memvid,
    ReplayConfig,
    ReplaySession,
    operations_of,
    record,
    replay_session,
)
from otel_replay.compat.memvid.sdk import CHANGING, state_of

ASKED = "database"


@pytest.fixture(scope="module")
def memvid() -> Iterator[ModuleType]:
    """The package; it tells its maker nothing of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMVID_TELEMETRY", "0")
        import memvid_sdk

        yield memvid_sdk


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests asks no model with it."""
    for name in ("OPENAI", "GEMINI", "ANTHROPIC", "CLAUDE", "GROQ", "XAI", "MISTRAL", "MEMVID"):
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)


@pytest.fixture(scope="module")
def recorded(memvid: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One session with a real memory, and what the program got back."""
    folder = tmp_path_factory.mktemp("recorded")
    memory = record(memvid.create(str(folder / "notes.mv2")), store=folder / "store")
    memory.start_session("notes", ReplayConfig(auto_checkpoint_interval=2))
    got: dict[str, Any] = {"path": folder / "notes.mv2", "store": folder / "store"}
    got["put"] = memory.put(title="Tech", label="arch", text="PostgreSQL is the main database.")
    memory.put("Cache", text="Redis for caching.")
    got["find"] = memory.find(ASKED)
    with pytest.raises(memvid.MemvidError) as caught:
        memory.find("")
    got["error"] = str(caught.value)
    got["ask"] = memory.ask(ASKED, context_only=True)
    memory.put(title="Queue", text="Kafka as the queue, and no database.")
    got["again"] = memory.find(ASKED, k=5)
    got["session"] = memory.end_session()
    got["state"] = state_of(memory.memory)
    memory.save_replay_sessions()
    memory.close()
    return got


@pytest.fixture
def session(recorded: dict[str, Any]) -> ReplaySession:
    found: ReplaySession = recorded["session"]
    return found


def test_the_program_gets_what_the_memory_answers(recorded: dict[str, Any]) -> None:
    assert recorded["put"] == "0"
    assert [hit["frame_id"] for hit in recorded["find"]["hits"]] == [0]
    assert [hit["frame_id"] for hit in recorded["ask"]["hits"]] == [0]
    assert "Invalid query" in recorded["error"]


def test_its_calls_become_actions_with_all_that_was_asked_and_answered(
    recorded: dict[str, Any], session: ReplaySession
) -> None:
    kinds = ["put", "put", "checkpoint", "find", "find", "ask", "put", "checkpoint", "find"]
    assert [action.kind for action in session.actions] == kinds
    put, find, failed, ask = (session.actions[place] for place in (0, 3, 4, 5))
    assert put.action_type == ActionType.Put(frame_id=0)
    assert put.input == {"title": "Tech", "label": "arch", "text": "PostgreSQL is the main database."}
    assert find.action_type == ActionType.Find(query=ASKED, mode="auto", result_count=1)
    assert find.output == recorded["find"]
    assert find.affected_frames == ask.affected_frames == (0,)
    assert failed.error == f"MemvidError: {recorded['error']}"
    assert ask.action_type == ActionType.Ask(query=ASKED, provider="", model="")
    assert put.duration_ms > 0


def test_checkpoints_hold_the_state_of_the_memory(recorded: dict[str, Any], session: ReplaySession) -> None:
    first, second = session.checkpoints
    assert (first.snapshot.frame_count, first.snapshot.frame_ids) == (2, (0, 1))
    assert second.snapshot == recorded["state"]
    assert first.snapshot.extra["timeline_sha256"] != second.snapshot.extra["timeline_sha256"]


def test_its_calls_are_spans_with_their_real_durations(recorded: dict[str, Any]) -> None:
    run = Store(recorded["store"]).run()
    names = [span.name for span in run.spans if span.name.startswith("execute_tool")]
    assert sorted(set(names)) == [
        f"execute_tool memory.{one}" for one in ("ask", "checkpoint", "find", "put")
    ]
    failed = [span for span in run.spans if span.status == "error"]
    assert [span.message for span in failed] == [f"MemvidError: {recorded['error']}"]
    puts = [span for span in run.spans if span.name == "execute_tool memory.put"]
    assert all(span.end_ns - span.start_ns > 1_000_000 for span in puts)


def test_the_session_is_read_back_from_the_file_beside_the_memory(
    recorded: dict[str, Any], session: ReplaySession
) -> None:
    memory = Memvid(recorded["path"])
    memory.load_replay_sessions()
    assert memory.completed_sessions == [session]


# -- done again --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checkpoint", [None, 0, 1])
def test_a_session_done_again_with_a_new_memory_comes_out_the_same(
    memvid: ModuleType, session: ReplaySession, tmp_path: Path, checkpoint: int | None
) -> None:
    """Item by item: frames, scores, snippets, times of the frames; also from each checkpoint on."""
    with memvid.create(str(tmp_path / "again.mv2")) as again:
        result = replay_session(session, operations_of(again), from_checkpoint=checkpoint)
    assert [one.diff for one in result.action_results if not one.matched] == []
    assert result.is_success()
    assert result.total_actions == {None: 9, 0: 7, 1: 2}[checkpoint]


def test_a_memory_that_answers_otherwise_diverges_at_that_answer(
    memvid: ModuleType, session: ReplaySession, tmp_path: Path
) -> None:
    """As many hits as recorded, and another frame: the SDK's own replay calls that a match."""
    with memvid.create(str(tmp_path / "again.mv2")) as again:
        again.put(title="Cache", text="Redis for caching.", timestamp=1)
        again.put(title="Other", text="Another database altogether.", timestamp=2)
        finds = [action for action in session.actions if action.kind == "find"][:1]
        result = replay_session(replace(session, actions=tuple(finds)), operations_of(again))
    first = result.first_divergence
    assert first is not None
    places = [one.place for one in first.differences]
    assert places[0] == "frames[0]"
    assert str(first.diff).startswith("frames[0]: recorded 0, now 1\n")
    assert "output.hits[0].title" in places


def test_the_state_is_restored_from_a_copy_of_the_file(memvid: ModuleType, tmp_path: Path) -> None:
    """A `restore` of the caller: here the file as it was at the checkpoint."""
    path, copy = tmp_path / "notes.mv2", tmp_path / "copy.mv2"
    with record(memvid.create(str(path)), store=tmp_path / "store") as memory:
        memory.start_session()
        memory.put(title="Tech", text="PostgreSQL is the main database.")
        memory.commit()
        memory.create_checkpoint()
        copy.write_bytes(path.read_bytes())
        memory.find(ASKED)
        session = memory.end_session()
    with memvid.use("basic", str(copy)) as again:
        result = replay_session(session, operations_of(again), from_checkpoint=0, restore=lambda _: None)
        assert result.is_success(), list(result.lines())


# -- without a session, and when things go wrong ------------------------------------------------------------


def test_without_a_session_calls_are_spans_of_the_current_run(
    memvid: ModuleType, tmp_path: Path, store: Any
) -> None:
    with record(memvid.create(str(tmp_path / "notes.mv2"))) as memory:
        with otel_replay.start_run("agent"), otel_replay.task("remember"):
            memory.put(title="Tech", text="PostgreSQL")
        memory.find("PostgreSQL")  # no run: nothing is recorded
    run = store.run()
    assert run.parents()["execute_tool memory.put"] == "task remember"
    assert run.span("execute_tool memory.put").attributes["gen_ai.tool.call.result"] == "0"
    assert "execute_tool memory.find" not in run.parents()


def test_what_else_the_memory_can_do_it_still_can(memvid: ModuleType, tmp_path: Path) -> None:
    inner = memvid.create(str(tmp_path / "notes.mv2"))
    with record(inner, store=tmp_path / "store") as memory:
        assert memory.memory is inner
        assert memory.stats()["frame_count"] == 0
        assert memory.path == inner.path == str(tmp_path / "notes.mv2")
        with pytest.raises(AttributeError, match="no_such_method"):
            _ = memory.no_such_method
    assert inner.closed


def test_methods_that_change_the_memory_are_there_and_are_recorded(
    memvid: ModuleType, tmp_path: Path
) -> None:
    assert [name for name in CHANGING if not hasattr(memvid.Memvid, name)] == []
    with record(memvid.create(str(tmp_path / "notes.mv2")), store=tmp_path / "store") as memory:
        memory.start_session()
        memory.put_many([{"title": "a", "label": "b", "text": "PostgreSQL"}])
        [action] = memory.end_session().actions
    assert action.action_type == ActionType.Call("put_many")
    assert action.input == {"requests": [{"title": "a", "label": "b", "text": "PostgreSQL"}]}


def test_a_call_that_does_not_fit_fails_as_it_would_without_us(memvid: ModuleType, tmp_path: Path) -> None:
    with record(memvid.create(str(tmp_path / "notes.mv2")), store=tmp_path / "store") as memory:
        memory.start_session()
        with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
            memory.find("x", colour="red")
        [action] = memory.end_session().actions
    assert action.input == {"0": "x", "colour": "red"}
    assert action.error.startswith("TypeError: ")


def test_recording_that_fails_does_not_touch_the_call(
    memvid: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The call is made once, and its answer is given."""
    with record(memvid.create(str(tmp_path / "notes.mv2")), store=tmp_path / "store") as memory:
        memory.start_session()

        def broken(*_: Any) -> None:
            raise RuntimeError("the recorder is broken")

        for name in ("begin_action", "finish_action"):
            with monkeypatch.context() as patch:
                patch.setattr(memory, name, broken)
                memory.put(title="Tech", text=f"PostgreSQL {name}")
        assert memory.stats()["frame_count"] == 2
    assert caplog.text.count("the recorder is broken") == 2


def test_a_process_that_dies_in_a_call_leaves_word_of_it(
    memvid: ModuleType, tmp_path: Path, store: Any, python: Any
) -> None:
    """What was done before is whole; the call that never returned is told apart."""
    python(
        """
        import os
        import memvid_sdk
        from otel_replay.compat.memvid import record

        memory = record(memvid_sdk.create("notes.mv2"))
        memory.start_session("dies")
        memory.put(title="Tech", text="PostgreSQL is the main database.")
        memory.memory.find = lambda query: os._exit(9)
        memory.find("database")
        """,
        env={"MEMVID_TELEMETRY": "0"},
        expect=9,
        flags=(),
    )
    memory = Memvid(tmp_path / "notes.mv2")
    assert memory.load_active_session()
    put, find = memory.end_session().actions
    assert put.error == ""
    assert put.output is not None
    assert find.error == "interrupted: the process died while it was done"
    with memvid.create(str(tmp_path / "again.mv2")) as again:
        result = replay_session(memory.completed_sessions[0], operations_of(again))
    assert [one.verdict for one in result.action_results] == ["matched", "not run"]


def test_several_threads_record_into_one_session(tmp_path: Path) -> None:
    """Each action once, with a number of its own."""

    class Plain:
        path = str(tmp_path / "plain.mv2")

        def find(self, query: str) -> dict[str, Any]:
            return {"hits": [{"frame_id": int(query)}]}

    memory = record(Plain(), store=tmp_path / "store")
    memory.start_session()
    often, before = 1e-6, sys.getswitchinterval()
    sys.setswitchinterval(often)  # threads take turns within a call, not only between calls
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(memory.find, map(str, range(100))))
    finally:
        sys.setswitchinterval(before)
    actions = memory.end_session().actions
    assert [action.sequence for action in actions] == list(range(100))
    assert sorted(action.affected_frames for action in actions) == [(number,) for number in range(100)]
    assert all(action.affected_frames == (int(str(action.action_type.query)),) for action in actions)
