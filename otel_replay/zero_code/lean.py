"""Loads what a process that only records needs of orjson and pathlib, without what they ask of other modules.

orjson asks for a few classes of values that nobody gives it here: data classes, UUIDs. To load `dataclasses`
(with `inspect`, `ast`, `tokenize`), `uuid` (with `platform`) and `json` takes longer than all else that the
recorder does for a short program, and so it is with what pathlib loads for URLs and for Windows. Whoever
imports them later gets Python's own. Not for a process that runs code of others.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any
else:
    ModuleType = type(sys)

__all__ = ["load_lean"]


class _NotJson(ValueError):
    """As `json.JSONDecodeError`, in what it says."""

    def __init__(self, message: str, document: str, position: int) -> None:
        line = document.count("\n", 0, position) + 1
        column = position - document.rfind("\n", 0, position)
        super().__init__(f"{message}: line {line} column {column} (char {position})")


class _Later(ModuleType):
    """A module that is loaded when somebody asks it for something."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(self.__name__, self), name)


def _real(name: str, stand_in: object) -> Any:
    if sys.modules.get(name) is stand_in:
        del sys.modules[name]
    __import__(name)
    return sys.modules[name]


def load_lean() -> None:
    """Import orjson and pathlib; what they ask for besides what is known here, they get as ever."""
    _take_datetime_from_c()
    _load("orjson", dict(_of_orjson()))
    _load("pathlib", dict(_of_pathlib()))


def _take_datetime_from_c() -> None:
    """Before Python 3.12 `datetime` is written in Python, and then all of it is taken from what C has."""
    if sys.version_info < (3, 12) and "datetime" not in sys.modules:
        try:
            sys.modules["datetime"] = __import__("_datetime")
        except ImportError:
            return  # another Python than CPython


def _of_orjson() -> Iterator[tuple[str, Any]]:
    value = type("_NoValue", (), {})
    for name, members in (
        ("dataclasses", {"_FIELD": value(), "_FIELDS": "__dataclass_fields__"}),
        ("json", {"JSONDecodeError": _NotJson}),
        ("uuid", {"UUID": value, "NAMESPACE_DNS": value()}),  # orjson 3.10 asks for the latter
        ("zoneinfo", {"ZoneInfo": value}),
    ):
        module = ModuleType(name)
        for member, stands_for in members.items():
            setattr(module, member, stands_for)
        yield name, module


def _of_pathlib() -> Iterator[tuple[str, Any]]:
    for name in ("fnmatch", "ntpath", "warnings"):
        yield name, _Later(name)
    urls: Any = _Later("urllib.parse")
    urls.quote_from_bytes = lambda data: _real("urllib.parse", urls).quote_from_bytes(data)
    yield "urllib.parse", urls


def _load(wanted: str, stand_ins: dict[str, Any]) -> None:
    if wanted in sys.modules:
        return
    stand_ins = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        __import__(wanted)  # for all who import it after this
    except Exception:
        sys.modules.pop(wanted, None)  # what records imports it again, and tells what is wrong
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
