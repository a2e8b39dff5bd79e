"""What is written for programs, where a terminal gets it: nothing recorded can act upon that.

Into a pipe or a file the bytes stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import BinaryIO, Protocol

from otel_replay.wording import visible

__all__ = ["ACTS", "Sink", "TerminalCsv", "TerminalJson", "json_escape"]

ACTS = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
"""What a terminal would act upon and JSON lets stand: delete, C1 controls, directions, line separators."""


class Sink(Protocol):
    """What takes lines of bytes."""

    def write(self, data: bytes, /) -> object:
        """Take some."""

    def writelines(self, lines: Iterable[bytes], /) -> None:
        """Take several."""


def json_escape(found: re.Match[bytes]) -> bytes:
    """A match of `ACTS` as it may stand in JSON, which says the same then."""
    return b"\\u%04x" % ord(found.group().decode())


class TerminalJson:
    """JSON for a terminal: what that would act upon is written as JSON's own escape."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        """Write whole lines, or text that is ASCII."""
        self._stream.write(ACTS.sub(json_escape, data))

    def writelines(self, lines: Iterable[bytes]) -> None:
        """Write lines as they come."""
        for line in lines:
            self.write(line)


class TerminalCsv(TerminalJson):
    """Rows of CSV for a terminal, each on one line: what hides or turns text is shown as an escape."""

    def write(self, data: bytes) -> None:
        """Write one row."""
        row = data.decode("utf-8", "backslashreplace").rstrip("\r\n")
        self._stream.write(visible(row).encode("utf-8", "backslashreplace") + b"\n")
