"""A time scale: round numbers at the places where they belong."""

from __future__ import annotations

from otel_replay.cli.people import duration

__all__ = ["scale"]

_CELLS_PER_MARK = 12


def scale(length_ns: int, cells: int) -> str:
    """A line of `cells` characters with a mark and a time every so often, `0` at its beginning."""
    step_ns = _round_step(length_ns, max(1, cells // _CELLS_PER_MARK))
    line = ["─" if False else " "] * cells
    time_ns = 0
    while time_ns <= length_ns:
        at = round(time_ns / length_ns * cells)
        label = "0" if time_ns == 0 else duration(time_ns)
        text = f"╷{label}"
        if at + len(text) <= cells:
            line[at : at + len(text)] = text
        time_ns += step_ns
    return "".join(line)


def _round_step(length_ns: int, most_marks: int) -> int:
    """The smallest of 1, 2 or 5 times a power of ten (or of a minute) that gives no more marks than that."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if length_ns / (step * factor) <= most_marks:
                return step * factor
        step *= 10
