"""Times, sizes and recorded values as a person reads them. The screen escapes them, not this."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from otel_replay.attributes import BLOB
from otel_replay.wording import counted, duration, three_digits

__all__ = ["counted", "duration", "local_time", "moment_of_day", "pairs", "per_second", "size", "value"]

_SECOND_NS = 1_000_000_000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_LONGEST_TEXT = 60
_MOST_ITEMS = 5
_SPECIAL = re.compile(r"""[ =,"'\[\]{}\n\t]""")


def size(size_bytes: int) -> str:
    """`231 kB`; decimal units, as disks and networks are told in."""
    number = float(size_bytes)
    for unit in _UNITS:
        if number < 999.5 or unit == _UNITS[-1]:
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "bytes" else f"{three_digits(number)} {unit}"


def per_second(count: int, time_ns: int) -> str:
    """A rate: `5,400/s`, `0.25/s`, `12/h` where it is slow; empty where no time went by."""
    if time_ns <= 0 or not count:
        return ""
    rate = count * _SECOND_NS / time_ns
    if rate < 0.1:
        return f"{three_digits(rate * 3600)}/h"
    return f"{rate:,.0f}/s" if rate >= 99.95 else f"{three_digits(rate)}/s"


def _local(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // _SECOND_NS).astimezone()


def local_time(time_ns: int, now_ns: int) -> str:
    """When something was, in local time, as short as can be: `today 14:02:11`, `yesterday 17:28`, a date."""
    try:
        moment, now = _local(time_ns), _local(now_ns)
    except (OverflowError, ValueError, OSError):
        return "?"
    days = (now.date() - moment.date()).days
    if days == 0:
        return f"today {moment:%H:%M:%S}"
    if days == 1:
        return f"yesterday {moment:%H:%M}"
    return f"{moment.day} {moment:%b %H:%M}" if moment.year == now.year else f"{moment:%Y-%m-%d}"


def moment_of_day(time_ns: int) -> str:
    """`14:02:11.803` in local time."""
    seconds, rest_ns = divmod(time_ns, _SECOND_NS)
    return f"{_second_of_day(seconds)}.{rest_ns // 1_000_000:03d}"


# Most moments share the second with the one before.
@lru_cache(maxsize=64)
def _second_of_day(seconds: int) -> str:
    try:
        return f"{_local(seconds * _SECOND_NS):%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "?"


def value(item: Any, *, whole: bool = False) -> str:
    """One recorded value on one line. What is left out is said, unless `whole` asks for all of it."""
    kind = type(item)
    if kind is float or kind is int:
        return repr(item)
    if kind is str:
        if len(item) <= _LONGEST_TEXT or whole:
            return _quoted_if_needed(item)
        return f"{_quoted_if_needed(item[:_LONGEST_TEXT])}… ({len(item):,} characters)"
    if item is None or kind is bool:
        return _WORDS[item]
    if isinstance(item, bytes):
        return _bytes(item, whole)
    if isinstance(item, Mapping):
        return _blob(item) if BLOB in item else "{" + pairs(item, whole=whole) + "}"
    if isinstance(item, (list, tuple)):
        return _list(item, whole)
    return str(item)


_WORDS = {None: "null", True: "true", False: "false"}


def _bytes(data: bytes, whole: bool) -> str:
    shown = data if whole else data[:8]
    return f"<{counted(len(data), 'byte')} {shown.hex()}{'' if len(shown) == len(data) else '…'}>"


def _list(items: Sequence[Any], whole: bool) -> str:
    shown = items if whole or len(items) <= _MOST_ITEMS + 1 else items[:_MOST_ITEMS]
    parts = [value(item, whole=whole) for item in shown]
    if len(shown) < len(items):
        parts.append(f"… {len(items) - len(shown):,} more")
    return "[" + ", ".join(parts) + "]"


@lru_cache(maxsize=4096)
def _quoted_if_needed(text: str) -> str:
    plain = text and not _SPECIAL.search(text) and not _looks_like_another_kind(text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _looks_like_another_kind(text: str) -> bool:
    if text in {"null", "true", "false"}:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def _blob(item: Mapping[str, Any]) -> str:
    size_bytes = item.get("size_bytes")
    told = f" {size(size_bytes)}" if isinstance(size_bytes, int) else ""
    return f"<blob {str(item[BLOB])[:12]}{told}>"


def pairs(values: Any, *, whole: bool = False) -> str:
    """`before=1.5 after=1.2`; what is no map stands as it is."""
    if isinstance(values, Mapping):
        return " ".join([f"{key}={value(item, whole=whole)}" for key, item in values.items()])
    return "" if values is None else value(values, whole=whole)
