"""A file that makes listing fast: one line for each run that is over. It can always be made again.

The runs' directories are the truth. A line of the catalog holds as long as its run's directory is as old as
the line says (`mtime`); what has no such line is read from its `run.json`, and a line is added. So runs may
be copied in, deleted or recovered by any means, and the file may be damaged or missing: listing is right in
any case, only slower the first time. (Who edits a file of a finished run in place is found by `verify`.)
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from otel_replay.orjson_loading import orjson
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.inside import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

__all__ = ["Catalog", "Line"]

_NAME = "catalog.jsonl"
_FORMAT = "otel-replay.catalog"
_VERSION = 1
_FIRST_LINE = orjson.dumps({"format": _FORMAT, "version": _VERSION}, option=orjson.OPT_APPEND_NEWLINE)

Line: TypeAlias = "dict[str, Any]"
"""A run's line: its id under `run`, and whatever the store puts beside it."""


class Catalog:
    """The catalog of one store. Errors of the disk are the caller's to catch: it is only a cache.

    Parameters
    ----------
    root:
        The store's directory.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / _NAME
        self.lines_read = 0
        """Lines that the last :meth:`read` went through, wanted or not: says when to compact."""
        self._read = b""

    def read(self) -> dict[str, Line] | None:
        """The newest line of each run; None if the file is of a version that must be left alone."""
        self.lines_read = 0
        self._read = b""
        try:
            with os.fdopen(open_file(self.path), "rb") as stream:
                data = stream.read()
        except OSError:
            return {}
        # What is being appended right now is read the next time.
        self._read = data[: data.rfind(b"\n") + 1]
        first, _, rest = self._read.partition(b"\n")
        if first != _FIRST_LINE[:-1]:
            if _is_newer(first):
                return None
            rest = data
        found: dict[str, Line] = {}
        for line in _parse(rest):
            if isinstance(line, dict) and isinstance(line.get("run"), str):
                found[line["run"]] = line
            self.lines_read += 1
        return found

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines. Several processes may do so at the same time, and one may compact meanwhile.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        while data and not self._append(data):
            pass

    def _append(self, data: bytes) -> bool:
        fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            there = os.fstat(fd)
            if there.st_size == 0:
                data = _FIRST_LINE + data
            elif _is_newer(os.pread(fd, 4096, 0).partition(b"\n")[0]):
                return True
            elif os.pread(fd, 1, there.st_size - 1) != b"\n":
                data = b"\n" + data  # somebody died in the middle of a line: theirs is lost, not ours
            os.write(fd, data)
            # Compacting puts a new file in place. If that happened meanwhile, the lines may not be in it.
            try:
                return _identity(os.stat(self.path)) == _identity(there)
            except FileNotFoundError:
                return False
        finally:
            os.close(fd)

    def compact(self, lines: Iterable[Line]) -> None:
        """Replace what :meth:`read` read by `lines`; what was appended since then stays.

        Does nothing if another process compacts, or has done so since.

        Raises
        ------
        OSError, StoreError
            If it cannot be written; the file is as it was before then.
        """
        with os.fdopen(open_file(self.path), "rb") as old:
            try:
                fcntl.flock(old, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
            # Whoever holds the lock of the file that is in place is the only one to replace it.
            if _identity(os.fstat(old.fileno())) != _identity(os.stat(self.path)):
                return
            # Replaced twice, it may have its old inode again: what it holds says whether it is the same.
            if not self._read or old.read(len(self._read)) != self._read:
                return
            data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
            since = old.read()
            # A line that is being written may be seen in part: its end comes with what is read afterwards.
            since = since[: since.rfind(b"\n") + 1]
            write_atomically(self.path, _FIRST_LINE + data + since, durable=False)
            old.seek(len(self._read) + len(since))
            # Whoever wrote to the old file before the rename saw it in its place, and does not write again.
            self.append(line for line in _parse(old.read()) if isinstance(line, dict))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_newer(first: bytes) -> bool:
    try:
        body = orjson.loads(first)
    except orjson.JSONDecodeError:
        return False
    version = body.get("version") if isinstance(body, dict) and body.get("format") == _FORMAT else None
    return isinstance(version, int) and version > _VERSION


def _parse(data: bytes) -> list[Any]:
    """The JSON value of each line, None for a damaged one."""
    lines = [line for line in data.split(b"\n") if line]
    try:
        # All at once is faster. Where a damaged line pairs up with its neighbour, the counts differ.
        values = orjson.loads(b"[" + b",".join(lines) + b"]")
        if len(values) == len(lines):
            return list(values)
    except orjson.JSONDecodeError:
        pass
    return [_value(line) for line in lines]


def _value(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
