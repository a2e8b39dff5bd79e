"""Values of numpy, pandas, polars and torch as plain Python values, without importing any of them.

A class is recognised by the package and the name of one of its bases. Each rule undoes one level.
"""

from __future__ import annotations

import functools
import io
import sys

from otel_replay.late import late
from otel_replay.light import light

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["Labelled", "Translation", "duration", "is_array", "npy_bytes", "translation"]

# Units of timedelta64 as (factor, digits): n of them are n * factor units of 10**-digits seconds.
_UNITS = {
    "W": (604_800, 0), "D": (86_400, 0), "h": (3_600, 0), "m": (60, 0), "s": (1, 0),
    "ms": (1, 3), "us": (1, 6), "ns": (1, 9), "ps": (1, 12), "fs": (1, 15), "as": (1, 18),
}  # fmt: skip
_UNIT = late(r"\[([0-9]*)([A-Za-z]+)\]")


@light(frozen=True)
class Labelled:
    """Names with values, in order; unlike a dict it may hold the same name twice."""

    pairs: list[tuple[object, object]]


@light(frozen=True)
class Translation:
    """How one class becomes plain, and whether its values have parts (and so may hold themselves)."""

    plain: Callable[[Any], object]
    has_parts: bool


def duration(count: int, digits: int) -> str:
    """`count` units of 10**-`digits` seconds as an ISO 8601 duration in seconds, exact."""
    whole, part = divmod(abs(count), 10**digits)
    fraction = f".{part:0{digits}d}".rstrip("0") if part else ""
    return f"{'-' if count < 0 else ''}PT{whole}{fraction}S"


def is_array(kind: type) -> bool:
    """Whether `kind` is numpy's array, or a class made from it other than the masked array."""
    return ("numpy", "ndarray") in _bases(kind) and ("numpy", "MaskedArray") not in _bases(kind)


def npy_bytes(array: Any) -> bytes:
    """The array as the bytes of an `.npy` file; raises ValueError for an array of Python objects."""
    buffer = io.BytesIO()
    sys.modules["numpy"].save(buffer, array, allow_pickle=False)  # loaded, or there would be no array
    return buffer.getvalue()


def translation(kind: type) -> Translation | None:
    """How to undo one level of a value of this class; None when the class is not of a package known here."""
    return next((_TRANSLATIONS[base] for base in _bases(kind) if base in _TRANSLATIONS), None)


@functools.lru_cache(maxsize=1024)
def _bases(kind: type) -> tuple[tuple[str, str], ...]:
    return tuple((str(base.__module__).partition(".")[0], base.__name__) for base in kind.__mro__)


def _nothing(_value: object) -> None:
    return None


def _scalar(value: Any) -> object:
    return _SCALARS.get(value.dtype.kind, str)(value)


def _float(value: Any) -> object:
    number = float(value)
    return number if number == value or number != number else str(value)


def _complex(value: Any) -> object:
    number = complex(value)
    return repr(number) if number == value or number != number else str(value)


def _time(value: Any) -> object:
    text = str(value)
    return None if text == "NaT" else text


def _span(value: Any) -> object:
    unit = _UNIT.search(value.dtype.str)
    if str(value) == "NaT":
        return None
    if unit is None:
        return str(value)
    count = int(value.astype("int64")) * int(unit[1] or 1)
    if unit[2] in ("Y", "M"):  # no fixed length
        return f"{'-' if count < 0 else ''}P{abs(count)}{unit[2]}"
    factor, digits = _UNITS[unit[2]]
    return duration(count * factor, digits)


def _void(value: Any) -> object:
    names = value.dtype.names
    return value.tobytes() if names is None else {name: value[name] for name in names}


_SCALARS: dict[str, Callable[[Any], object]] = {
    "b": bool, "i": int, "u": int, "f": _float, "c": _complex, "M": _time, "m": _span, "V": _void,
    "U": lambda value: value.item(), "S": lambda value: value.item(),
}  # fmt: skip


def _array(value: Any) -> object:
    if value.ndim == 0:
        return value[()]
    kind, size = value.dtype.kind, value.dtype.itemsize
    if kind in "biuUS" or (kind == "f" and size <= 8):
        return value.tolist()
    # Rows: of np.matrix, each row would be a matrix again for ever.
    base = next(base for base in type(value).__mro__ if base.__name__ == "ndarray")
    return list(value.view(base))


def _masked(value: Any) -> object:
    return value.tolist() if value.ndim == 0 else list(value)


def _tensor(value: Any) -> object:
    plain = value.detach().cpu()
    try:
        return plain.numpy()
    except (TypeError, RuntimeError):  # bfloat16, a conjugate view: the list is as exact
        return plain.tolist()


def _is_default_index(index: Any) -> bool:
    return type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)


def _series(value: Any) -> object:
    values = value.tolist()
    if _is_default_index(value.index):
        return values
    index = value.index.tolist()
    if value.index.is_unique:
        return Labelled(list(zip(index, values, strict=True)))
    return {"index": index, "values": values}


def _frame(value: Any) -> object:
    index: Iterable[tuple[object, object]] = (
        [] if _is_default_index(value.index) else [("index", value.index.tolist())]
    )
    columns = [(name, value.iloc[:, place].tolist()) for place, name in enumerate(value.columns.tolist())]
    return Labelled([*index, *columns])


_TRANSLATIONS: dict[tuple[str, str], Translation] = {
    ("numpy", "MaskedConstant"): Translation(_nothing, False),
    ("numpy", "MaskedArray"): Translation(_masked, True),
    ("numpy", "ndarray"): Translation(_array, True),
    ("numpy", "generic"): Translation(_scalar, False),
    ("pandas", "NAType"): Translation(_nothing, False),
    ("pandas", "NaTType"): Translation(_nothing, False),
    ("pandas", "Timedelta"): Translation(lambda value: value.to_timedelta64(), False),
    ("pandas", "Timestamp"): Translation(lambda value: value.isoformat(), False),
    ("pandas", "Period"): Translation(str, False),
    ("pandas", "Interval"): Translation(str, False),
    ("pandas", "Series"): Translation(_series, True),
    ("pandas", "DataFrame"): Translation(_frame, True),
    ("pandas", "Index"): Translation(lambda value: value.tolist(), True),
    ("pandas", "ExtensionArray"): Translation(lambda value: value.tolist(), True),
    ("polars", "Series"): Translation(lambda value: value.to_list(), True),
    ("polars", "DataFrame"): Translation(lambda value: value.to_dict(as_series=False), True),
    ("torch", "Tensor"): Translation(_tensor, True),
}
