"""Packages that only some commands need: imported when it is time, and how to get them where they lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from otel_replay.errors import UsageError
from otel_replay.uninterrupted import uninterrupted

__all__ = ["extra"]


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """A block of imports that `what` needs and `pip install 'otel-replay[name]'` makes possible.

    Raises
    ------
    UsageError
        If a package is not installed.
    """
    try:
        # A Ctrl-C in the middle of an extension module's import aborts the process (DuckDB's does).
        with uninterrupted():
            yield
    except ModuleNotFoundError as error:
        missing = (error.name or "packages of others").partition(".")[0]
        raise UsageError(
            f"{what} needs the package `{missing}`, which is not installed",
            hint=f"pip install 'otel-replay[{name}]'",
        ) from None
