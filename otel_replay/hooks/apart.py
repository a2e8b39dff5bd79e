"""Python's own modules for us, where a file of the program's has the name of one of them: each finds its own.

A script with a `queue.py` or `json.py` beside it would have that imported by what we load while it runs. As
soon as such a folder is in front of Python's own in `sys.path`, what records is loaded with Python's first,
and its later imports go through here. The program's modules, and its order of `sys.path`, are as before.
"""

from __future__ import annotations

import builtins
import os
import sys
from _thread import RLock
from importlib import import_module

from otel_replay.hooks import imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any

__all__ = ["import_apart", "stay_apart"]

_LIBRARY = os.path.dirname(os.__file__)
_OURS = frozenset({"otel_replay", "opentelemetry", "typing_extensions"})
"""Packages whose imports go through here. Python's own modules stay as the program knows them."""

_FIRST = (
    *("otel_replay.log", "otel_replay.interruptions", "otel_replay.errors", "otel_replay.hooks.here"),
    *("otel_replay.rules.hooking", "otel_replay.rules.rewriting", "otel_replay.rules.telling"),
    *("otel_replay.libraries.file_choice", "otel_replay.libraries.file_events"),
    *("otel_replay.libraries.process_ends", "otel_replay.storage.finalise", "logging"),
)
"""What was loaded before asks for these, in its own way: they must be there."""

_OF_SPANS = (
    *("otel_replay.rules.present", "otel_replay.rules.spans", "otel_replay.rules.delegating"),
    *("otel_replay.recording.moments", "otel_replay.recording.joining", "otel_replay.recording.orphans"),
)
"""As these, where functions have spans, or the recorder was loaded before the folder was there."""

_names: set[str] = set()
_kept: dict[str, ModuleType] = {}
"""Python's modules of these names, those below them too, while `sys.modules` has the program's, or none."""
_lock = RLock()
_depth = 0
_import = builtins.__import__


def stay_apart(names: Iterable[str], *, with_rules: bool = False) -> None:
    """Have what records find Python's own modules from now on.

    Parameters
    ----------
    names:
        Modules of Python's own in whose place a program would get others: `queue`.
    with_rules:
        Whether functions of the program are hooked by rules.
    """
    with _lock:
        _names.update(names)
    late = "otel_replay.hooks.here" in sys.modules
    for name in (*_FIRST, *(_OF_SPANS if late or with_rules else ())):
        import_apart(name)


def import_apart(name: str) -> Any:
    """As :func:`importlib.import_module`, with Python's own modules where the program has others."""
    if not _names:
        return import_module(name)
    with _PythonFirst():
        return import_module(name)


def _importing(name: str, variables: Any = None, local: Any = None, wanted: Any = (), level: int = 0) -> Any:
    """What `import` calls in our modules."""
    if name in sys.modules and name.partition(".")[0] not in _names:
        return _import(name, variables, local, wanted, level)
    known = None if level else _kept.get(name)
    if known is not None and all(hasattr(known, one) for one in wanted or ()):
        # Nothing is exchanged for it: until it is back, other threads would find Python's as well.
        return known if wanted else _kept[name.partition(".")[0]]
    with _PythonFirst():
        return _import(name, variables, local, wanted, level)


class _PythonFirst:
    """Inside, names mean Python's modules, and our modules that are loaded learn to import through here."""

    def __enter__(self) -> None:
        global _depth
        _lock.acquire()
        _depth += 1
        if _depth == 1:
            self._theirs, self._path = _exchanged(_kept), list(sys.path)
            # At once: a list is empty while it sorts itself, and other threads may be importing.
            sys.path[:] = sorted(self._path, key=_is_the_programs)
            self._told = imported.before_each_module(_tell)

    def __exit__(self, *_: object) -> None:
        global _depth
        try:
            if _depth == 1:
                imported.before_each_module(self._told)
                if sorted(self._path, key=_is_the_programs) == sys.path:
                    sys.path[:] = self._path  # unless the program has changed it meanwhile
                kept = _exchanged(self._theirs)
                _kept.clear()
                _kept.update(kept)
        finally:
            _depth -= 1
            _lock.release()


def _exchanged(modules: dict[str, ModuleType]) -> dict[str, ModuleType]:
    """Put modules in the places of those that have the names; gives those."""
    before = {name: module for name, module in list(sys.modules.items()) if name.partition(".")[0] in _names}
    for name in before:
        del sys.modules[name]
    sys.modules.update(modules)
    return before


def _is_the_programs(place: object) -> bool:
    return not isinstance(place, str) or not place.startswith(_LIBRARY) or "-packages" in place


def _tell(module: ModuleType) -> None:
    if module.__name__.partition(".")[0] in _OURS:
        own = {**vars(builtins), "__import__": _importing}
        module.__dict__["__builtins__"] = own


def _after_fork_in_child() -> None:
    global _lock, _depth
    _lock, _depth = RLock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
