"""Switches libraries on: each when the program imports it, and none that the plan leaves out."""

from __future__ import annotations

from collections.abc import Container
from functools import partial
from importlib import import_module
from types import ModuleType

from otel_replay.hooks.imported import when_imported
from otel_replay.libraries.table import LIBRARIES, Library

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
            when_imported(library.module, partial(_install, library))


def _install(library: Library, module: ModuleType) -> None:
    import_module(f"otel_replay.libraries.{library.place}").install(module)
