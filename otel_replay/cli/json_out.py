"""JSON on standard output: one document, UTF-8, whatever the terminal's own encoding is."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, BinaryIO

import orjson

from otel_replay.values import to_json

__all__ = ["json_value", "print_json", "stdout_bytes", "write_list"]


def json_value(value: Any) -> Any:
    """A recorded value as plain JSON types; `docs/values.md` says what becomes of bytes and NaN."""
    return to_json(value)


def stdout_bytes() -> BinaryIO:
    """Standard output as bytes, with nothing of the text layer left behind in it."""
    sys.stdout.flush()
    return sys.stdout.buffer


def print_json(document: Any) -> None:
    """One document, indented, with a newline."""
    stdout_bytes().write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write_list(head: dict[str, Any], name: str, items: Iterable[Any]) -> int:
    """A document whose last member is a list of any length, written as it comes; returns how long it was."""
    out = stdout_bytes()
    opening = orjson.dumps(head, option=orjson.OPT_INDENT_2)[:-2]
    out.write(opening + b',\n  "%b": [' % name.encode())
    count = 0
    for item in items:
        out.write((b",\n    " if count else b"\n    ") + orjson.dumps(item))
        count += 1
    out.write(b"\n  ]\n}\n" if count else b"]\n}\n")
    return count
