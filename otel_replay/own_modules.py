"""Finds and loads this package's own modules in few steps: a program waits for seventy of them.

Python's finder looks in a folder for each kind of file that a module may be, and its loader takes the file's
path apart and reads it by pieces, all of it in Python. Here a module is a source file with its byte code
beside it, by Python's own rules; what is otherwise goes Python's own way. Its finder and loader stand where
they always do, with these steps replaced: `sys.meta_path` and `sys.path_hooks` stay as they are.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib import ModuleSpec  # as `importlib.machinery` and `importlib.util` have them
from _frozen_importlib_external import (
    MAGIC_NUMBER,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
    cache_from_source,
)
from _imp import _fix_co_filename  # type: ignore[attr-defined]  # as Python's own loader uses it
from marshal import loads
from os import O_CLOEXEC, O_RDONLY  # each by itself: a test of the program's may put others in their place
from os import close as _close
from os import open as _open
from os import read as _read_some
from os import stat as _stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

__all__ = ["find_quickly"]

_BEGINS = MAGIC_NUMBER + bytes(4)
"""Byte code of this Python that belongs to a source of a certain time and size."""
_BLOCK = 1 << 16
_cached_in, _cached_as = "", ""
"""What stands before and behind a module's name in the path of its byte code, below the module's folder."""


def find_quickly() -> None:
    """Have all other modules of this package found so, if they are files with their byte code beside them."""
    global _cached_in, _cached_as
    if os.name != "posix" or sys.pycache_prefix is not None or not _is_there(__file__):
        return
    _cached_in, _, _cached_as = cache_from_source("x/name.py")[1:].partition("name")
    here = os.path.dirname(__file__)
    for folder in (here, f"{here}/zero_code"):  # what else there is follows from them
        _look_in(folder)


def _look_in(folder: str) -> None:
    if type(sys.path_importer_cache.get(folder)) in (FileFinder, type(None)):
        kinds: Any = ((SourceFileLoader, [".py"]), (SourcelessFileLoader, [".pyc"]))
        sys.path_importer_cache[folder] = _Finder(folder, *kinds)


class _Finder(FileFinder):
    """Finds the modules of one folder."""

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        folder, name = self.path, fullname.rpartition(".")[2]
        below: list[str] | None = None
        path = f"{folder}/{name}.py"
        if not _is_there(path):
            folder, name = f"{folder}/{name}", "__init__"
            path = f"{folder}/__init__.py"
            if not _is_there(path):
                return super().find_spec(fullname, target)
            below = [folder]
            _look_in(folder)
        loader: Any = _Loader(fullname, path)
        spec = ModuleSpec(fullname, loader, origin=path)
        spec.submodule_search_locations = below
        spec.has_location = True
        spec.cached = loader.cached = f"{folder}{_cached_in}{name}{_cached_as}"
        return spec


def _is_there(path: str) -> bool:
    try:
        _stat(path)
    except OSError:
        return False
    return True


class _Loader(SourceFileLoader):
    """Loads one module."""

    cached: str

    def get_code(self, fullname: str) -> CodeType | None:
        """As Python's own; with fewer steps where there is byte code that is as new as the source."""
        try:
            told = _stat(self.path)
            stamp = int(told.st_mtime) & 0xFFFFFFFF | (told.st_size & 0xFFFFFFFF) << 32
            data = _read(self.cached)
            if data[:16] == _BEGINS + stamp.to_bytes(8, "little"):
                code: CodeType = loads(memoryview(data)[16:])
                _fix_co_filename(code, self.path)
                return code
        except (OSError, EOFError, ValueError, TypeError):
            pass  # whatever it is, Python's own way tells it, or goes on without the byte code
        return super().get_code(fullname)


def _read(path: str) -> bytes:
    fd = _open(path, O_RDONLY | O_CLOEXEC)
    try:
        data = _read_some(fd, _BLOCK)
        return data if len(data) < _BLOCK else b""  # larger than any module of ours
    finally:
        _close(fd)
