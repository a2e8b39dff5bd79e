"""How far a run has been sent to one target: a small file beside the run, written after each acknowledgement.

A position is a line of a journal, and a number where several spans come to an end at that line. What stands
before it has arrived. Spans that come at the end only (those that nobody ended) are kept by id. If the
process dies between an acknowledgement and this file, the next `send` repeats one request, with the same ids.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_replay.errors import FormatError, SendError
from otel_replay.sender.target import Signal, Target
from otel_replay.storage.atomic import make_private_directory, write_atomically
from otel_replay.storage.documents import encode_document, read_document
from otel_replay.storage.refusals import shown, told_as_store_error

__all__ = ["FORMAT", "VERSION", "Cursor", "Position", "open_cursor"]

FORMAT = "otel-replay.sent"
VERSION = 1

Position = tuple[str, int, int]
"""Journal, line, and number among what comes to an end at that line."""


@dataclass(slots=True, kw_only=True)
class Cursor:
    """What of a run has arrived at a target.

    `positions` holds the last position of each journal, for each signal; `tail` the spans that went without
    having ended; `complete` the sizes of the journals when everything was sent; `totals` what all sends have
    counted.
    """

    path: Path
    run_id: str
    target: str
    positions: dict[Signal, dict[str, tuple[int, int]]] = field(
        default_factory=lambda: {"traces": {}, "logs": {}}
    )
    tail: dict[str, None] = field(default_factory=dict)
    complete: dict[str, int] | None = None
    totals: dict[str, int] = field(default_factory=dict)

    def has(self, signal: Signal, position: Position) -> bool:
        """Whether what stands at `position` has arrived."""
        journal, line, number = position
        return (line, number) <= self.positions[signal].get(journal, (0, 0))

    def reach(self, signal: Signal, position: Position) -> None:
        """Note that what stands at `position`, and in its journal before it, has arrived."""
        journal, line, number = position
        self.positions[signal][journal] = (line, number)

    def count(self, name: str, number: int) -> None:
        """Add to what was counted over all sends."""
        if number:
            self.totals[name] = self.totals.get(name, 0) + number

    def save(self, *, durable: bool) -> None:
        """Write the file, whole or not at all."""
        body = {
            "run_id": self.run_id,
            "target": self.target,
            "positions": self.positions,
            "tail": list(self.tail),
            "complete": self.complete,
            "totals": self.totals,
        }
        write_atomically(self.path, encode_document(FORMAT, VERSION, body), durable=durable)


@contextmanager
def open_cursor(
    run_directory: Path, run_id: str, target: Target, *, resend: bool = False
) -> Iterator[Cursor]:
    """The cursor of a run and a target, for one `send` at a time.

    Raises
    ------
    SendError
        If another process sends this run to this target right now.
    StoreError, FormatError
        If the cursor cannot be read or written; `resend` begins a new one.
    """
    directory = run_directory / "sent"
    make_private_directory(directory)
    path = directory / f"{target.key}.json"
    with _alone(directory / f"{target.key}.lock", target):
        if resend or not path.exists():
            yield Cursor(path=path, run_id=run_id, target=target.name)
        else:
            yield _read(path, run_id, target)


@contextmanager
def _alone(path: Path, target: Target) -> Iterator[None]:
    with told_as_store_error("lock", path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SendError(
                f"another process sends this run to {target.name} right now", hint="wait until it is done"
            ) from None
        yield
    finally:
        os.close(fd)


def _read(path: Path, run_id: str, target: Target) -> Cursor:
    body = read_document(path, FORMAT, VERSION)
    try:
        if body["run_id"] != run_id:
            raise ValueError(f"it is of run {body['run_id']!r:.80}")
        return Cursor(
            path=path,
            run_id=run_id,
            target=target.name,
            positions={"traces": _positions(body, "traces"), "logs": _positions(body, "logs")},
            tail=dict.fromkeys(map(str, body["tail"])),
            complete=_numbers(body["complete"]) if body["complete"] is not None else None,
            totals=_numbers(body["totals"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(
            f"{shown(path)} does not say how far the run was sent: {error}",
            hint="send it from the start with `--resend`; what has arrived has the same ids",
        ) from None


def _positions(body: dict[str, Any], signal: Signal) -> dict[str, tuple[int, int]]:
    return {str(name): (int(line), int(number)) for name, (line, number) in body["positions"][signal].items()}


def _numbers(body: dict[str, Any]) -> dict[str, int]:
    return {str(name): int(number) for name, number in body.items()}
