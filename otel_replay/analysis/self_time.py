"""How long a span worked itself: its duration less the stretches in which any of its children ran."""

from __future__ import annotations

__all__ = ["SelfTime"]


class SelfTime:
    """Follows open spans as they start and end, in order of time. Children that overlap count once."""

    def __init__(self) -> None:
        # Span id -> [children that run, when the first of them began, time covered by children].
        self._open: dict[str, list[int]] = {}

    def begin(self, span_id: str, parent_id: str, time_ns: int) -> None:
        """A span started."""
        self._open[span_id] = [0, 0, 0]
        parent = self._open.get(parent_id)
        if parent is not None:
            if parent[0] == 0:
                parent[1] = time_ns
            parent[0] += 1

    def end(self, span_id: str, parent_id: str, time_ns: int, duration_ns: int) -> int:
        """A span ended; returns the time it took itself."""
        parent = self._open.get(parent_id)
        if parent is not None and parent[0] > 0:
            parent[0] -= 1
            if parent[0] == 0:
                parent[2] += max(0, time_ns - parent[1])
        running, since_ns, covered_ns = self._open.pop(span_id, [0, 0, 0])
        if running:
            # A child outlives the span: until here it was covered.
            covered_ns += max(0, time_ns - since_ns)
        return max(0, duration_ns - covered_ns)
