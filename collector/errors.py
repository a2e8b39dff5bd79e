"""The one error of this folder: what went wrong, where, and what to do next."""

from __future__ import annotations


class EngineError(Exception):
    """An engine cannot be built or run; `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  next: {self.hint}" if self.hint else message
