"""Python's own modules for us, where a file of the program's has the name of one of them: each finds its own.

A script with a `queue.py` or `json.py` beside it would have that imported by what we load while it runs. As
soon as such a folder is in front of Python's own in `sys.path`, what records is loaded with Python's first,
and its later imports go through here. The program's modules, and its order of `sys.path`, are as before.
"""

from __future__ import annotations

import builtins
import os
import sys
from _frozen_importlib import _blocking_on  # type: ignore[attr-defined]  # threads that wait for a module
from _thread import RLock, get_ident
from importlib import import_module

from otel_replay.hooks import imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any

__all__ = ["import_apart", "is_exchanged", "stay_apart"]

_LIBRARY = os.path.dirname(os.__file__)
_OURS = frozenset({"otel_replay", "opentelemetry", "typing_extensions"})
"""Packages whose imports go through here. Python's own modules stay as the program knows them."""

_FIRST = (
    *("otel_replay.log", "otel_replay.interruptions", "otel_replay.errors", "otel_replay.hooks.here"),
    *("otel_replay.rules.hooking", "otel_replay.rules.rewriting", "otel_replay.rules.telling"),
    *("otel_replay.libraries.file_choice", "otel_replay.libraries.file_events"),
    *("otel_replay.libraries.process_ends", "otel_replay.storage.finalise", "otel_replay.formats.journal_v1"),
    *("otel_replay.storage.blobs", "otel_replay.storage.meter", "otel_replay.storage.spare"),
    *("logging", "otel_replay.orjson_loading", "hashlib", "inspect", "shutil", "signal"),
)
"""What was loaded before asks for these, in its own way: they must be there."""

_OF_SPANS = (
    *("otel_replay.rules.present", "otel_replay.rules.spans", "otel_replay.rules.delegating"),
    *("otel_replay.recording.moments", "otel_replay.recording.joining", "otel_replay.recording.orphans"),
)
"""As these, where functions have spans, or the recorder was loaded before the folder was there."""

_LOOK_SECONDS, _LOOKS = 0.01, 500
"""How often, and so how long, a thread of the program waits for modules to be back in their places."""

_names: set[str] = set()
_kept: dict[str, ModuleType] = {}
"""Python's modules of these names, those below them too, while `sys.modules` has the program's, or none."""
_lock = RLock()
_inside: _PythonFirst | None = None
_import = builtins.__import__


def stay_apart(names: Iterable[str], *, with_rules: bool = False, load: bool = True) -> None:
    """Have what records find Python's own modules from now on.

    Parameters
    ----------
    names:
        Modules of Python's own in whose place a program would get others: `queue`.
    with_rules:
        Whether functions of the program are hooked by rules.
    load:
        Whether what records may be loaded now. While a module of Python's is being imported it would find
        half of that.
    """
    with _lock:
        _names.update(names)
    imported.before_each_module(_tell)
    late = "otel_replay.hooks.here" in sys.modules
    for name in (*_FIRST, *(_OF_SPANS if late or with_rules else ())) if load else ():
        import_apart(name)


def import_apart(name: str) -> Any:
    """As :func:`importlib.import_module`, with Python's own modules where the program has others."""
    if not _names:
        return import_module(name)
    if name in _kept:
        return _kept[name]
    if name in sys.modules and name.partition(".")[0] not in _names:
        return sys.modules[name]
    with _PythonFirst():
        return import_module(name)


def is_exchanged() -> bool:
    """Whether modules, and the order of `sys.path`, are Python's just now, and not the program's."""
    return _inside is not None


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
    """Inside, names mean Python's modules, for this thread: others that import one wait for the end."""

    def __enter__(self) -> None:
        global _inside
        _lock.acquire()
        if _inside is None:
            self.thread, self.depth = get_ident(), 0
            self._theirs, self._path, self._import = _there(), list(sys.path), builtins.__import__
            _inside = self
            builtins.__import__ = self._waiting  # type: ignore[assignment]  # a lazy one may give anything
            _put(_kept)
            # At once: a list is empty while it sorts itself, and other threads may be importing.
            sys.path[:] = sorted(self._path, key=_is_the_programs)
        _inside.depth += 1

    def __exit__(self, *_: object) -> None:
        assert _inside is not None
        _inside.depth -= 1
        try:
            if _inside is self:
                self.undo()
        finally:
            _lock.release()

    def undo(self) -> None:
        """Put the program's modules back in their places. Done again, after a part of it, it does no harm."""
        global _inside, _kept
        if sorted(self._path, key=_is_the_programs) == sys.path:
            sys.path[:] = self._path  # unless the program has changed it meanwhile
        theirs = self._theirs
        _kept = {**_kept, **{name: one for name, one in _there().items() if theirs.get(name) is not one}}
        _put(theirs)
        if builtins.__import__ == self._waiting:
            builtins.__import__ = self._import
        _inside = None

    def _waiting(
        self, name: str, variables: Any = None, local: Any = None, wanted: Any = (), level: int = 0
    ) -> Any:
        """What `import` calls in the program's threads meanwhile."""
        if get_ident() != self.thread and not level:
            first = name.partition(".")[0]
            if first in _names or (first in sys.stdlib_module_names and name not in sys.modules):
                self._wait()
        return self._import(name, variables, local, wanted, level)

    def _wait(self) -> None:
        for _ in range(_LOOKS):
            if _lock.acquire(timeout=_LOOK_SECONDS):
                _lock.release()
                return
            if _inside is not self or _blocking_on.get(self.thread):
                return  # it is over, or waits for a module that this thread is about to import


def _there() -> dict[str, ModuleType]:
    """The modules that have the names now."""
    return {name: module for name, module in list(sys.modules.items()) if name.partition(".")[0] in _names}


def _put(modules: dict[str, ModuleType]) -> None:
    """Have these modules in the places of those that have the names."""
    for name in _there():
        if name not in modules:
            sys.modules.pop(name, None)
    sys.modules.update(modules)


def _is_the_programs(place: object) -> bool:
    return not isinstance(place, str) or not place.startswith(_LIBRARY) or "-packages" in place


def _tell(module: ModuleType) -> None:
    if module.__name__.partition(".")[0] in _OURS:
        own = {**vars(builtins), "__import__": _importing}
        module.__dict__["__builtins__"] = own


def _after_fork_in_child() -> None:
    global _lock
    _lock = RLock()
    if _inside is None:
        return
    if _inside.thread != get_ident():
        _inside.undo()  # whoever would have done it has no thread in this process
        return
    for _ in range(_inside.depth):
        _lock.acquire()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
