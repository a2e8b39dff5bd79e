"""Calls that are made when the program has imported a module: what is not imported costs nothing.

Modules are watched where they are executed, by one step around the loaders' `exec_module`, and not by a
finder of our own: the program's `sys.meta_path` stays as it is, and so do its modules' specs and loaders.
Seen are modules of source and byte code, in C and in zip files, lazy ones when they are used, and those that
pytest rewrites; a module that is executed again (`importlib.reload`) is hooked again.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib_external import (  # as `importlib.machinery` has them
    ExtensionFileLoader,
    SourceFileLoader,
)
from _thread import RLock

from otel_replay.hooks.guard import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    Hook = Callable[[ModuleType], object]

__all__ = ["after_each_import", "before_each_module", "stop_watching", "when_imported"]

_BASE = next(base for base in reversed(SourceFileLoader.__mro__) if "exec_module" in vars(base))
"""What the loaders of source, byte code and zip files have `exec_module` from."""

_PYTEST = "_pytest.assertion.rewrite"

_waiting: dict[str, list[Hook]] = {}
_each: list[Hook] = []
_plain: dict[type, Callable[[Any, ModuleType], None]] = {}
_executed: dict[str, int] = {}
"""Modules that have been executed while they were watched: their names, and the `id()` of each."""

_before: Hook | None = None
_lock = RLock()
_LIBRARY = os.path.dirname(os.__file__) + os.sep


def when_imported(name: str, hook: Hook) -> None:
    """Call `hook` with the module `name` each time that it has been executed; at once where it was already.

    Parameters
    ----------
    name:
        A module's full name: `optuna.study`.
    hook:
        What it raises is told and goes no further.
    """
    _watch()
    with _lock:
        _waiting.setdefault(name, []).append(hook)
        module = sys.modules.get(name)
        there = module is not None and (_executed.get(name) == id(module) or not _is_half_imported(module))
    if module is not None and there:
        _call(hook, module)


def after_each_import(hook: Hook) -> None:
    """Call `hook` with each module that is imported from now on."""
    _each.append(hook)
    _watch()


def before_each_module(call: Hook | None) -> Hook | None:
    """Have `call` called with each module that is about to be executed; gives what was called until now."""
    global _before
    _watch()
    previous, _before = _before, call
    return previous


def stop_watching() -> None:
    """Forget all hooks, and let modules be executed as before."""
    with _lock:
        _waiting.clear()
        _each.clear()
        _executed.clear()
        for loader, plain in _plain.items():
            loader.exec_module = plain  # type: ignore[attr-defined]  # they have one
        _plain.clear()


def _is_half_imported(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _watch() -> None:
    with _lock:
        if _plain:
            return
        for loader in (_BASE, ExtensionFileLoader):
            _watch_loader(loader)
        # pytest executes the modules that it rewrites with a loader of its own.
        _waiting.setdefault(_PYTEST, []).append(lambda module: _watch_loader(module.AssertionRewritingHook))
        if _PYTEST in sys.modules:
            _watch_loader(sys.modules[_PYTEST].AssertionRewritingHook)


def _watch_loader(loader: type) -> None:
    plain = vars(loader)["exec_module"]
    if loader in _plain:
        return
    _plain[loader] = plain

    def exec_module(self: Any, module: ModuleType) -> None:
        if _before is not None:
            _before(module)
        plain(self, module)
        _call_hooks(module)

    # Python takes its own import machinery out of tracebacks, by the name of the file: this is a part of it.
    exec_module.__code__ = exec_module.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    loader.exec_module = exec_module  # type: ignore[attr-defined]  # they have one


def _call_hooks(module: ModuleType) -> None:
    name = module.__name__
    with _lock:
        _executed[name] = id(module)
        hooks = _waiting.get(name)
        hooks = [*hooks, *_each] if hooks else list(_each)
    if hooks and name.partition(".")[0] in sys.stdlib_module_names and _is_of_the_program(module):
        return  # it only has the name of the one that is waited for
    for hook in hooks:
        _call(hook, module)


def _is_of_the_program(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None) or _LIBRARY
    return not file.startswith(_LIBRARY) or "-packages" in file


def _call(hook: Hook, module: ModuleType) -> None:
    try:
        hook(module)
    except Exception as error:
        failed(f"hooking into {module.__name__}", error)


def _after_fork_in_child() -> None:
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
