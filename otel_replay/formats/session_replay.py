"""session_replay 1.0: one JSON document with every decision of a run, as `json.dump(indent=2)` writes it.

The text is that of the standard library to the byte (ASCII only, `1e-05`, `{}`), because other programs
compare such files; it is written decision by decision, so memory does not grow. What JSON cannot hold
becomes text: NaN and the infinities their names, bytes their base64.
"""

from __future__ import annotations

import base64
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, BinaryIO

from otel_replay.clock import from_iso, iso_milliseconds
from otel_replay.errors import FormatError
from otel_replay.records import Decision

__all__ = ["SCHEMA_VERSION", "SessionReplay", "decision_text", "read", "write"]

SCHEMA_VERSION = "1.0"

Resolve = Callable[[Mapping[str, Any]], Any]
"""Gives what stands in the file for a map: mostly the map itself; for a reference to a blob, its text."""

_SPOOL_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReplay:
    """A document. `rest` holds the keys that version 1.0 does not name; a decision's are in its `extra`."""

    run_id: str
    generated_ns: int
    decisions: tuple[Decision, ...]
    schema_version: str = SCHEMA_VERSION
    rest: Mapping[str, Any] = field(default_factory=dict)


# -- reading -----------------------------------------------------------------------------------------------


def read(source: bytes | BinaryIO) -> SessionReplay:
    """The document in `source`: any version 1.x, also one with NaN in it, as Python's json module writes it.

    Raises
    ------
    FormatError
        If it is not such a document; the message says which part is not.
    """
    data = source if isinstance(source, bytes) else source.read()
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not a JSON document: {error}") from None
    if not isinstance(body, dict) or "schema_version" not in body:
        raise FormatError("not a session_replay document: it has no `schema_version`")
    version = body.pop("schema_version")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise FormatError(
            f"session_replay schema_version {version!r:.40} is not known; this otel-replay reads 1.x",
            hint="read it with a later otel-replay: `pip install -U otel-replay`",
        )
    decisions = body.pop("decisions", None)
    if not isinstance(decisions, list):
        raise FormatError("`decisions` is not a list")
    total = body.pop("total_decisions", len(decisions))
    if total != len(decisions):
        raise FormatError(f"`total_decisions` says {total!r:.40}, but there are {len(decisions)} decisions")
    return SessionReplay(
        schema_version=version,
        run_id=_text(body.pop("run_id", None), "`run_id`"),
        generated_ns=_time(body.pop("generated_at", None), "`generated_at`"),
        decisions=tuple(_decision(item, number) for number, item in enumerate(decisions, 1)),
        rest=body,
    )


def _decision(item: Any, number: int) -> Decision:
    where = f"decision {number}"
    if not isinstance(item, dict):
        raise FormatError(f"{where} is not an object")
    rest = dict(item)
    return Decision(
        time_ns=_time(rest.pop("timestamp", None), f"`timestamp` of {where}"),
        span_id="",
        action=_text(rest.pop("action", None), f"`action` of {where}"),
        reason=_text(rest.pop("reason", None), f"`reason` of {where}"),
        values=rest.pop("values", None),
        cell=rest.pop("cell", None),
        extra=rest,
    )


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise FormatError(f"{what} is not text")
    return value


def _time(value: Any, what: str) -> int:
    try:
        return from_iso(_text(value, what))
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{what} is not a time: {error}") from None


# -- writing -----------------------------------------------------------------------------------------------


def write(
    stream: BinaryIO,
    *,
    run_id: str,
    generated_ns: int,
    decisions: Iterable[Decision],
    total: int | None = None,
    resolve: Resolve | None = None,
) -> int:
    """Write a document; returns the number of its decisions.

    Parameters
    ----------
    stream:
        Where the bytes go.
    run_id, generated_ns:
        What the document says of itself.
    decisions:
        Taken one by one.
    total:
        Their number, where it is known: then the first byte is written at once. Otherwise a temporary file
        takes what is more than a few megabytes, because the number stands before the decisions.
    resolve:
        See :data:`Resolve`.

    Raises
    ------
    FormatError
        If there are not `total` decisions.
    """
    texts = _texts(decisions, resolve)
    if total is not None:
        stream.write(_head(run_id, generated_ns, total))
        written = _write_texts(stream, texts)
        if written != total:
            raise FormatError(f"there are {written} decisions, not {total}")
        return written
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        written = _write_texts(spool, texts)
        spool.seek(0)
        stream.write(_head(run_id, generated_ns, written))
        shutil.copyfileobj(spool, stream, 1 << 20)
    return written


def _head(run_id: str, generated_ns: int, total: int) -> bytes:
    return (
        f'{{\n  "schema_version": "{SCHEMA_VERSION}",\n  "run_id": {quoted(run_id)},\n'
        f'  "generated_at": "{iso_milliseconds(generated_ns)}",\n'
        f'  "total_decisions": {total},\n  "decisions": ['
    ).encode()


def _write_texts(stream: Any, texts: Iterator[str]) -> int:
    written = 0
    comma = "\n"
    for text in texts:
        stream.write((comma + text).encode())
        comma = ",\n"
        written += 1
    stream.write(b"\n  ]\n}" if written else b"]\n}")
    return written


def _texts(decisions: Iterable[Decision], resolve: Resolve | None) -> Iterator[str]:
    second = -1
    prefix = ""
    for decision in decisions:
        # Most decisions share the second with the one before.
        this_second, rest_ns = divmod(decision.time_ns, 1_000_000_000)
        if this_second != second:
            prefix = iso_milliseconds(decision.time_ns)[:-4]
            second = this_second
        yield decision_text(decision, f"{prefix}{rest_ns // 1_000_000:03d}Z", resolve)


def decision_text(decision: Decision, timestamp: str, resolve: Resolve | None = None) -> str:
    """One decision as it stands in the document's list, without a comma. `extra` is not shown."""
    text = (
        f'    {{\n      "timestamp": "{timestamp}",\n      "action": {quoted(decision.action)},\n'
        f'      "reason": {quoted(decision.reason)}'
    )
    if decision.values is not None:
        text += f',\n      "values": {_value(decision.values, "      ", resolve)}'
    if decision.cell is not None:
        text += f',\n      "cell": {_value(decision.cell, "      ", resolve)}'
    return text + "\n    }"


def _value(value: Any, indent: str, resolve: Resolve | None) -> str:
    """A value as json.dump(indent=2) writes it. `indent` is that of the line on which it begins."""
    kind = type(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else _NAMES[repr(value)]
    if kind is str:
        return quoted(value)
    if kind is int:
        return repr(value)
    if kind is bool or value is None:
        return _WORDS[value]
    inner = indent + "  "
    if isinstance(value, Mapping):
        if resolve is not None:
            shown = resolve(value)
            if shown is not value:
                return _value(shown, indent, None)
        if not value:
            return "{}"
        items = [f"{inner}{quoted(key)}: {_value(item, inner, resolve)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    if not value:
        return "[]"
    return "[\n" + ",\n".join([inner + _value(item, inner, resolve) for item in value]) + f"\n{indent}]"


_WORDS = {True: "true", False: "false", None: "null"}
_NAMES = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
