"""A watched call that leaves the function's arguments alone, for those that only look."""

from __future__ import annotations

from typing import Any

__all__ = ["Looking"]


class Looking:
    """What :func:`otel_replay.hooks.wrapping.watch` tells; nothing is done with it."""

    keywords = None

    def returned(self, value: Any) -> None:
        """The function has returned."""

    def raised(self, error: BaseException) -> None:
        """The function has raised: whoever called it gets that."""
