"""Any text as the value of an HTTP header, and back: percent-encoded where a header could not hold it.

The rule: of the text's UTF-8 bytes those of printable ASCII stand for themselves, but for `%`, and for blanks
at either end, which HTTP would drop; every other byte is `%XX`. So plain text stays readable, JavaScript's
`decodeURIComponent` and Python's `urllib.parse.unquote` give the exact text, and no value ends its line.
"""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["LONGEST_BYTES", "header_text"]

LONGEST_BYTES = 4_096
"""Clients and proxies refuse longer lines."""
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def header_text(text: str, *, longest_bytes: int = LONGEST_BYTES) -> tuple[str, bool]:
    """`text` as a header's value, and whether it had to be cut (behind a whole character).

    Parameters
    ----------
    longest_bytes:
        How long the value may be.
    """
    coded = [quote(character, safe=_PLAIN, errors="replace") for character in text[: longest_bytes + 1]]
    size = 0
    for number, piece in enumerate(coded):
        size += len(piece)
        if size > longest_bytes:
            return _edged(coded[:number]), True
    return _edged(coded), False


def _edged(coded: list[str]) -> str:
    value = "".join(coded)
    inner = value.strip(" ")
    before = len(value) - len(value.lstrip(" "))
    after = len(value) - before - len(inner)
    return "%20" * before + inner + "%20" * after
