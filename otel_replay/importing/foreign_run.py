"""A run as a file of somebody else tells it: what every importer gives, and what the store keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_replay.clock import iso_milliseconds
from otel_replay.errors import FormatError
from otel_replay.formats.journal_v1 import LONGEST_LINE_BYTES
from otel_replay.importing.source_file import SourceFile
from otel_replay.records import Record
from otel_replay.storage.refusals import shown
from otel_replay.storage.run_header import EndStatus

__all__ = ["ForeignRun", "Importer", "made_run_id", "too_long"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRun:
    """One run of a file.

    `wanted_id` is what the file calls it, or None. `journals` holds its records in the order in which they
    happened, without journal headers; more than one where numbers of resources and scopes differ. They can be
    read as often as is needed while the source is open. Without a `status` it is a run whose end nobody saw.
    `damage` says what of the file could not be read.
    """

    wanted_id: str | None
    name: str
    started_ns: int
    ended_ns: int
    journals: tuple[Iterable[Record], ...]
    trace_id: str = ""
    span_id: str = ""
    status: EndStatus | None = "ok"
    message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """A format: what it is called, how it is recognised by its first bytes, how it is read.

    `read` raises FormatError where the file is not what it says.
    """

    format: str
    what: str
    recognises: Callable[[bytes], bool]
    read: Callable[[SourceFile], Iterator[ForeignRun]]


def made_run_id(started_ns: int, digest: str) -> str:
    """An id for a run whose file does not give a usable one; the same for the same content."""
    return f"{iso_milliseconds(started_ns)[:19].replace(':', '-')}Z-{digest[:6]}"


def too_long(record: Record, size_bytes: int) -> FormatError:
    """The error that says that a record is longer than any reader of a journal takes."""
    name = getattr(record, "action", "") or getattr(record, "name", "")
    return FormatError(
        f"the {record.kind} {shown(name[:40])} is {size_bytes >> 20} MiB long as one record; "
        f"a run takes up to {LONGEST_LINE_BYTES >> 20} MiB"
    )
