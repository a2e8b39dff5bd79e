"""Patterns that are compiled when they are first needed: a program that decides waits for all others."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr

__all__ = ["late"]


class _Late:
    """Stands for a pattern that is compiled when it is first asked for anything."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._told: tuple[Any, int] = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        compiled: re.Pattern[Any] = re.compile(*self._told)
        for known in ("finditer", "search", "match", "fullmatch", "sub", "split", "groups", "pattern"):
            self.__dict__[known] = getattr(compiled, known)
        return getattr(compiled, name)


def late(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """`re.compile`, later: most processes never need most patterns.

    Parameters
    ----------
    pattern, flags:
        As of `re.compile`, which raises only when the pattern is needed.
    """
    made: Any = _Late(pattern, flags)
    known: re.Pattern[AnyStr] = made
    return known
