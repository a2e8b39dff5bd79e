"""Which spans a run left open: what it was doing when its process died."""

from __future__ import annotations

import os

from otel_replay.analysis.spans import SpanBook
from otel_replay.records import SpanEnd, SpanStart, SpanUpdate
from otel_replay.storage.run_files import RunFiles

__all__ = ["open_span_names"]


def open_span_names(files: RunFiles, *, most_bytes: int) -> tuple[str, ...] | None:
    """The names of the spans that began and did not end, outermost first.

    Parameters
    ----------
    files:
        The run.
    most_bytes:
        Journals that are longer than this, all together, are not read.

    Returns
    -------
    tuple of str or None
        None for a run that was not read because it is too long.

    Raises
    ------
    StoreError, FormatError
        If a journal cannot be read, or is of a newer version.
    """
    if sum(os.stat(path).st_size for path in files.journals()) > most_bytes:
        return None
    book = SpanBook()
    for located in files.records():
        record = located.record
        if isinstance(record, SpanStart):
            book.begin(record, located.journal)
        elif isinstance(record, SpanUpdate):
            book.update(record)
        elif isinstance(record, SpanEnd):
            book.finish(record, located.journal)
    for _ in book.ended_elsewhere():
        pass
    return tuple(span.name for span in book.open.values())
