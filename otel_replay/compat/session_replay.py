"""The recorder of DynoAI's tuner as its programs know it, and its viewer as `python -m` of this module.

`log_decision` records a decision in the current run, or in one that begins by itself: it is on the disk when
the call returns. `write_session_replay` writes what was logged since `clear_session_log`, and registers the
file in the manifest beside it.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from otel_replay.clock import SYSTEM_CLOCK
from otel_replay.errors import FormatError, StoreError, told
from otel_replay.formats import session_replay
from otel_replay.recording.ensured import end_ensured_run, ensured_run, ensured_span
from otel_replay.recording.moments import file_write
from otel_replay.records import Decision
from otel_replay.storage.atomic import open_atomically
from otel_replay.storage.finalise import SESSION_REPLAY_NAME, resolve_text
from otel_replay.storage.foreign_manifest import register_output
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_files import RunFiles
from otel_replay.values import normalise

__all__ = ["clear_session_log", "get_session_log", "log_decision", "main", "write_session_replay"]

_log = logging.getLogger("otel_replay")
_lock = threading.Lock()
_places: dict[Path, dict[str, int]] = {}
"""The directories of the runs that the log is in, and the lines of their journals that are not part of it."""
_unrecorded: list[Decision] = []
"""What no run has taken: recording is switched off, or the store cannot be written."""


def log_decision(
    action: str,
    reason: str,
    values: dict[str, Any] | None = None,
    cell: dict[str, int] | None = None,
) -> None:
    """Log a decision made during processing for session replay.

    Parameters
    ----------
    action:
        Action performed (e.g. `AFR_CORRECTION`, `SMOOTHING`).
    reason:
        Reason for the action.
    values:
        The values involved (before, after).
    cell:
        The cell: rpm and kpa, or their indices.
    """
    try:
        span = ensured_span()
        if span is not None and _take(span, action, reason, values, cell):
            return
        plain = [None if given is None else normalise(given) for given in (values, cell)]
        decision = Decision(
            time_ns=SYSTEM_CLOCK(),
            span_id="",
            action=str(action),
            reason=str(reason),
            values=plain[0],
            cell=plain[1],
        )
        with _lock:
            _unrecorded.append(decision)
    except Exception as error:
        _log.warning("a decision was not logged: %s", told(error))


def _take(span: OpenSpan, action: str, reason: str, values: Any, cell: Any) -> bool:
    span.decision(action, reason, values, cell)
    writer = span.writer
    if writer.journal is None:
        return False  # the store could not be written, which is told: the log itself goes on in memory
    if writer.directory not in _places:
        with _lock:
            _places.setdefault(writer.directory, {})
    return True


def get_session_log() -> list[dict[str, Any]]:
    """Get a copy of the current session log (thread-safe): what `write_session_replay` would write."""
    stream = io.BytesIO()
    _write(stream, "")
    decisions: list[dict[str, Any]] = json.loads(stream.getvalue())["decisions"]
    return decisions


def clear_session_log() -> None:
    """Clear the session log (thread-safe). What was recorded stays in its run."""
    own = ensured_run()
    ended = Path(own.directory) if own is not None else None
    end_ensured_run()
    with _lock:
        _unrecorded.clear()
        if ended is not None:
            _places.pop(ended, None)
        for directory, before in _places.items():
            for item in RunFiles(directory).records():
                before[item.journal] = max(item.line, before.get(item.journal, 0))


def write_session_replay(outdir: str | Path, run_id: str) -> None:
    """Write session replay log to JSON file, whole or not at all, and register it in `manifest.json` there.

    Parameters
    ----------
    outdir:
        Output directory path; made if it is not there.
    run_id:
        Run identifier for the session.

    Raises
    ------
    OSError
        If it cannot be written. A manifest that is damaged is left as it is, which is told on the log.
    """
    path = Path(outdir) / SESSION_REPLAY_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open_atomically(path) as stream:
            _write(stream, run_id)
        register_output(path, schema="session_replay")
    except StoreError as error:
        raise OSError(str(error)) from error
    except FormatError as error:
        _log.warning("%s was written, and is in no manifest: %s", path, error)
    file_write(path)


def _write(stream: Any, run_id: str) -> None:
    with _lock:
        places = {directory: dict(before) for directory, before in _places.items()}
        unrecorded = list(_unrecorded)
    runs = [RunFiles(directory) for directory in places]
    decisions = [
        *(decision for files in runs for decision in _decisions(files, places[files.directory])),
        *unrecorded,
    ]
    if len(runs) + bool(unrecorded) > 1:
        decisions.sort(key=lambda decision: decision.time_ns)
    resolvers = [resolve_text(files.blobs) for files in runs]

    def resolve(value: Mapping[str, Any]) -> Any:
        for one in resolvers:
            shown = one(value)
            if shown is not value:
                return shown
        return value

    session_replay.write(
        stream,
        run_id=run_id,
        generated_ns=SYSTEM_CLOCK(),
        decisions=decisions,
        total=len(decisions),
        resolve=resolve,
    )


def _decisions(files: RunFiles, before: Mapping[str, int]) -> Iterator[Decision]:
    for item in files.records():
        if isinstance(item.record, Decision) and item.line > before.get(item.journal, 0):
            yield item.record


def main(arguments: list[str] | None = None) -> int:
    """The viewer: `python -m otel_replay.compat.session_replay FILE`. Returns its exit code."""
    from otel_replay.compat.session_replay_viewer import view

    return view(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
