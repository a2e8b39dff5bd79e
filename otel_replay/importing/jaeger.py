"""What Jaeger's UI downloads, and its older query API answers, becomes the runs that its spans name."""

from __future__ import annotations

from collections.abc import Iterator

from otel_replay.formats.jaeger_json_read import read_traces
from otel_replay.importing.foreign_run import ForeignRun, Importer, SourceFile
from otel_replay.importing.otlp import runs_among

__all__ = ["IMPORTER"]


def _recognises(head: bytes) -> bool:
    return b'"data"' in head and (b'"traceID"' in head or b'"spans"' in head)


def _read(source: SourceFile) -> Iterator[ForeignRun]:
    return runs_among(read_traces(source.content), source)


IMPORTER = Importer(
    format="jaeger",
    what="Jaeger's own JSON, as its pages download it",
    recognises=_recognises,
    read=_read,
)
