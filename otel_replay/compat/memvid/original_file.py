"""The sessions that memvid itself recorded, read from the memory file that it keeps them in.

    segment  "MV2RPLY!", version (u32), number of sessions (u32), bytes in all (u64), sessions
    session  bytes (u64); id, name?, began, ended?, checkpoints, actions, metadata, version
    action   sequence, time, kind (u32) and its fields, hashes of input and output, previews, frames, duration

Numbers are little-endian of 64 bits, lists and texts have their length first, what may be missing a byte that
says so. Each save writes a segment and leaves the ones before it where they were: sessions that a later save
has lost are found in those. Nothing is written.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from otel_replay.compat.memvid.types import (
    ActionType,
    AnyAction,
    Checkpoint,
    ReplayAction,
    ReplaySession,
    StateSnapshot,
)
from otel_replay.errors import FormatError
from otel_replay.storage.inside import open_file
from otel_replay.storage.refusals import shown, told_as_store_error

__all__ = ["read_original"]

_log = logging.getLogger("otel_replay")
_T = TypeVar("_T")

MAGIC = b"MV2RPLY!"
VERSION = 1
_HEAD = struct.Struct("<8sIIQ")
_SECOND_NS = 1_000_000_000
_LARGEST_BYTES = 1 << 30


def read_original(path: str | os.PathLike[str]) -> list[ReplaySession]:
    """The sessions that a memory file of memvid holds, in the order in which they began.

    It keeps of inputs and outputs the first bytes and a hash of another kind than ours. `input` is the query,
    where there is one, and else None. Segments that cannot be read are named in the log.

    Raises
    ------
    StoreError
        If the file cannot be read.
    FormatError
        If it holds segments, and none of them can be read.
    """
    place = Path(path)
    found: dict[uuid.UUID, ReplaySession] = {}
    problems: list[str] = []
    whole = 0
    with told_as_store_error("read", place), open(open_file(place), "rb") as stream:
        if not os.fstat(stream.fileno()).st_size:
            return []
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for start in _starts(data):
                try:
                    sessions = _segment(data, start)
                except FormatError as error:
                    problems.append(f"segment at byte {start}: {error}")
                    continue
                whole += 1
                found.update({one.session_id: one for one in sessions})
    for problem in problems:
        _log.warning("%s: %s", shown(place), problem)
    if problems and not whole:
        raise FormatError(f"{shown(place)}: {problems[-1]}")
    return sorted(found.values(), key=lambda session: session.created_ns)


def _starts(data: mmap.mmap) -> Iterator[int]:
    place = data.find(MAGIC)
    while place >= 0:
        # A memory may hold a text that says so; no version will be as high as four letters are.
        if int.from_bytes(data[place + 8 : place + 12], "little") <= 0xFFFF:
            yield place
        place = data.find(MAGIC, place + 1)


def _segment(data: mmap.mmap, start: int) -> list[ReplaySession]:
    if len(data) - start < _HEAD.size:
        raise FormatError("it is torn off")
    _, version, count, size = _HEAD.unpack(data[start : start + _HEAD.size])
    if version != VERSION:
        raise FormatError(f"it is of version {version}; this otel-replay reads version {VERSION}")
    if not _HEAD.size <= size <= min(len(data) - start, _LARGEST_BYTES):
        raise FormatError("it is torn off")
    reader = _Reader(data[start + _HEAD.size : start + size])
    return [_session(_Reader(reader.take(reader.u64()))) for _ in range(count)]


class _Reader:
    """Takes values off the front of some bytes; FormatError where there are not enough."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, size: int) -> bytes:
        end = self._place + size
        if end > len(self._data):
            raise FormatError(f"it ends in the middle of a value, at byte {self._place} of a session")
        taken, self._place = self._data[self._place : end], end
        return taken

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def time_ns(self) -> int:
        return int.from_bytes(self.take(8), "little", signed=True) * _SECOND_NS

    def hash(self) -> str:
        value = self.take(32)
        return value.hex() if any(value) else ""

    def text(self) -> str:
        return self.take(self.u64()).decode("utf-8", "replace")

    def optional(self, read: Callable[[], _T]) -> _T | None:
        return read() if self.take(1) == b"\x01" else None

    def many(self, read: Callable[[], _T]) -> tuple[_T, ...]:
        count = self.u64()
        if count > len(self._data):
            raise FormatError(f"it says that a list has {count} items")
        return tuple(read() for _ in range(count))


def _session(read: _Reader) -> ReplaySession:
    return ReplaySession(
        session_id=uuid.UUID(bytes=_sixteen(read.take(read.u64()))),
        name=read.optional(read.text),
        created_ns=read.time_ns(),
        ended_ns=read.optional(read.time_ns),
        checkpoints=read.many(lambda: _checkpoint(read)),
        actions=read.many(lambda: _action(read)),
        metadata=dict(read.many(lambda: (read.text(), read.text()))),
        version=read.u32(),
    )


def _sixteen(data: bytes) -> bytes:
    if len(data) != 16:
        raise FormatError(f"an id has {len(data)} bytes")
    return data


def _checkpoint(read: _Reader) -> Checkpoint:
    number, at_sequence, time_ns, state_hash = read.u64(), read.u64(), read.time_ns(), read.hash()
    snapshot = StateSnapshot(
        frame_count=read.u64(),
        frame_ids=read.many(read.u64),
        lex_index_hash=read.optional(read.hash),
        vec_index_hash=read.optional(read.hash),
        wal_sequence=read.u64(),
        generation=read.u64(),
        extra={"state_hash": state_hash},
    )
    return Checkpoint(number, at_sequence, time_ns, snapshot)


def _action(read: _Reader) -> ReplayAction:
    sequence, time_ns = read.u64(), read.time_ns()
    kind = read.u32()
    if kind not in _KINDS:
        raise FormatError(f"an action is of the kind {kind}, which this otel-replay does not know")
    action_type = _KINDS[kind](read)
    input_hash, output_hash = read.hash(), read.hash()
    read.text(), read.text()  # previews: beginnings of what is not kept
    query = getattr(action_type, "query", None)
    return ReplayAction(
        sequence,
        action_type,
        time_ns,
        input=query,
        input_hash=input_hash,
        output_hash=output_hash,
        affected_frames=read.many(read.u64),
        duration_ms=read.u64(),
    )


_KINDS: dict[int, Callable[[_Reader], AnyAction]] = {
    0: lambda read: ActionType.Put(read.u64()),
    2: lambda read: ActionType.Find(read.text(), read.text(), read.u64()),
    3: lambda read: ActionType.Ask(read.text(), read.text(), read.text()),
    4: lambda read: ActionType.Checkpoint(read.u64()),
}
"""Kinds of actions by their numbers, as far as memvid-sdk 2.0.160 was seen to write them."""
