"""All text that a person sees goes through here: escaped, measured in terminal cells, coloured or not.

Recorded values come from other programs and may hold anything. `escape` is the only way onto a terminal:
what could move the cursor, change colours or turn the reading direction is shown as an escape sequence.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import TextIO

from otel_replay.wording import visible as escape

__all__ = ["Piece", "Screen", "Text", "cut", "cut_inside", "escape", "stderr", "stdout", "width"]

_CODES = {
    "bold": "1",
    "dim": "2",
    "key": "36",
    "action": "33",
    "finished": "32",
    "failed": "31",
    "running": "34",
    "interrupted": "33",
    "open": "33",
    "run": "1",
    "task": "34",
    "tool call": "35",
    "generation": "36",
    "agent": "32",
    "other": "37",
    "added": "32",
    "removed": "31",
    "changed": "33",
    "moved": "36",
    "not reached": "34",
    # What a cell of a grid has more or less, on a background of its own.
    **{f"up {strength}": f"97;48;5;{colour}" for strength, colour in enumerate((52, 88, 124), 1)},
    **{f"down {strength}": f"97;48;5;{colour}" for strength, colour in enumerate((17, 18, 20), 1)},
}

_PLAIN = str.maketrans(
    {
        "…": "...",
        "µ": "u",
        "·": "-",
        "◆": "*",
        "→": "->",
        "✓": "+",
        "✗": "x",
        "├": "|",
        "└": "`",
        "│": "|",
        "─": "-",
        "╷": "|",
    }
    | {"▒": "="}
    | dict.fromkeys("▏▎▍▌", "|")
    | dict.fromkeys("▋▊▉█▐", "#")
    | dict(zip("▁▂▃▄▅▆▇", "_.-=+*%", strict=True))
)
"""What stands for our own characters on a terminal that has only ASCII."""

Piece = str | tuple[str, str]
"""Text, or text with the name of a style."""


def width(text: str) -> int:
    """How many cells `text` takes in a terminal: two for a CJK character or an emoji."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, cells: int, ellipsis: str = "…") -> str:
    """`text` in at most so many cells; what was cut shows by an ellipsis."""
    if width(text) <= cells:
        return text
    room = cells - len(ellipsis)
    if room < 0:
        return ""
    if text.isascii():
        return text[:room] + ellipsis
    kept = text[:room]
    while width(kept) > room:
        kept = kept[:-1]
    return kept + ellipsis


_LEAST_INSIDE = 16
"""Cells from which on a text is cut inside."""


def cut_inside(text: str, cells: int, ellipsis: str = "…") -> str:
    """As :func:`cut`, with the end kept: long names begin alike, and differ where they end."""
    if width(text) <= cells:
        return text
    room = cells - len(ellipsis)
    if room < _LEAST_INSIDE:
        return cut(text, cells, ellipsis)
    end = text[-(room // 2) :]
    while width(end) > room // 2:
        end = end[1:]
    return cut(text, room - width(end) + len(ellipsis), ellipsis) + end


class Text:
    """A line of pieces, each with a style. Every piece is escaped when it is added."""

    __slots__ = ("pieces", "width")

    def __init__(self, *pieces: Piece) -> None:
        self.pieces: list[tuple[str, str]] = []
        self.width = 0
        for piece in pieces:
            self.add(*((piece,) if isinstance(piece, str) else piece))

    def add(self, text: str, style: str = "") -> Text:
        """Add text at the end."""
        if text.isascii() and text.isprintable():
            self.width += len(text)
        else:
            text = escape(text)
            self.width += width(text)
        self.pieces.append((text, style))
        return self

    def join(self, other: Text) -> Text:
        """Add all pieces of another line."""
        self.pieces += other.pieces
        self.width += other.width
        return self

    def pad(self, cells: int) -> Text:
        """Fill up with blanks."""
        missing = cells - self.width
        return self.add(" " * missing) if missing > 0 else self

    def fit(self, cells: int, ellipsis: str = "…") -> Text:
        """The line in at most so many cells."""
        if self.width <= cells:
            return self
        fitted = Text()
        for text, style in self.pieces:
            room = cells - fitted.width
            # The ellipsis must stand even where this piece alone would just fit.
            if width(text) > room - len(ellipsis):
                return fitted.add(cut(text + ellipsis * 2, room, ellipsis), style)
            fitted.add(text, style)
        return fitted


class Screen:
    """One output stream: how wide it is, whether it takes colours, which characters it can show.

    Parameters
    ----------
    stream:
        Where lines go. Where its encoding lacks our characters, plain ones stand for them.
    columns:
        The width; by default the terminal's, or 100 where there is none.
    may_be_forced:
        Whether `FORCE_COLOR` counts: for what a person is shown, not for text that is kept.
    """

    def __init__(self, stream: TextIO, columns: int | None = None, *, may_be_forced: bool = False) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty()
        self.colour = _wants_colour(self.is_terminal, may_be_forced)
        self.columns = columns or shutil.get_terminal_size((100, 24)).columns
        self._plain = not _can_encode(stream, "".join(map(chr, _PLAIN)))
        self.ellipsis = "..." if self._plain else "…"

    def print(self, *pieces: Piece) -> None:
        """Write one line, of any length."""
        self.write(Text(*pieces))

    def write(self, line: Text) -> None:
        """Write one line, of any length."""
        self._stream.write(self._painted(line) + "\n")

    def write_fitted(self, line: Text) -> None:
        """Write one line, cut to the terminal's width; where there is no terminal it stays whole."""
        self.write(line.fit(self.columns, self.ellipsis) if self.is_terminal else line)

    def write_all(self, lines: Iterable[Text]) -> None:
        """Write many lines."""
        for line in lines:
            self.write(line)

    def overwrite(self, text: str) -> None:
        """Put a line in the place of the one that was put there before; an empty one takes it away."""
        self._stream.write("\r\x1b[K" + cut(escape(text), self.columns - 1, self.ellipsis))
        self._stream.flush()

    def flush(self) -> None:
        """Let everything be seen now."""
        self._stream.flush()

    def _painted(self, line: Text) -> str:
        if self.colour:
            painted = "".join(
                f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style in _CODES and text else text
                for text, style in line.pieces
            )
        else:
            painted = "".join([text for text, _ in line.pieces])
        return painted.translate(_PLAIN).rstrip() if self._plain else painted.rstrip()


def _wants_colour(is_terminal: bool, may_be_forced: bool) -> bool:
    """As pytest decides it: `NO_COLOR` counts first, then `FORCE_COLOR` (for logs of a CI), then `TERM`."""
    if os.environ.get("NO_COLOR"):
        return False
    if may_be_forced and os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal and os.environ.get("TERM") != "dumb"


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def stdout() -> Screen:
    """The screen of standard output, for what was asked for."""
    return Screen(sys.stdout, may_be_forced=True)


def stderr() -> Screen:
    """The screen of standard error, for hints, progress and errors."""
    return Screen(sys.stderr, may_be_forced=True)
