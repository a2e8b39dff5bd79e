"""Decisions as a table, after RFC 4180 in UTF-8: a row for each, a column for each of their names.

A table is for people, spreadsheets and data frames; types are not kept in it. What a field holds is exact:
text is not touched, also where it begins with `=`, `+`, `-` or `@`, which some spreadsheets take for a
formula. Tables of runs that are not trusted are opened as text.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from otel_replay.clock import iso_milliseconds
from otel_replay.formats.deep_json import dumps
from otel_replay.records import Decision
from otel_replay.values_json import to_json

__all__ = ["csv_rows"]

_ALWAYS = ("timestamp", "action", "reason")
_PARTS = ("values", "cell", "extra")
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


def csv_rows(decisions: Callable[[], Iterable[Decision]]) -> Iterator[bytes]:
    """The table, row by row, each with its line end (CR LF); the first names the columns.

    Columns are `timestamp, action, reason`, then `values.*`, `cell.*` and (where a decision has attributes of
    its own) `extra.*`, each group in the order in which its names were first seen. A decision without a value
    has an empty field; None is `null`, nested values are JSON, bytes base64.

    Parameters
    ----------
    decisions:
        Gives the decisions from the first on; called twice, because the columns stand before the rows.
    """
    columns = _columns(decisions())
    yield _row(map(_quoted, columns))
    rest = columns[len(_ALWAYS) :]
    for decision in decisions():
        cells = _cells(decision)
        fields = [iso_milliseconds(decision.time_ns), _quoted(decision.action), _quoted(decision.reason)]
        yield _row(fields + [_text(cells[name]) if name in cells else "" for name in rest])


def _columns(decisions: Iterable[Decision]) -> list[str]:
    seen: dict[str, dict[str, None]] = {part: {} for part in _PARTS}
    for decision in decisions:
        for name in _cells(decision):
            seen[name.partition(".")[0]][name] = None
    return [*_ALWAYS, *(name for names in seen.values() for name in names)]


def _cells(decision: Decision) -> dict[str, Any]:
    """The columns that a decision fills; what is not a map stands whole under `values` or `cell`."""
    cells: dict[str, Any] = {}
    for part in _PARTS:
        value = getattr(decision, part)
        if value and (type(value) is dict or isinstance(value, Mapping)):
            for key, item in value.items():
                cells[f"{part}.{key}"] = item
        elif value is not None and part != "extra":
            cells[part] = value
    return cells


def _row(fields: Iterable[str]) -> bytes:
    return (",".join(fields) + "\r\n").encode()


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if _QUOTED.search(field) else field


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_TEXTS: dict[type, Callable[[Any], str]] = {
    str: _quoted,
    bool: lambda value: "true" if value else "false",
    int: str,
    float: _float,
    bytes: lambda value: base64.b64encode(value).decode(),
}


def _text(value: Any) -> str:
    text = _TEXTS.get(type(value))
    return text(value) if text is not None else _quoted(dumps(to_json(value)).decode())
