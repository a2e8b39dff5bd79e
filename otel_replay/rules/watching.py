"""Sees each module's code just before it runs, and has the functions in it hooked that rules are about.

The interpreter raises the audit event `exec` for every module: one that is imported, by whatever loader,
the script that it is started with, `python -m`, `-c`, and the script again where multiprocessing spawns it.
Nothing of importing is changed, and nothing but this file is loaded as long as no function is found. An audit
hook stays for the life of the process.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

__all__ = ["watch"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType
    from typing import Any

_CONVENTION = "log_decision"
_OURS = __file__.rpartition("/rules/")[0] + "/"
_LIBRARY = (sys.modules["os"].__file__ or "").rpartition("/")[0] + "/"
_INSTALLED = ("/site-packages/", "/dist-packages/")

_NEEDED = frozenset(
    {
        *("abc", "array", "ast", "asyncio", "atexit", "base64", "binascii", "bisect", "bz2"),
        *("calendar", "codecs", "collections", "concurrent", "contextlib", "contextvars", "copy"),
        *("copyreg", "csv", "ctypes", "dataclasses", "datetime", "decimal", "dis", "email", "enum"),
        *(
            "fcntl",
            "fnmatch",
            "fractions",
            "functools",
            "glob",
            "hashlib",
            "heapq",
            "http",
            "importlib",
            "uu",
        ),
        *("inspect", "io", "ipaddress", "itertools", "json", "keyword", "linecache", "locale", "logging"),
        *("lzma", "math", "mimetypes", "mmap", "numbers", "opcode", "operator", "pathlib", "platform"),
        *("posixpath", "queue", "quopri", "random", "re", "reprlib", "resource", "secrets", "select"),
        *("selectors", "shutil", "signal", "socket", "ssl", "stat", "statistics", "string", "struct"),
        *("subprocess", "tempfile", "textwrap", "threading", "token", "tokenize", "traceback"),
        *("types", "typing", "urllib", "uuid", "warnings", "weakref", "zipfile", "zlib"),
    }
)
"""Modules of Python's own that recording loads."""

_rules: Sequence[str] = ()
_notes = ""
_busy: set[int] = set()
_front: object = None
"""The place that was looked at last of those in front of Python's own in `sys.path`."""
_is_waiting = False
"""Whether what records is to be loaded as soon as a module of the program's own runs."""


def watch(rules: Sequence[str] = (), notes: str = "") -> None:
    """Hook functions of the modules that run from now on.

    Parameters
    ----------
    rules:
        Rules as JSON, as :meth:`Rule.document` has them; the conventions need none.
    notes:
        The folder in which to say what was hooked; empty: nowhere.
    """
    global _rules, _notes
    _rules, _notes = tuple(rules), notes
    if rules:
        _look_beside()
        # Before any module is looked into: what that needs may be the module that is imported just then.
        from otel_replay.rules.present import hook_present

        hook_present(_rules, notes)
    sys.addaudithook(_seen)


def _seen(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "exec":
        return
    try:
        code = arguments[0]
        if code.co_name == "<module>" and get_ident() not in _busy:
            if _is_waiting or (sys.path and sys.path[0] is not _front):
                _look_beside(code.co_filename)
            _look_into(code)
    except Exception as error:
        _failed(error)


def _look_beside(file: str = "") -> None:
    """Where files of the program have names of modules of Python's own, what records must find the latter.

    Parameters
    ----------
    file:
        Whose code is about to run. While Python's own or installed modules are, there may be halves of what
        recording loads.
    """
    global _front, _is_waiting
    apart = sys.modules.get("otel_replay.hooks.apart")
    if getattr(apart, "is_exchanged", bool)():
        return  # these are not the program's places
    _front = sys.path[0]
    _is_waiting = file.startswith((_LIBRARY, "<frozen ")) or any(place in file for place in _INSTALLED)
    names: set[str] = set()
    for place in list(sys.path):
        if not isinstance(place, str):
            continue  # a `Path`, which Python passes over
        if place.startswith(_LIBRARY[:-1]):
            break
        try:
            names.update(filter(None, (_name_of(place, entry) for entry in os.listdir(place or "."))))
        except OSError:
            continue  # a zip file, or a folder that is not there
    loaded = {name for name in names if _LIBRARY in (getattr(sys.modules.get(name), "__file__", "") or "")}
    names -= {*loaded, *sys.builtin_module_names}
    if not names:
        _is_waiting = False
    else:
        thread = get_ident()
        _busy.add(thread)
        try:
            from otel_replay.hooks.apart import stay_apart

            stay_apart(names, with_rules=bool(_rules), load=not _is_waiting)
        finally:
            _busy.discard(thread)


def _name_of(place: str, entry: str) -> str:
    """The module that a folder's entry is, if it has the name of one that is needed."""
    name, dot, end = entry.partition(".")
    if name not in _NEEDED:
        return ""
    if dot:
        return name if end in ("py", "pyc") or end.endswith("so") else ""
    return name if os.path.exists(os.path.join(place, entry, "__init__.py")) else ""


def _look_into(code: CodeType) -> None:
    for constant in code.co_consts:
        if constant.__class__ is code.__class__:
            break
    else:
        return  # defines nothing, as most text that is run by eval() and exec()
    file = code.co_filename
    if file.startswith((_OURS, "<frozen ")):
        return
    is_library = file.startswith(_LIBRARY) and not any(place in file for place in _INSTALLED)
    is_conventional = not is_library and _defines(code, not any(place in file for place in _INSTALLED))
    if not is_conventional and not _rules:
        return
    thread = get_ident()
    _busy.add(thread)
    try:
        from otel_replay.rules.hooking import hook_module

        here = sys._getframe().f_back  # of the audit hook, which was called by who runs the module
        caller = here.f_back if here is not None else None
        hook_module(code, caller, _rules, _notes, is_library=is_library, is_conventional=is_conventional)
    finally:
        _busy.discard(thread)


def _defines(code: CodeType, everywhere: bool) -> bool:
    """Whether a function that is called as the convention says is defined in a module.

    In a module of somebody else's package not within functions: there are many of those.
    """
    for constant in code.co_consts:
        if constant.__class__ is code.__class__:
            if constant.co_name == _CONVENTION:
                return True
            # A class's own code has no local variables, a function's is made for them.
            if (everywhere or not constant.co_flags & 1) and _defines(constant, everywhere):
                return True
    return False


def _failed(error: Exception) -> None:
    try:
        from otel_replay.hooks.guard import failed

        failed("hooking into functions", error)
    except Exception:  # there is nobody left to tell
        return
