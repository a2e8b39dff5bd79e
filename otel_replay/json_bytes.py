"""JSON as records are written: by orjson, or by the interpreter's own encoder while there are few of them.

Loading orjson takes longer than all that a small program records. So a process that has not loaded it begins
without, and loads it with its thousandth record. Until then what is made of plain values is encoded by
`_json`, which `json` is made of; all else is refused, and goes by the rules for values. The two differ
in how some floats are spelled (`1e-07`, `1e-7`), and are read back alike.
"""

from __future__ import annotations

import sys

from otel_replay.interruptions import let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Dumps = Callable[..., bytes]

__all__ = ["PASS_DATACLASS", "PASS_DATETIME", "WITH_NEWLINE", "dumps", "dumps_with_bytes"]

WITH_NEWLINE, PASS_DATETIME, PASS_DATACLASS = 1 << 10, 1 << 9, 1 << 11
"""As orjson calls them: OPT_APPEND_NEWLINE, OPT_PASSTHROUGH_DATETIME, OPT_PASSTHROUGH_DATACLASS."""

_FEW = 1000
_DEEPEST = 254  # as orjson
_LEAST, _MOST = -(2**63), 2**64 - 1  # as orjson
_SCALARS: frozenset[type] = frozenset({str, float, bool, type(None)})
_SEQUENCES = frozenset({list, tuple})
_CONTAINERS = _SEQUENCES.union((dict,))
_count = 0


def _refuse(value: object) -> Any:
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")


def _bytes_as_text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError


def _is_plain(value: Any, depth: int, scalars: frozenset[type]) -> bool:
    """Whether both encoders write the same for a value: it is made of JSON's own classes themselves."""
    # Copies: another thread of the program may be changing it.
    kind = type(value)
    if kind is dict:
        for key in tuple(value):
            if type(key) is not str:
                return False
        items = tuple(value.values())
    else:
        items = tuple(value) if kind in _SEQUENCES else (value,)
    for item in items:
        kind = type(item)
        if kind in scalars:
            continue
        if kind is int:
            if not _LEAST <= item <= _MOST:
                return False
        elif kind not in _CONTAINERS or depth >= _DEEPEST or not _is_plain(item, depth + 1, scalars):
            return False
    return True


def _own(default: Callable[[Any], Any], scalars: frozenset[type], *, nan: bool) -> Dumps:
    """The interpreter's own encoder, in the place of `orjson.dumps`; ImportError where there is none."""
    from _json import encode_basestring, make_encoder  # without `json`, which compiles patterns

    pieces = make_encoder(None, default, encode_basestring, None, ":", ",", False, False, nan)

    def dumps(value: Any, _default: object = None, option: int = 0) -> bytes:
        other = _orjson()
        if other is not None:
            return bytes(other(value, default, option))
        if not _is_plain(value, 0, scalars):
            _refuse(value)
        try:
            line = "".join(pieces(value, 0)).encode()
        except ValueError as error:  # a surrogate, or a float that is no number
            raise TypeError(str(error)) from None
        return line + b"\n" if option & WITH_NEWLINE else line

    return dumps


def _orjson() -> Dumps | None:
    """`orjson.dumps`, from now on for all, where somebody has loaded it or it is time to; None: not yet."""
    global _count, dumps, dumps_with_bytes
    _count += 1
    module: Any = sys.modules.get("orjson")
    if not _is_there(module):
        # Another thread is loading it, or it is a module of the program's of that name.
        module = getattr(sys.modules.get("otel_replay.orjson_loading"), "orjson", None)
    if module is None:
        if _count % _FEW or not _may_import():
            return None
        try:
            from otel_replay.orjson_loading import orjson

            module = orjson
        except Exception as raised:
            let_through(raised)
            return None
    found: Dumps = module.dumps
    dumps, dumps_with_bytes = found, _with_bytes(found)
    return found


def _is_there(module: object) -> bool:
    return getattr(module, "OPT_PASSTHROUGH_DATACLASS", None) == PASS_DATACLASS and hasattr(module, "dumps")


def _may_import() -> bool:
    """Whether this is no moment at which orjson may find a half of what it asks for, and goes without."""
    if sys.is_finalizing():
        return False
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return False
        frame = frame.f_back
    return True


def _with_bytes(plain: Dumps) -> Dumps:
    return lambda value: plain(value, _bytes_as_text)


def _first() -> tuple[Dumps, Dumps]:
    try:
        with_bytes = _own(_bytes_as_text, _SCALARS.union((bytes,)), nan=True)
        return _own(_refuse, _SCALARS, nan=False), with_bytes
    except ImportError:  # another Python than CPython
        from otel_replay.orjson_loading import orjson

        return orjson.dumps, _with_bytes(orjson.dumps)


dumps, dumps_with_bytes = _first()
"""As `orjson.dumps(value, None, option)`; `dumps_with_bytes` for what may hold bytes, which become text.

To be called through the module: they are others from the moment on that orjson is there. TypeError for what
cannot be encoded.
"""
