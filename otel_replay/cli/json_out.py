"""JSON on standard output: one document, UTF-8, whatever the terminal's own encoding is."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, BinaryIO

from otel_replay.cli.bytes_shown import ACTS, json_escape
from otel_replay.formats.deep_json import dumps
from otel_replay.orjson_loading import orjson
from otel_replay.values import to_json

__all__ = ["json_bytes", "json_value", "print_json", "stdout_bytes", "write_list"]


def json_value(value: Any) -> Any:
    """A recorded value as plain JSON types; `docs/values.md` says what becomes of bytes and NaN."""
    return to_json(value)


def stdout_bytes() -> BinaryIO:
    """Standard output as bytes, with nothing of the text layer left behind in it."""
    sys.stdout.flush()
    return sys.stdout.buffer


def print_json(document: Any) -> None:
    """One document, indented, with a newline."""
    stdout_bytes().write(json_bytes(document))


def json_bytes(document: Any) -> bytes:
    """One document, indented, with a newline, whatever text is in it."""
    return _dumps(document, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _dumps(value: Any, option: int = 0) -> bytes:
    try:
        data = dumps(value, option)
    except TypeError:
        # The name of a file need not be text. What is none in it is written as its escape.
        data = dumps(_text_only(value), option)
    return data if data.isascii() and b"\x7f" not in data else ACTS.sub(json_escape, data)


def _text_only(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_text_only(key): _text_only(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_text_only(item) for item in value]
    return value


def write_list(head: dict[str, Any], name: str, items: Iterable[Any], stream: BinaryIO | None = None) -> int:
    """A document whose last member is a list of any length, written as it comes; returns how long it was.

    Goes to `stream`, by default to standard output.
    """
    out = stdout_bytes() if stream is None else stream
    opening = _dumps(head, orjson.OPT_INDENT_2)[:-2]
    out.write(opening + b',\n  "%b": [' % name.encode())
    count = 0
    for item in items:
        out.write((b",\n    " if count else b"\n    ") + _dumps(item))
        count += 1
    out.write(b"\n  ]\n}\n" if count else b"]\n}\n")
    return count
