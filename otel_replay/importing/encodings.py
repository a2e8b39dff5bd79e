"""Text as Windows writes it: with a byte order mark, or in UTF-16, as PowerShell's `>` does.

JSON is UTF-8 without a mark (RFC 8259, 8.1); a reader may take it with one. What is no such text stays so.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

__all__ = ["in_utf8"]

_LOOKED_AT_BYTES = 4
_MARKS = ((codecs.BOM_UTF8, ""), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_BARE = (
    (re.compile(rb"[{\[]\0[\t-~]\0", re.DOTALL), "utf-16-le"),
    (re.compile(rb"\0[{\[]\0[\t-~]", re.DOTALL), "utf-16-be"),
)
"""How JSON begins in UTF-16 without a mark: two characters of ASCII, of which the first opens something."""


def in_utf8(pieces: Iterator[bytes], damage: list[str]) -> Iterator[bytes]:
    """Pieces of a file without its byte order mark; of text in UTF-16 the same text in UTF-8.

    Parameters
    ----------
    pieces:
        The file, from its beginning.
    damage:
        Gets what of it is no such text, as soon as that is known.
    """
    start = b""
    while len(start) < _LOOKED_AT_BYTES and (piece := next(pieces, b"")):
        start += piece
    mark, encoding = _found(start)
    if encoding:
        yield from _decoded(start[len(mark) :], pieces, encoding, damage)
        return
    yield start[len(mark) :]
    yield from pieces


def _found(start: bytes) -> tuple[bytes, str]:
    """The mark that a file begins with, and the encoding where it is not UTF-8."""
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return mark, encoding
    return b"", next((encoding for pattern, encoding in _BARE if pattern.match(start)), "")


def _decoded(start: bytes, pieces: Iterator[bytes], encoding: str, damage: list[str]) -> Iterator[bytes]:
    # Half of a pair passes as what it is: whoever reads its line says that it is damaged.
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    yield decoder.decode(start).encode("utf-8", "surrogatepass")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    try:
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        damage.append("the file is cut off: its last character is not whole")
