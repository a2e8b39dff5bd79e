"""Numbers and lengths of time in words, and text that hides nothing: alike on the terminal and on pages."""

from __future__ import annotations

import re

__all__ = ["counted", "duration", "three_digits", "visible"]

_SECOND_NS = 1_000_000_000
_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, ESC among them, and their 8-bit forms
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks and switches of the reading direction
    "\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # invisible, or another line
    "\U000e0000-\U000e007f"  # tags: text that nobody sees
    "\ud800-\udfff"
    "]"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}


def counted(count: int, word: str, many: str | None = None) -> str:
    """`1 span`, `5,000 spans`."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def duration(time_ns: int) -> str:
    """A length of time with three digits: `850 ns`, `12.3 µs`, `92.3 ms`, `3.21 s`, `4m05s`, `2h14m`."""
    for limit, unit, word in ((1_000, 1, "ns"), (1_000_000, 1_000, "µs"), (_SECOND_NS, 1_000_000, "ms")):
        # What would be rounded to 1000 of a unit is told in the next one.
        if time_ns < limit - unit * 0.5 or (unit == 1 and time_ns < limit):
            return f"{three_digits(time_ns / unit)} {word}"
    seconds = time_ns / _SECOND_NS
    if seconds < 59.95:
        return f"{three_digits(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02d}h" if days < 1000 else f"{days}d"


def three_digits(number: float) -> str:
    """A number with the digits that count: `1.31`, `12.3`, `850`."""
    if number >= 99.95 or number == int(number):
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"


def visible(text: str) -> str:
    """`text` as one line that shows every character; what hides or turns text is an escape sequence."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
