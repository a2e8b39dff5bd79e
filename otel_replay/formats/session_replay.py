"""session_replay 1.0: one JSON document with every decision of a run, as `json.dump(indent=2)` writes it.

The text is that of the standard library to the byte, because other programs compare such files. It is written
piece by piece, so memory does not grow with the run.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from otel_replay.clock import from_iso, iso_milliseconds
from otel_replay.errors import FormatError
from otel_replay.formats.json_text import Resolve, is_plain, list_items, quoted
from otel_replay.light import light
from otel_replay.records import Decision
from otel_replay.values import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

__all__ = ["SCHEMA_VERSION", "Items", "SessionReplay", "items_of", "read", "write", "write_items"]

SCHEMA_VERSION = "1.0"

Items = tuple[bytes, int]
"""Some decisions as they stand in the list, and how many they are."""

_SPOOL_BYTES = 8 << 20
_AT_A_TIME = 64
_NAMED = frozenset({"timestamp", "action", "reason", "values", "cell"})


@light(frozen=True, slots=True, kw_only=True)
class SessionReplay:
    """A document. `rest` holds the keys that version 1.0 does not name; a decision's are in its `extra`."""

    run_id: str
    generated_ns: int
    decisions: tuple[Decision, ...]
    schema_version: str = SCHEMA_VERSION
    rest: Mapping[str, Any] = MappingProxyType({})


# -- reading -----------------------------------------------------------------------------------------------


def read(source: bytes | BinaryIO) -> SessionReplay:
    """The document in `source`: any version 1.x, also one with NaN in it, as Python's json module writes it.

    Values come by the rules of `docs/values.md`, as they do where they are recorded.

    Raises
    ------
    FormatError
        If it is not such a document; the message says which part is not.
    """
    import json  # only to read: orjson knows no NaN

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
        rest=_map(body),
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
        values=normalise(rest.pop("values", None)),
        cell=normalise(rest.pop("cell", None)),
        extra=_map(rest),
    )


def _map(value: dict[str, Any]) -> dict[str, Any]:
    kept = normalise(value)
    return kept if isinstance(kept, dict) else {}


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise FormatError(f"{what} is not text")
    return str(normalise(value))  # JSON may escape a lone surrogate, which no other writer takes


def _time(value: Any, what: str) -> int:
    try:
        time_ns = from_iso(_text(value, what))
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{what} is not a time: {error}") from None
    if abs(time_ns) >= 1 << 63:
        raise FormatError(f"{what} is {value:.40}: times in nanoseconds go from 1677 to 2262")
    return time_ns


# -- writing -----------------------------------------------------------------------------------------------


def write(
    stream: BinaryIO,
    *,
    run_id: str,
    generated_ns: int,
    decisions: Iterable[Decision],
    total: int | None = None,
    resolve: Resolve | None = None,
    spool_directory: str | os.PathLike[str] | None = None,
    extra: bool = False,
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
        Gives what stands in the document for a map that refers to a blob.
    spool_directory:
        Where the temporary file goes, if one is needed; the system's place for such files by default.
    extra:
        Whether a decision's `extra` is written too, as :func:`read` took it from a document.

    Raises
    ------
    FormatError
        If there are not `total` decisions.
    """
    pieces = items_of(decisions, resolve, extra)
    if total is not None:
        stream.write(_head(run_id, generated_ns, total))
        written = _write_pieces(stream, pieces)
        if written != total:
            raise FormatError(f"there are {written} decisions, not {total}")
        return written
    return write_items(
        stream, run_id=run_id, generated_ns=generated_ns, items=pieces, spool_directory=spool_directory
    )


def write_items(
    stream: BinaryIO,
    *,
    run_id: str,
    generated_ns: int,
    items: Iterator[Items],
    spool_directory: str | os.PathLike[str] | None = None,
) -> int:
    """As :func:`write`, for decisions that are text already, as :func:`items_of` gives them."""
    with _Spool(spool_directory) as spool:
        written = _write_pieces(spool, items)
        stream.write(_head(run_id, generated_ns, written))
        spool.copy_to(stream)
    return written


class _Spool:
    """Bytes that wait: in memory, and beyond a few megabytes in a temporary file."""

    def __init__(self, directory: str | os.PathLike[str] | None) -> None:
        self._directory = directory
        self._stream: BinaryIO = io.BytesIO()
        self._in_memory = True

    def write(self, data: bytes) -> None:
        if self._in_memory and self._stream.tell() + len(data) > _SPOOL_BYTES:
            import tempfile  # seldom needed, and not cheap to import at the end of a program

            file: Any = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 (closed in __exit__)
            self._stream, memory = file, self._stream
            self._in_memory = False
            memory.seek(0)
            file.write(memory.read())
        self._stream.write(data)

    def copy_to(self, target: BinaryIO) -> None:
        self._stream.seek(0)
        while block := self._stream.read(1 << 20):
            target.write(block)

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _head(run_id: str, generated_ns: int, total: int) -> bytes:
    return (
        f'{{\n  "schema_version": "{SCHEMA_VERSION}",\n  "run_id": {quoted(run_id)},\n'
        f'  "generated_at": "{iso_milliseconds(generated_ns)}",\n'
        f'  "total_decisions": {total},\n  "decisions": ['
    ).encode()


def _write_pieces(stream: BinaryIO | _Spool, pieces: Iterator[Items]) -> int:
    written = 0
    for piece, decisions in pieces:
        stream.write(b",\n" + piece if written else b"\n" + piece)
        written += decisions
    stream.write(b"\n  ]\n}" if written else b"]\n}")
    return written


def items_of(
    decisions: Iterable[Decision], resolve: Resolve | None, with_extra: bool = False
) -> Iterator[Items]:
    """Decisions as they stand in the list, some at a time with their number, without the comma between."""
    entries: list[dict[str, Any]] = []
    plain = True
    second, prefix = -1, ""
    for decision in decisions:
        # Most decisions share the second with the one before.
        this_second, rest_ns = divmod(decision.time_ns, 1_000_000_000)
        if this_second != second:
            second, prefix = this_second, iso_milliseconds(decision.time_ns)[:-4]
        entry: dict[str, Any] = {
            "timestamp": f"{prefix}{rest_ns // 1_000_000:03d}Z",
            "action": decision.action,
            "reason": decision.reason,
        }
        values, cell = decision.values, decision.cell
        extra = decision.extra if with_extra else None
        now_plain = (values is None or is_plain(values)) and (cell is None or is_plain(cell)) and not extra
        if entries and (now_plain is not plain or len(entries) == _AT_A_TIME):
            yield list_items(entries, plain, resolve), len(entries)
            entries = []
        plain = now_plain
        if values is not None:
            entry["values"] = values
        if cell is not None:
            entry["cell"] = cell
        if extra:
            entry.update((key, value) for key, value in extra.items() if key not in _NAMED)
        entries.append(entry)
    if entries:
        yield list_items(entries, plain, resolve), len(entries)
