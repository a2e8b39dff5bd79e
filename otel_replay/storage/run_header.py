"""`run.json`: what a run is, and once it is over, how it ended and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from otel_replay.errors import FormatError
from otel_replay.records import AnyMap
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.documents import encode_document, read_document
from otel_replay.storage.refusals import shown
from otel_replay.values_json import from_json, to_json

__all__ = ["FORMAT", "HEADER_NAME", "VERSION", "EndStatus", "RunHeader", "read_header", "write_header"]

FORMAT = "otel-replay.run"
VERSION = 1
HEADER_NAME = "run.json"

EndStatus = Literal["ok", "error"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
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
    attributes: AnyMap = field(default_factory=_nothing)
    process: AnyMap = field(default_factory=_nothing)
    parent_run_id: str = ""
    writer: str = ""
    ended_ns: int | None = None
    status: EndStatus | None = None
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=_nothing)
    lost: int = 0
    notes: Mapping[str, int] = field(default_factory=_nothing)
    recovered: bool = False

    def to_json(self) -> dict[str, Any]:
        """The header as the plain values of its document."""
        return {
            row.name: to_json(dict(getattr(self, row.name))) if row.name in _MAPS else getattr(self, row.name)
            for row in fields(self)
        }

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
    """What `run.json` in `run_directory` says.

    Raises
    ------
    StoreError
        If it cannot be read.
    FormatError
        If it is not a run's header, or of a newer version.
    """
    path = run_directory / HEADER_NAME
    body = read_document(path, FORMAT, VERSION)
    try:
        return RunHeader.from_json(body)
    except FormatError as error:
        raise FormatError(f"{shown(path)} is not a run's header: {error}") from None


def write_header(run_directory: Path, header: RunHeader, *, durable: bool = True) -> None:
    """Write `run.json`, whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    data = encode_document(FORMAT, VERSION, header.to_json())
    write_atomically(run_directory / HEADER_NAME, data, durable=durable)
