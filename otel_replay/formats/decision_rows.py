"""Decisions from a journal's lines to the text of session_replay, many at a time, without records between.

Most decisions are arrays of ordinary values. Their lines are read as one JSON document and written as
another, which takes a fifth of the time that one by one takes. Where the text would not be that of
`json.dump(indent=2)`, or something must be looked at, nothing is given, and they go the careful way.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from otel_replay.attributes import BLOB
from otel_replay.clock import iso_milliseconds
from otel_replay.formats.json_text import ITEMS_HEAD, ITEMS_TAIL

__all__ = ["items_text"]

_SHAPES: dict[tuple[type, ...], int] = {
    (str, str, int, str, str): 0,
    (str, str, int, str, str, dict): 1,
    (str, str, int, str, str, dict, dict): 2,
    (str, str, int, str, str, int, dict): 3,
}
"""The types of a row. An array of another shape is none that we write."""

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_STRICT_INTEGER
_BLOB_KEY = f'"{BLOB}"'.encode()
_SMALL_EXPONENT = re.compile(rb"\de-\d")


def items_text(lines: list[bytes]) -> bytes | None:
    """The decisions in `lines` as they stand in the list of a session_replay document; None: not that way."""
    try:
        rows = orjson.loads(b"[%b]" % b",".join(lines))
        if len(rows) != len(lines):
            return None
        data = orjson.dumps({"": _entries(rows)}, option=_OPTIONS)[ITEMS_HEAD:-ITEMS_TAIL]
    except (TypeError, ValueError, KeyError, OverflowError, OSError):
        return None  # damage, numbers of more than 53 bits, times beyond the calendar
    return data if _is_as_json_writes_it(data) else None


def _entries(rows: list[Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    second, prefix = -1, ""
    for row in rows:
        shape = _SHAPES[tuple(map(type, row))]
        if row[0] != "decision":
            raise ValueError
        this_second, rest_ns = divmod(row[2], 1_000_000_000)
        if this_second != second:
            second, prefix = this_second, iso_milliseconds(row[2])[:-4]
        time = f"{prefix}{rest_ns // 1_000_000:03d}Z"
        entry = {"timestamp": time, "action": row[3], "reason": row[4]}
        if shape == 2:
            entry["values"], entry["cell"] = row[5], row[6]
        elif shape == 1:
            entry["values"] = row[5]
        elif shape == 3:
            if row[5]:
                raise ValueError
            entry["cell"] = row[6]
        entries.append(entry)
    return entries


def _is_as_json_writes_it(data: bytes) -> bool:
    """No text to be escaped, no float below 0.0001, no value in a form of ours, and no blob to be shown."""
    return (
        data.isascii()
        and b"\x7f" not in data
        and b'"$' not in data
        and b"0.0000" not in data
        and _BLOB_KEY not in data
        and not (b"e-" in data and _SMALL_EXPONENT.search(data))
    )
