"""`run.json`: what a run is, and once it is over, how it ended and what it holds.

It is written when the run ends. Until then, and where it was lost, the same stands in the first line of the
journal of the process that began the run (`begins`), and how the run ended in that journal's last (`ends`).
"""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType

from otel_replay.errors import FormatError, StoreError
from otel_replay.light import light
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.refusals import shown
from otel_replay.values_json import from_json, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Literal

    from otel_replay.records import AnyMap

    EndStatus = Literal["ok", "error"]
else:
    EndStatus = str

__all__ = [
    "FORMAT",
    "HEADER_NAME",
    "VERSION",
    "EndStatus",
    "RunHeader",
    "encode_header",
    "header_in_journals",
    "is_json",
    "read_header",
    "write_header",
]

FORMAT = "otel-replay.run"
VERSION = 1
HEADER_NAME = "run.json"

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@light(frozen=True, kw_only=True)
class RunHeader:
    """What `run.json` says.

    `ended_ns` is None while the run goes on, and after its process died. `status` is None until its end is
    known; a recovered run whose root span was still open has an `ended_ns` (the last sign of life) and no
    status. `counts` holds the numbers of `decisions`, `spans`, `events` and `logs` (and, where there are any,
    of `errors`, `open_spans` and `bad_lines`); `lost` the records that could not be kept; `notes` what was
    changed on the way in.
    """

    run_id: str
    name: str
    started_ns: int
    journal: str = ""
    trace_id: str = ""
    span_id: str = ""
    attributes: AnyMap = _NOTHING
    process: AnyMap = _NOTHING
    parent_run_id: str = ""
    writer: str = ""
    ended_ns: int | None = None
    status: EndStatus | None = None
    message: str = ""
    counts: Mapping[str, int] = _NOTHING
    lost: int = 0
    notes: Mapping[str, int] = _NOTHING
    recovered: bool = False

    def to_json(self) -> dict[str, Any]:
        """The header as the plain values of its document."""
        return {
            name: to_json(dict(getattr(self, name))) if name in _MAPS else getattr(self, name)
            for name in type(self).__annotations__
        }

    def begins(self) -> dict[str, Any]:
        """What the first line of a journal says of the run that begins with it, as plain values."""
        body: dict[str, Any] = {"name": self.name, "started_ns": self.started_ns}
        if self.attributes:
            body["attributes"] = to_json(dict(self.attributes))
        if self.parent_run_id:
            body["parent_run_id"] = self.parent_run_id
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RunHeader:
        """The header that a document says. Keys of later versions are ignored.

        Raises
        ------
        FormatError
            If a key is missing or is not of its kind.
        """
        values: dict[str, Any] = {}
        for name, check in _CHECKS.items():
            if name not in body:
                if name in _REQUIRED:
                    raise FormatError(f"`{name}` is missing")
                continue
            value = body[name]
            if not check(value):
                raise FormatError(f"`{name}` is {value!r:.80}")
            try:
                values[name] = from_json(value) if name in _MAPS else value
            except ValueError as error:
                raise FormatError(f"`{name}`: {error}") from None
        return cls(**values)


_MAPS = frozenset({"attributes", "process", "counts", "notes"})
_REQUIRED = frozenset({"run_id", "name", "started_ns"})


def _text(value: object) -> bool:
    return isinstance(value, str)


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _map(value: object) -> bool:
    return isinstance(value, dict)


def _numbers(value: object) -> bool:
    return isinstance(value, dict) and all(map(_number, value.values()))


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "run_id": _text,
    "name": _text,
    "started_ns": _number,
    "journal": _text,
    "trace_id": _text,
    "span_id": _text,
    "attributes": _map,
    "process": _map,
    "parent_run_id": _text,
    "writer": _text,
    "ended_ns": lambda value: value is None or _number(value),
    "status": lambda value: value in (None, "ok", "error"),
    "message": _text,
    "counts": _numbers,
    "lost": _number,
    "notes": _numbers,
    "recovered": lambda value: isinstance(value, bool),
}


def read_header(run_directory: Path) -> RunHeader:
    """What `run.json` in `run_directory` says; where there is none yet, what the journals say.

    Raises
    ------
    StoreError
        If it cannot be read.
    FormatError
        If it is not a run's header, or of a newer version.
    """
    from otel_replay.storage.documents import read_document

    path = run_directory / HEADER_NAME
    try:
        body = read_document(path, FORMAT, VERSION)
    except StoreError:
        found = None if os.path.lexists(path) else header_in_journals(run_directory)
        if found is None:
            raise
        return found
    try:
        return RunHeader.from_json(body)
    except FormatError as error:
        raise FormatError(f"{shown(path)} is not a run's header: {error}") from None


def header_in_journals(run_directory: Path) -> RunHeader | None:
    """The header of a run as the journal says it that tells of the run's beginning; None without one."""
    folder = run_directory / "journal"
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".jsonl"))
    except OSError:
        return None
    for name in names:
        try:
            found = _header_in_journal(folder / name)
        except (OSError, FormatError):
            continue
        if found is not None:
            return found
    return None


def _header_in_journal(path: Path) -> RunHeader | None:
    from otel_replay.storage.inside import open_file

    fd = open_file(path)
    try:
        head = os.pread(fd, _HEAD_BYTES, 0)
        if b"\n" not in head:
            head = os.pread(fd, _LONGEST_LINE_BYTES, 0)
        size = os.fstat(fd).st_size
        tail = os.pread(fd, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    finally:
        os.close(fd)
    first = _line(head.partition(b"\n")[0])
    begins = first.get("begins")
    if not isinstance(begins, dict):
        return None
    ends = _line(tail.rstrip(b"\n").rpartition(b"\n")[2]).get("ends")
    told = {key: first[key] for key in ("process", "writer") if key in first}
    body = {**begins, **told, **(ends if isinstance(ends, dict) else {})}
    return RunHeader.from_json({**body, "run_id": first.get("run"), "journal": path.name})


_HEAD_BYTES = 16_384
_LONGEST_LINE_BYTES = 64 << 20
_TAIL_BYTES = 4096


def _line(line: bytes) -> dict[str, Any]:
    from otel_replay.orjson_loading import orjson  # a small program records without

    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def is_json(path: Path) -> bool:
    """Whether a file holds a JSON document: a power failure may leave it empty, or full of NUL bytes."""
    from otel_replay.orjson_loading import orjson

    try:
        orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return False
    return True


def encode_header(header: RunHeader) -> bytes:
    """The bytes of `run.json`."""
    from otel_replay.storage.documents import encode_document

    return encode_document(FORMAT, VERSION, header.to_json())


def write_header(run_directory: Path, header: RunHeader, *, durable: bool = True) -> None:
    """Write `run.json`, whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    write_atomically(run_directory / HEADER_NAME, encode_header(header), durable=durable)
