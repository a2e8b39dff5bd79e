"""Sessions that memvid recorded itself, read from its file: also those that it has lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from otel_replay.compat.memvid import (
    ActionType,
    InvalidQuery,
    ReplayExecutionConfig,
    ReplaySession,
    operations_of,
    read_original,
    replay_session,
)
from otel_replay.compat.memvid.original_file import MAGIC
from otel_replay.errors import FormatError, StoreError


@pytest.fixture(scope="module")
def memvid() -> Iterator[ModuleType]:
    """The package; it tells its maker nothing of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMVID_TELEMETRY", "0")
        import memvid_sdk

        yield memvid_sdk


@pytest.fixture(scope="module")
def original(memvid: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A memory file with what the SDK recorded in it, and what it says of that."""
    path = tmp_path_factory.mktemp("original") / "notes.mv2"
    with memvid.create(str(path)) as memory:
        memory.session_start("first")
        memory.put(title="Tech", label="arch", text="PostgreSQL is the main database. " * 30)
        memory.find("database")
        memory.session_checkpoint()
        memory.find("nothing at all")
        said = [memory.session_end()]
    with memvid.use("basic", str(path)) as memory:
        memory.session_start()  # by a fresh handle: the SDK forgets the first one
        memory.find("PostgreSQL")
        said.append(memory.session_end())
        listed = memory.session_list()
    return {"path": path, "said": said, "listed": listed}


@pytest.fixture
def sessions(original: dict[str, Any]) -> list[ReplaySession]:
    return read_original(original["path"])


def test_they_are_as_the_sdk_says(original: dict[str, Any], sessions: list[ReplaySession]) -> None:
    for session, said in zip(sessions, original["said"], strict=True):
        assert str(session.session_id) == said["session_id"]
        assert (session.name or "") == said["name"]
        assert session.created_ns == said["created_secs"] * 1_000_000_000
        assert session.ended_ns == said["ended_secs"] * 1_000_000_000
        assert len(session.actions) == said["action_count"]
        assert len(session.checkpoints) == said["checkpoint_count"]


def test_a_session_that_the_sdk_has_lost_is_found(
    original: dict[str, Any], sessions: list[ReplaySession]
) -> None:
    assert len(original["listed"]) == 1
    assert [session.name for session in sessions] == ["first", None]


def test_actions_and_checkpoints_are_read(sessions: list[ReplaySession]) -> None:
    first = sessions[0]
    kinds = [action.action_type for action in first.actions]
    assert kinds[1:] == [
        ActionType.Find(query="database", mode="Tantivy", result_count=1),
        ActionType.Checkpoint(checkpoint_id=0),
        ActionType.Find(query="nothing at all", mode="Tantivy", result_count=0),
    ]
    assert [action.sequence for action in first.actions] == [0, 1, 2, 3]
    assert first.actions[0].kind == "put"
    assert first.actions[0].input is None
    assert len(first.actions[0].input_hash) == 64
    assert first.actions[1].affected_frames == (0,)
    [checkpoint] = first.checkpoints
    assert (checkpoint.snapshot.frame_count, checkpoint.snapshot.frame_ids) == (1, (0,))


def test_its_searches_can_be_done_again_and_compared_frame_by_frame(
    memvid: ModuleType, original: dict[str, Any], sessions: list[ReplaySession]
) -> None:
    """What it did not keep is told apart."""
    with memvid.use("basic", str(original["path"])) as memory:
        result = replay_session(
            sessions[0], operations_of(memory), config=ReplayExecutionConfig(skip_puts=True)
        )
    assert [one.verdict for one in result.action_results] == ["skipped", "matched", "not run", "matched"]
    assert result.action_results[2].why == "its state was not recorded whole"


def test_what_was_not_kept_cannot_be_put_again(memvid: ModuleType, sessions: list[ReplaySession]) -> None:
    operations = operations_of(object())
    result = replay_session(sessions[0], operations)
    assert result.action_results[0].why == "its input was not recorded whole"
    with pytest.raises(InvalidQuery, match="action 0, put: its input was not recorded whole"):
        replay_session(sessions[0], operations, from_checkpoint=0)


def test_a_file_without_sessions_has_none(memvid: ModuleType, tmp_path: Path) -> None:
    with memvid.create(str(tmp_path / "notes.mv2")) as memory:
        memory.put(title="About us", text="Our files begin with MV2RPLY! as everybody knows.")
    assert read_original(tmp_path / "notes.mv2") == []
    (tmp_path / "empty").write_bytes(b"")
    assert read_original(tmp_path / "empty") == []
    with pytest.raises(StoreError, match="cannot read"):
        read_original(tmp_path / "nowhere")


@pytest.mark.parametrize("place", [12, 16, 24, 90], ids=["count", "size", "length", "inside"])
def test_a_damaged_segment_is_named_and_the_others_are_read(
    original: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture, place: int
) -> None:
    path = tmp_path / "notes.mv2"
    data = bytearray(original["path"].read_bytes())
    start = data.find(MAGIC)
    data[start + place : start + place + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    assert [session.name for session in read_original(path)] == [None]
    assert f"segment at byte {start}: " in caplog.text


def test_a_file_of_which_nothing_can_be_read_is_refused(original: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "notes.mv2"
    shutil.copy(original["path"], path)
    data = path.read_bytes()
    path.write_bytes(data.replace(MAGIC + b"\x01", MAGIC + b"\x07"))
    with pytest.raises(FormatError, match="it is of version 7; this otel-replay reads version 1"):
        read_original(path)
    path.write_bytes(data[: data.find(MAGIC) + 60])
    with pytest.raises(FormatError, match="it is torn off"):
        read_original(path)


def test_reading_changes_nothing(original: dict[str, Any]) -> None:
    before = original["path"].read_bytes()
    read_original(original["path"])
    assert original["path"].read_bytes() == before
