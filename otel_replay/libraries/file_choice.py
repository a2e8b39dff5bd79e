"""Which files are the program's own data: by where they are, what they are called, and what settings say."""

from __future__ import annotations

import os
import sys

__all__ = ["Choice", "absolute"]

_COMPILED = (".pyc", ".pyo")
"""What Python writes by itself."""
_CODE = (*_COMPILED, ".py", ".pyd", ".pyi", ".pyw", ".so", ".dylib", ".dll", ".pth", ".mo")
"""What is read to be run: to have written it is a program's own work."""
_DESCRIPTIONS = (".egg-info", ".dist-info")
"""Folders in which installed packages are described."""
_FOLDERS = frozenset(
    {"__pycache__", "site-packages", "dist-packages", "node_modules", ".git", ".otel-replay", ".pytest_cache"}
)
_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/run/systemd", "/usr/lib", "/usr/share", "/lib", "/lib64")
_MARK = "store.json"
_BESIDE_RUNS = (_MARK, "catalog.jsonl")
_BEING_MADE = tuple(f".{name}." for name in (*_BESIDE_RUNS, ".gitignore"))
"""What a store has beside the folder of its runs, and what is written to be renamed to it."""
_IS_A_STORE, _BEGINNING_BYTES = b'"otel-replay.store"', 256
_EDITABLE = f"{os.sep}__editable__."
"""What pip puts on Python's path for a package that is installed from its folder: no file at all."""
_MOST_KNOWN = 20_000


class Choice:
    """Says of each path whether it is to be recorded, by the settings at the time when this is made."""

    def __init__(self) -> None:
        self._include = _patterns("OTEL_REPLAY_FILES_INCLUDE")
        self._exclude = _patterns("OTEL_REPLAY_FILES_EXCLUDE")
        self._left_out = tuple(place.rstrip(os.sep) + os.sep for place in _left_out())
        # The store, and the folder of notes that stands in the first line of the plan.
        ours = (
            os.environ.get("OTEL_REPLAY_STORE", ""),
            os.environ.get("OTEL_REPLAY_HOOKS", "").partition("\n")[0],
        )
        self._ours = tuple(absolute(place) + os.sep for place in ours if place)
        self._to_read: dict[str, bool] = {}
        self._to_write: dict[str, bool] = {}

    def wants(self, name: str, *, writes: bool) -> bool:
        """Whether it is recorded that the program opens the file that it calls `name`."""
        code = _COMPILED if writes else _CODE
        if not self._include and name.endswith(code):
            return False  # most that are opened before the program's first line, and all that it imports
        all_known = self._to_write if writes else self._to_read
        known = all_known.get(name)
        if known is None:
            if len(all_known) >= _MOST_KNOWN:
                all_known.clear()
            known = all_known[name] = self._decided(absolute(name), code)
        return known

    def moved(self) -> None:
        """The program has changed its folder: the same names are other files now."""
        self._to_read.clear()
        self._to_write.clear()

    def _decided(self, path: str, code: tuple[str, ...]) -> bool:
        if path.startswith(self._ours) or _matches(path, self._exclude):
            return False
        if self._include:
            return _matches(path, self._include)
        if path.endswith(code) or path.startswith(self._left_out) or _EDITABLE in path:
            return False
        parts = path.split(os.sep)
        if _is_in_a_store(parts):
            return False
        return _FOLDERS.isdisjoint(parts) and not any(part.endswith(_DESCRIPTIONS) for part in parts)


def _is_in_a_store(parts: list[str]) -> bool:
    """Whether a file is one of a store's own, which reads and writes them for the program."""
    if "runs" in parts:
        places = [number for number, part in enumerate(parts) if part == "runs"]
    elif parts[-1] in _BESIDE_RUNS:
        places = [len(parts) - 1]
    else:
        return parts[-1].startswith(_BEING_MADE) and parts[-1].endswith(".part")
    return any(_is_mark(os.sep.join([*parts[:place], _MARK])) for place in places)


def _is_mark(path: str) -> bool:
    """Whether the file says that there is a store; a program may have one of that name for itself."""
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb", buffering=0) as stream:
            return _IS_A_STORE in (stream.read(_BEGINNING_BYTES) or b"")
    except OSError:
        return False


def absolute(name: str) -> str:
    """The whole path of a file; as it is where the current folder was deleted."""
    try:
        return os.path.abspath(name)
    except OSError:
        return name


def _patterns(variable: str) -> tuple[str, ...]:
    # Not by the settings, which a process that has nothing to record does not load.
    return tuple(pattern.strip() for pattern in os.environ.get(variable, "").split(",") if pattern.strip())


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    """A pattern with a slash is for the whole path, from here on unless it begins with one or with a star."""
    if not patterns:
        return False
    from fnmatch import fnmatchcase

    for pattern in patterns:
        if os.sep not in pattern:
            if fnmatchcase(os.path.basename(path), pattern):
                return True
        elif fnmatchcase(path, pattern if pattern[0] in "/*" else os.path.join(absolute(""), pattern)):
            return True
    return False


def _left_out() -> list[str]:
    """Where Python and its packages are, and the system; a Python that the program lives in only in part."""
    here = absolute("")
    places = list(_SYSTEM)
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__)}:
        if here == prefix or here.startswith(prefix.rstrip(os.sep) + os.sep):
            places += [os.path.join(prefix, part) for part in ("lib", "lib64", "bin", "include", "share")]
        else:
            places.append(prefix)
    return places
