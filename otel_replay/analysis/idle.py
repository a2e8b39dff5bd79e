"""When nothing went on: no span open below the run's own, and pauses between decisions."""

from __future__ import annotations

__all__ = ["Idle"]


class Idle:
    """Follows spans and decisions in order of time; constant memory.

    A stretch is idle from the end of the last span below the root to the next sign of life: the next span's
    start, a decision, an event, a log record, or the end of the run. Before the first span below the root
    nothing counts: a run without any has its work in the root itself.
    """

    def __init__(self) -> None:
        self.total_ns = 0
        self.longest_ns = 0
        self.longest_since_ns = 0
        self.stretches = 0
        self.longest_pause_ns = 0
        self.longest_pause_since_ns = 0
        self._open = 0
        self._since_ns: int | None = None
        self._decided_ns: int | None = None

    def begin(self, time_ns: int) -> None:
        """A span below the root began."""
        self.sign_of_life(time_ns)
        self._since_ns = None
        self._open += 1

    def end(self, time_ns: int) -> None:
        """A span below the root ended."""
        self._open = max(0, self._open - 1)
        if self._open == 0:
            self._since_ns = time_ns

    def sign_of_life(self, time_ns: int) -> None:
        """Something happened."""
        since_ns = self._since_ns
        if since_ns is None or self._open:
            return
        length_ns = time_ns - since_ns
        if length_ns > 0:
            self.total_ns += length_ns
            self.stretches += 1
            if length_ns > self.longest_ns:
                self.longest_ns, self.longest_since_ns = length_ns, since_ns
        self._since_ns = max(since_ns, time_ns)

    def decision(self, time_ns: int) -> None:
        """A decision was made."""
        self.sign_of_life(time_ns)
        if self._decided_ns is not None and time_ns - self._decided_ns > self.longest_pause_ns:
            self.longest_pause_ns = time_ns - self._decided_ns
            self.longest_pause_since_ns = self._decided_ns
        self._decided_ns = time_ns
