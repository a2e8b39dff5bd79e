"""Decisions from a journal's lines to the text of session_replay, many at a time, without records between.

Most decisions are arrays of ordinary values. Their lines are read as one JSON document and written as
another, which takes a fifth of the time that one by one takes. Where the text would not be that of
`json.dump(indent=2)`, or something must be looked at, nothing is given, and they go the careful way.
"""

from __future__ import annotations

import codecs
from itertools import zip_longest

from otel_replay.attributes import BLOB
from otel_replay.clock import iso_milliseconds
from otel_replay.formats.json_text import ITEMS_HEAD, ITEMS_TAIL
from otel_replay.late import late
from otel_replay.orjson_loading import orjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["items_text"]

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_STRICT_INTEGER
_BLOB = BLOB.encode()
_ESCAPED = "otel_replay.json"
_SMALL_EXPONENT = late(rb"\de-\d")


def items_text(lines: list[bytes]) -> bytes | None:
    """The decisions in `lines` as they stand in the list of a session_replay document; None: not that way."""
    try:
        text = b",".join(lines)
        if not _is_written_alike(text):
            return None
        rows = orjson.loads(b"[%b]" % text)
        if len(rows) != len(lines):
            return None
        data = orjson.dumps({"": _entries(rows)}, option=_OPTIONS)[ITEMS_HEAD:-ITEMS_TAIL]
        if not data.isascii():
            data = data.decode().encode("ascii", _ESCAPED)
    except (TypeError, ValueError, KeyError, OverflowError, OSError):
        return None  # damage, numbers of more than 53 bits, times beyond the calendar
    return data


def _entries(rows: list[Any]) -> list[dict[str, Any]]:
    _check(rows)
    entries: list[dict[str, Any]] = []
    second, prefix = -1, ""
    for row in rows:
        this_second, rest_ns = divmod(row[2], 1_000_000_000)
        if this_second != second:
            second, prefix = this_second, iso_milliseconds(row[2])[:-4]
        entry = {
            "timestamp": prefix + _MILLISECONDS[rest_ns // 1_000_000],
            "action": row[3],
            "reason": row[4],
        }
        length = len(row)
        # 0 stands for values that are not there before a cell that is.
        if length == 7:
            if row[5] != 0:
                entry["values"] = row[5]
            entry["cell"] = row[6]
        elif length == 6 and row[5] != 0:
            entry["values"] = row[5]
        entries.append(entry)
    return entries


_MILLISECONDS = tuple(f"{number:03d}Z" for number in range(1000))


def _check(rows: list[Any]) -> None:
    """TypeError or ValueError for anything that is not a row as we write it."""
    columns = list(zip_longest(*rows, fillvalue=_ABSENT))
    if set(columns[0]) != {"decision"} or not 5 <= len(columns) <= 7:
        raise ValueError
    for column, allowed in zip(columns[1:], _TYPES, strict=False):
        if not set(map(type, column)) <= allowed:
            raise TypeError
    if len(columns) > 5 and not all(value == 0 for value in columns[5] if type(value) is int):
        raise ValueError


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Letters that are not ASCII as `json.dump` writes them: outside of texts there are none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end


codecs.register_error(_ESCAPED, _escaped)


class _Absent:
    """What a shorter row does not have."""


_ABSENT = _Absent()
_TYPES: tuple[set[type], ...] = ({str}, {int}, {str}, {str}, {dict, int, _Absent}, {dict, _Absent})


def _is_written_alike(text: bytes) -> bool:
    """Whether it is without escapes, floats below 0.0001, values in a form of ours, and blobs."""
    return (
        b"\x7f" not in text
        and b"\\" not in text
        and b"$" not in text
        and b"0.0000" not in text
        and _BLOB not in text
        and not (b"e-" in text and _SMALL_EXPONENT.search(text))
    )
