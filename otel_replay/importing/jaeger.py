"""What Jaeger's UI downloads, and its older query API answers, becomes the runs that its spans name."""

from __future__ import annotations

from collections.abc import Iterator

from otel_replay.formats.jaeger_json_read import read_traces
from otel_replay.formats.otlp_json_read import Read
from otel_replay.importing.foreign_run import ForeignRun, Importer
from otel_replay.importing.gathering import runs_among
from otel_replay.importing.source_file import SourceFile

__all__ = ["IMPORTER"]


def _recognises(head: bytes) -> bool:
    return b'"data"' in head and (b'"traceID"' in head or b'"spans"' in head)


def _read(source: SourceFile) -> Iterator[ForeignRun]:
    yield from runs_among(_Reading(source), source)


class _Reading:
    """The spans of a document, which is held as a whole."""

    taken_bytes = 0

    def __init__(self, source: SourceFile) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Read]:
        return read_traces(self._source.content())


IMPORTER = Importer(
    format="jaeger",
    what="Jaeger's own JSON, as its pages download it",
    recognises=_recognises,
    read=_read,
)
