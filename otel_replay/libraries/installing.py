"""Switches libraries on: each when the program imports it, and none that is to be left alone."""

from __future__ import annotations

import os
import sys

from otel_replay.hooks.guard import failed
from otel_replay.hooks.imported import when_imported
from otel_replay.libraries.table import LIBRARIES, Library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

__all__ = ["BY_US", "disabled_by", "install", "record_libraries", "states", "too_old"]

BY_US = "otel-replay"
"""By which means a library is recorded that nobody else records."""

_OFFICIAL = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_OURS = "OTEL_REPLAY_DISABLED_LIBRARIES"

_watched: set[str] = set()
_states: dict[str, str] = {}


def record_libraries(*, disabled: Iterable[str] = ()) -> None:
    """Record what the libraries that this program uses do, in runs that it starts itself.

    Call it once, early: libraries that are imported already are hooked at once, others when they are. Under
    `otel-replay run` it has happened already. It never raises.

    Parameters
    ----------
    disabled:
        Libraries to leave alone, by the names in docs/libraries.md.
    """
    try:
        install(disabled)
    except Exception as error:
        failed("hooking into libraries", error)


def install(disabled: Iterable[str] = ()) -> None:
    """Hook into each library of the table when it is imported. A second time it does nothing.

    Parameters
    ----------
    disabled:
        Names of libraries to leave alone; so are those that the environment names.
    """
    if os.environ.get("OTEL_REPLAY_DISABLED"):
        from otel_replay.settings import read_settings

        if read_settings().disabled:
            return
    given = {name.strip().lower() for name in disabled}
    says_so = os.environ.get(_OURS) or os.environ.get(_OFFICIAL)  # few do, and all libraries are gone through
    for library in LIBRARIES:
        if library.name in _watched or library.name in given or (says_so and disabled_by(library)):
            continue
        _watched.add(library.name)
        if library.module:
            when_imported(library.module, _installer(library))
        else:
            try:
                _installer(library)(None)
            except Exception as error:
                failed(f"hooking into {library.name}", error)


def disabled_by(library: Library) -> str:
    """The variable that says to leave a library alone; empty where none does."""
    names = {library.name, *library.aliases}
    for variable in (_OURS, _OFFICIAL):
        # Not by the settings, which are not loaded in a process that has nothing to record.
        given = {name.strip().lower() for name in os.environ.get(variable, "").split(",")}
        if names & given or (variable == _OFFICIAL and "*" in given):
            return variable
    return ""


def too_old(library: Library) -> str:
    """What is wrong with the version of a library that is installed; empty where nothing is, or none is."""
    if not library.least:
        return ""
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(library.package)
    except PackageNotFoundError:
        return ""  # a copy that says nothing of itself: tried
    if _numbers(found) >= _numbers(library.least):
        return ""
    return f"version {found} is too old: {library.least} at least"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


def states() -> dict[str, str]:
    """For each library that was imported so far, by which means it is recorded, or why it is not."""
    return dict(_states)


def _installer(library: Library) -> Callable[[ModuleType | None], object]:
    def install_in(module: ModuleType | None) -> None:
        try:
            old = too_old(library)
            if old:
                _states[library.name] = f"not recorded: {old}"
                return
            apart = sys.modules.get("otel_replay.hooks.apart")
            name = f"otel_replay.libraries.{library.place}"
            # Without `importlib`, which loads more than it is needed for.
            getattr(apart, "import_apart", __import__)(name)
            place = sys.modules[name]
            _states[library.name] = place.install(module) or BY_US
        except Exception as error:
            _states[library.name] = f"not recorded: {error}"
            raise

    return install_in
