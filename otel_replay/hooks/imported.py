"""Calls that are made when the program has imported a module: what is not imported costs nothing.

Modules are watched where they are executed, by one step around `SourceFileLoader.exec_module`, and not by a
finder of our own: the program's `sys.meta_path` stays as it is, and so do its modules' specs and loaders.
"""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader

from otel_replay.hooks.guard import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    Hook = Callable[[ModuleType], object]

__all__ = ["after_each_import", "stop_watching", "when_imported"]

_waiting: dict[str, list[Hook]] = {}
_each: list[Hook] = []
_plain: Callable[[Any, ModuleType], None] | None = None


def when_imported(name: str, hook: Hook) -> None:
    """Call `hook` with the module `name` once it is imported; at once where it is there already.

    Parameters
    ----------
    name:
        A module's full name: `optuna.study`. A package written in C is not seen: name a module of its Python.
    hook:
        What it raises is told and goes no further.
    """
    module = sys.modules.get(name)
    if module is not None and not _is_half_imported(module):
        _call(hook, module)
        return
    _waiting.setdefault(name, []).append(hook)
    _watch()


def after_each_import(hook: Hook) -> None:
    """Call `hook` with each module that is imported from now on."""
    _each.append(hook)
    _watch()


def stop_watching() -> None:
    """Forget all hooks, and let modules be executed as before."""
    global _plain
    _waiting.clear()
    _each.clear()
    if _plain is not None:
        del SourceFileLoader.exec_module
        _plain = None


def _is_half_imported(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _watch() -> None:
    global _plain
    if _plain is None:
        _plain = SourceFileLoader.exec_module
        SourceFileLoader.exec_module = _exec_module  # type: ignore[method-assign]  # and taken back again


def _exec_module(self: Any, module: ModuleType) -> None:
    assert _plain is not None
    _plain(self, module)
    name = module.__name__
    if name in _waiting:
        for hook in _waiting.pop(name):
            _call(hook, module)
    for hook in _each:
        _call(hook, module)


def _call(hook: Hook, module: ModuleType) -> None:
    try:
        hook(module)
    except Exception as error:
        failed(f"hooking into {module.__name__}", error)


# Python takes its own import machinery out of tracebacks, by the name of the file: this step is a part of it.
_exec_module.__code__ = _exec_module.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
