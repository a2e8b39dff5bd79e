"""What happens at one moment of a run: decisions, file accesses, checkpoints, artifacts, heartbeats.

Every function here may be called anywhere: where nothing records it returns at once, and it never raises.
"""

from __future__ import annotations

import functools
import logging
import mimetypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import otel_replay.storage.blobs  # noqa: F401 - later, a thread might be loading it while another one forks
from otel_replay.attributes import (
    ARTIFACT_EVENT,
    ARTIFACT_MEDIA_TYPE,
    ARTIFACT_NAME,
    ARTIFACT_PATH,
    ARTIFACT_SHA256,
    ARTIFACT_SIZE,
    CHECKPOINT_EVENT,
    CHECKPOINT_NAME,
    CHECKPOINT_SHA256,
    CHECKPOINT_SIZE,
    FILE_LINES,
    FILE_PATH,
    FILE_READ_EVENT,
    FILE_SIZE,
    FILE_WRITE_EVENT,
    HEARTBEAT_EVENT,
)
from otel_replay.errors import told
from otel_replay.interruptions import let_through
from otel_replay.orjson_loading import orjson
from otel_replay.recording.current import SPAN_KEY, get_context
from otel_replay.recording.joining import join_if_invited
from otel_replay.recording.orphans import open_span_here
from otel_replay.redaction import SKELETON_DROPS
from otel_replay.storage.active_runs import WRITERS
from otel_replay.storage.open_span import ROW_OFFSET, OpenSpan
from otel_replay.values import ORJSON_OPTIONS, Notes, normalise, to_json

__all__ = ["artifact", "checkpoint", "decision", "file_read", "file_write", "heartbeat"]

_log = logging.getLogger("otel_replay")
_F = TypeVar("_F", bound=Callable[..., None])
_dumps = orjson.dumps


def _lost(what: str, error: Exception) -> None:
    """Say that something was not recorded, and count it in its run. Never raises."""
    try:
        _log.warning("%s was not recorded: %s", what, told(error))
        span = open_span_here()
        if span is not None:
            span.writer.note_loss(f"{what}: {told(error)}")
    except Exception as raised:
        let_through(raised)
        # there is nobody left to tell


def _never_raises(function: _F) -> _F:
    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:
            let_through(error)
            _lost(function.__name__, error)

    return guarded  # type: ignore[return-value]  # wraps() forgets the type


def decision(action: str, reason: str, values: Any = None, cell: Any = None) -> None:
    """Record a decision in the current span.

    When the call returns, the decision survives the death of the process.

    Parameters
    ----------
    action:
        What was decided, e.g. `AFR_CORRECTION`.
    reason:
        Why, for a person.
    values:
        The values of the decision (before, after, limits), as a map; any Python values.
    cell:
        The subject of the decision, such as the cell of a table: `{"rpm": 2000, "kpa": 65}`.
    """
    if not WRITERS and not join_if_invited():
        return
    span: OpenSpan | None = None
    time_ns = None
    try:
        # Most decisions go no further than this: what `OpenSpan.decision` does with them, without calling it.
        span = get_context()[SPAN_KEY]._otel_replay  # type: ignore[attr-defined]  # our mark
        if values.__class__ is dict and cell.__class__ is dict and not span.heard:
            time_ns = span.now()
            row = ("decision", span.span_id, time_ns, action, reason, values, cell)
            line = _dumps(row, None, ORJSON_OPTIONS)
            if line[ROW_OFFSET:].translate(None, SKELETON_DROPS) in span.known:
                span.writer.journal.fast(line)  # type: ignore[union-attr]  # the next lines know what to do
                return
    except Exception as raised:
        let_through(raised)
        # no span, no journal yet, no room in it, nothing that JSON knows
    try:
        if span is None:
            span = open_span_here()
        if span is not None:
            span.decision(action, reason, values, cell, time_ns)
    except Exception as error:
        let_through(error)
        _lost("decision", error)


def _here() -> OpenSpan | None:
    return open_span_here() if WRITERS or join_if_invited() else None


@_never_raises
def file_read(
    path: str | os.PathLike[str], *, lines: int | None = None, size_bytes: int | None = None
) -> None:
    """Record that the program read a file: its lines if known, its size as it is now if not given."""
    _file_access(FILE_READ_EVENT, path, lines, size_bytes)


@_never_raises
def file_write(
    path: str | os.PathLike[str], *, lines: int | None = None, size_bytes: int | None = None
) -> None:
    """Record that the program wrote a file: its lines if known, its size as it is now if not given."""
    _file_access(FILE_WRITE_EVENT, path, lines, size_bytes)


def _file_access(name: str, path: str | os.PathLike[str], lines: int | None, size_bytes: int | None) -> None:
    span = _here()
    if span is None:
        return
    text = os.fspath(path)
    attributes: dict[str, Any] = {FILE_PATH: text}
    try:
        attributes[FILE_SIZE] = os.stat(text).st_size if size_bytes is None else size_bytes
    except (OSError, ValueError) as raised:
        let_through(raised)
        # a file that is gone again, or a name that is none: the access is recorded all the same
    if lines is not None:
        attributes[FILE_LINES] = lines
    span.event(name, attributes)


@_never_raises
def checkpoint(name: str, state: Any) -> None:
    """Record a named snapshot of state: its canonical JSON goes to a blob, its sha256 into the event."""
    span = _here()
    if span is not None:
        put_checkpoint(span, name, state)


def put_checkpoint(span: OpenSpan, name: str, state: Any) -> None:
    """As :func:`checkpoint`, in a given span."""
    writer = span.writer
    notes = Notes()
    value, redacted = writer.screen.redactor.redact(normalise(state, notes=notes))
    if redacted:
        notes.count("redacted", redacted)
    writer.count(notes)
    data = orjson.dumps(to_json(value), option=orjson.OPT_SORT_KEYS)
    sha256 = writer.put_blob(data)
    attributes: dict[str, Any] = {CHECKPOINT_NAME: writer.clean_text(name), CHECKPOINT_SIZE: len(data)}
    if sha256 is not None:
        attributes[CHECKPOINT_SHA256] = sha256
    span.event(CHECKPOINT_EVENT, attributes)


@_never_raises
def artifact(
    name: str, source: bytes | bytearray | str | os.PathLike[str], *, media_type: str | None = None
) -> None:
    """Record a named output of the run and keep its bytes.

    Parameters
    ----------
    name:
        The artifact's name, e.g. `VE_Correction_Delta.csv`.
    source:
        The bytes themselves, or the path of a file to copy (a `str` is a path).
    media_type:
        Guessed from the name unless given.
    """
    span = _here()
    if span is not None:
        put_artifact(span, name, source, media_type)


def put_artifact(
    span: OpenSpan,
    name: str,
    source: bytes | bytearray | str | os.PathLike[str],
    media_type: str | None,
) -> None:
    """As :func:`artifact`, in a given span. The bytes are an output of the program: kept as they are."""
    name = span.writer.clean_text(name)
    attributes: dict[str, Any] = {ARTIFACT_NAME: name}
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        sha256 = span.writer.put_blob(data)
        kept = (sha256, len(data)) if sha256 is not None else None
    else:
        path = Path(source)
        attributes[ARTIFACT_PATH] = str(path)
        kept = span.writer.put_file(path)
    if kept is not None:
        attributes[ARTIFACT_SHA256], attributes[ARTIFACT_SIZE] = kept
    guessed = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    attributes[ARTIFACT_MEDIA_TYPE] = guessed
    span.event(ARTIFACT_EVENT, attributes)


@_never_raises
def heartbeat(**attributes: Any) -> None:
    """Record a sign of life, with anything worth saying along with it."""
    span = _here()
    if span is not None:
        span.event(HEARTBEAT_EVENT, attributes)
