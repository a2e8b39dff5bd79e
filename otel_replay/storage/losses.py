"""What could not be kept: counted, told once on the log, and written down as soon as there is room."""

from __future__ import annotations

import threading

from otel_replay import json_bytes, log
from otel_replay.clock import Clock
from otel_replay.storage.journal import Journal
from otel_replay.values import ORJSON_OPTIONS

__all__ = ["Losses", "try_reserved"]

_LONGEST_REASON = 200
_MOST_REASONS = 50


class Losses:
    """The losses of one run in one process."""

    def __init__(self, run_id: str, clock: Clock) -> None:
        self.by_reason: dict[str, int] = {}
        self._run_id = run_id
        self._clock = clock
        self._written = 0
        # A signal handler or a destructor may come in between and lose a record itself.
        self.lock = threading.RLock()

    @property
    def total(self) -> int:
        """Records that could not be kept."""
        return sum(self.by_reason.values())

    def note(self, reason: str, journal: Journal | None) -> None:
        """Count one record. At 1, 10, 100, … the journal's reserve takes a line, in case there is no end."""
        reason = reason.encode("utf-8", "backslashreplace").decode()
        line = b""
        with self.lock:
            if len(self.by_reason) >= _MOST_REASONS and reason not in self.by_reason:
                reason = "for many other reasons"
            first = reason not in self.by_reason
            self.by_reason[reason] = self.by_reason.get(reason, 0) + 1
            total = self.total
            unwritten = total - self._written
            if str(total).strip("0") == "1" and journal is not None:
                line = self._line(unwritten, reason)
                self._written += unwritten
        # Not under the lock: who holds the journal's may be about to note a loss itself.
        if line and journal is not None and not try_reserved(journal, line):
            with self.lock:
                self._written -= unwritten
        if first:
            log.warning("run %s: could not keep a record: %s (the program goes on)", self._run_id, reason)

    def last_line(self) -> bytes:
        """The losses that no line tells of yet, as a line for the journal's end; empty if there are none."""
        with self.lock:
            unwritten = self.total - self._written
            if not unwritten:
                return b""
            self._written += unwritten
            return self._line(unwritten, max(self.by_reason, key=lambda reason: self.by_reason[reason]))

    def _line(self, records: int, reason: str) -> bytes:
        body = {"kind": "loss", "t": self._clock(), "records": records, "reason": reason[:_LONGEST_REASON]}
        return json_bytes.dumps(body, None, ORJSON_OPTIONS)


def try_reserved(journal: Journal, line: bytes) -> bool:
    """Write a last line into the room that is kept for those; False if that cannot be. Never raises."""
    try:
        return journal.append_reserved(line)
    except (OSError, ValueError):
        return False
