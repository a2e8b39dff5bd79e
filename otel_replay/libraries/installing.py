"""Switches libraries on: each when the program imports it, and none that the plan leaves out."""

from __future__ import annotations

from otel_replay.hooks.imported import when_imported
from otel_replay.libraries.table import LIBRARIES, Library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import ModuleType

__all__ = ["install"]


def install(disabled: Container[str] = ()) -> None:
    """Hook into each library of the table when it is imported.

    Parameters
    ----------
    disabled:
        Names of libraries to leave alone.
    """
    for library in LIBRARIES:
        if library.name not in disabled:
            when_imported(library.module, _installer(library))


def _installer(library: Library) -> Callable[[ModuleType], object]:
    def install_in(module: ModuleType) -> None:
        from importlib import import_module

        import_module(f"otel_replay.libraries.{library.place}").install(module)

    return install_in
