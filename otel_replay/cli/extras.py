"""Packages that only some commands need: asked for when it is time, and how to get them when they lack."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from otel_replay.errors import UsageError

__all__ = ["need"]


def need(module: str, extra: str, what: str) -> ModuleType:
    """The module of a package that `what` needs and the extra `extra` installs.

    Raises
    ------
    UsageError
        If the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{what} needs the package `{(error.name or module).partition('.')[0]}`, which is not installed",
            hint=f"pip install 'otel-replay[{extra}]'",
        ) from None
