"""orjson, loaded so that it finds what it asks Python's modules for, whatever a program has in their place.

It takes the classes of a UUID, a date, an enumeration from there without asking whether they are: where a
test has put a stub into `sys.modules`, or has a `uuid.py` beside it, the process would end by SIGSEGV. While
it is loaded it finds something in such a place that no value is of. All of the package takes it from here.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    import orjson

__all__ = ["orjson"]

_ASKED_FOR = (
    ("dataclasses", ("_FIELD",)),
    ("datetime", ("datetime", "datetime_CAPI")),
    ("enum", ("EnumMeta",)),
    ("json", ("JSONDecodeError",)),
    ("uuid", ("NAMESPACE_DNS", "UUID")),  # the first before 3.11
    ("zoneinfo", ("ZoneInfo",)),
)


class _NotJson(ValueError):
    """What text that is no JSON raises, where the program's `json` knows no such error."""


def _imported(name: str) -> ModuleType:
    __import__(name)  # without `importlib`, which the process that records need not load
    return sys.modules[name]


def _of(module: object, name: str) -> Any:
    """A member as orjson finds it: not by way of `__getattr__`."""
    try:
        return object.__getattribute__(module, "__dict__").get(name)
    except Exception:
        return None


def _is_there(module: object, name: str) -> bool:
    found = _of(module, name)
    if found is None:
        # A lazy module has its members as soon as one is asked for.
        try:
            getattr(module, name)
        except Exception:
            return False
        found = _of(module, name)
    if name == "datetime_CAPI":
        return type(found).__name__ == "PyCapsule"
    if name == "JSONDecodeError":
        return isinstance(found, type) and issubclass(found, ValueError)
    return found is not None


def _stand_in(name: str, members: tuple[str, ...]) -> ModuleType | None:
    """Something to be found in the place of Python's module; None where that one is what it should be."""
    if name == "zoneinfo" and name not in sys.modules:
        return None  # later releases do not ask for it, and it would load much
    try:
        module: object = _imported(name)  # waits, where another thread is importing it
    except Exception:
        module = None  # the program says that there is none
    if all(_is_there(module, member) for member in members):
        return None
    made = type(sys)(name)
    for member in members:
        # Not the class itself, where it is there: some are asked for what is of it.
        vars(made)[member] = type("_NoValue", (), {})()
    if name == "json":
        vars(made)["JSONDecodeError"] = _NotJson
    elif name == "datetime":
        vars(made).update(vars(_imported("_datetime")))
    return made


def _is_orjson(module: object) -> bool:
    return isinstance(_of(module, "OPT_PASSTHROUGH_DATACLASS"), int)


_NOTHING = object()


def _in_its_place() -> Any:
    """What the program has under this name; `_NOTHING` where there is nothing.

    One that another thread is loading is waited for: that import would end by a KeyError, were it taken away.
    """
    if "orjson" not in sys.modules:
        return _NOTHING
    try:
        found = _imported("orjson")
    except ImportError:
        return None  # the program says that there is none
    if not _is_orjson(found) and getattr(_of(found, "__spec__"), "_initializing", False) is True:
        raise ImportError("orjson is being loaded: what records asks for it in the middle of that")
    return found


def _loaded() -> Any:
    """orjson itself; what the program has in its place, or in that of others, is there again afterwards."""
    found: Any = _in_its_place()
    if _is_orjson(found):
        return found
    stand_ins = {name: _stand_in(name, members) for name, members in _ASKED_FOR}
    exchanged = {name: made for name, made in stand_ins.items() if made is not None}
    found = _in_its_place()  # to look at the others takes long enough for it to be loaded
    if _is_orjson(found):
        return found
    theirs = {name: sys.modules[name] for name in exchanged if name in sys.modules}
    if found is not _NOTHING:
        theirs |= {name: one for name, one in list(sys.modules.items()) if name.partition(".")[0] == "orjson"}
    for name in theirs:
        del sys.modules[name]
    sys.modules.update(exchanged)
    try:
        return _imported("orjson")
    finally:
        for name, made in exchanged.items():
            if sys.modules.get(name) is made:
                del sys.modules[name]
        sys.modules.update(theirs)


if not TYPE_CHECKING:
    orjson = _loaded()
