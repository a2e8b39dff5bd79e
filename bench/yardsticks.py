"""What decisions are compared with, written out: the seed's in-memory log, and a plain log file.

The first one is `log_decision` of the seed (`000`): "ISO 8601 timestamps with millisecond precision", "uses
locks", a list of dicts in memory that is written at the end of the session, and lost if there is no such end.
"""

from __future__ import annotations

import json
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

__all__ = ["JsonLog", "SeedLog"]


class SeedLog:
    """Timestamp text, dict, lock, list append."""

    def __init__(self) -> None:
        self._session_log: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def log_decision(
        self,
        action: str,
        reason: str,
        values: dict[str, Any] | None = None,
        cell: dict[str, Any] | None = None,
    ) -> None:
        """Log a decision made during processing for session replay."""
        timestamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry: dict[str, Any] = {"timestamp": timestamp, "action": action, "reason": reason}
        if values is not None:
            entry["values"] = values
        if cell is not None:
            entry["cell"] = cell
        with self._lock:
            self._session_log.append(entry)

    def write_session_replay(self, directory: Path, run_id: str) -> None:
        """Write session replay log to JSON file."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._lock:
            document = {
                "schema_version": "1.0",
                "run_id": run_id,
                "generated_at": now,
                "total_decisions": len(self._session_log),
                "decisions": list(self._session_log),
            }
        with open(directory / "session_replay.json", "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=2)

    def clear(self) -> None:
        """Clear the session log."""
        with self._lock:
            self._session_log.clear()


class JsonLog:
    """What a program does that must survive `kill -9` and has only the standard library: a line, flushed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def log_decision(
        self,
        action: str,
        reason: str,
        values: dict[str, Any] | None = None,
        cell: dict[str, Any] | None = None,
    ) -> None:
        """As the seed's, but to a file at once."""
        timestamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry: dict[str, Any] = {"timestamp": timestamp, "action": action, "reason": reason}
        if values is not None:
            entry["values"] = values
        if cell is not None:
            entry["cell"] = cell
        with self._lock:
            self._stream.write(json.dumps(entry) + "\n")
            self._stream.flush()
