"""Bars, ticks and sparklines out of block characters; the screen has others for terminals without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from otel_replay.cli.terminal import Screen, Text

__all__ = ["bar", "count_bars", "sparkline", "squeeze", "stretch"]

_EIGHTHS = "▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_WIDEST_BAR = 30


def bar(share: float, cells: int) -> str:
    """A bar from the left that takes `share` of so many cells; what is above zero is never invisible."""
    if share <= 0:
        return ""
    whole, part = divmod(max(1, round(share * cells * 8)), 8)
    return "█" * whole + (_EIGHTHS[part - 1] if part else "")


def stretch(begin: float, end: float, cells: int) -> str:
    """A bar from `begin` to `end` (shares of the width), padded to `cells`; the shortest one is a tick."""
    begin, end = min(max(begin, 0.0), 1.0), min(max(end, 0.0), 1.0)
    left, right = round(begin * cells * 8), round(end * cells * 8)
    first, within = divmod(min(left, cells * 8 - 1), 8)
    if right - left < 8:
        # Less than a cell wide: a tick in the half of the cell in which it begins.
        tick = "▐" if within >= 4 else _EIGHTHS[max(0, min(right - left, 8 - within, 4) - 1)]
        return (" " * first + tick).ljust(cells)
    text = " " * first
    if within:
        # Blocks fill from the left only; the half block is the one that begins late.
        text += "▐" if within <= 5 else " "
    whole, part = divmod(right, 8)
    text += "█" * (whole - len(text))
    if part and len(text) < cells:
        text += _EIGHTHS[part - 1]
    return text.ljust(cells)


def sparkline(counts: Sequence[int]) -> str:
    """One character for each count, as high as its share of the largest; a blank for zero."""
    most = max(counts, default=0)
    return "".join(" " if not count else _LEVELS[count * len(_LEVELS) // (most + 1)] for count in counts)


def squeeze(counts: Sequence[int], cells: int) -> Sequence[int]:
    """The counts in at most so many cells: neighbours are joined until they fit."""
    while len(counts) > cells:
        counts = [sum(counts[at : at + 2]) for at in range(0, len(counts), 2)]
    return counts


def count_bars(counts: Sequence[tuple[str, int]], screen: Screen) -> Iterator[Text]:
    """Names with their counts and a bar for each, for lists from the largest to the smallest."""
    if not counts:
        return
    most = max(count for _, count in counts)
    number_width = len(f"{most:,}")
    longest = max(Text(name).width for name, _ in counts)
    name_width = min(longest, max(12, screen.columns - number_width - 14)) if screen.is_terminal else longest
    cells = min(_WIDEST_BAR, screen.columns - name_width - number_width - 6)
    for name, count in counts:
        line = Text("  ").join(Text((name, "action")).fit(name_width, screen.ellipsis)).pad(2 + name_width)
        line.add(f"  {count:>{number_width},}")
        if cells >= 4:
            line.add("  ").add(bar(count / most, cells), "dim")
        yield line
