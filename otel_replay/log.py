"""What the log is told, by Python's `logging`, which is loaded with the first thing that there is to tell.

Most processes record without ever telling anything, and many load no `logging` of their own.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

__all__ = ["error", "warning"]


def warning(message: str, *values: Any) -> None:
    """Tell the log of something that is not as it should be; `values` go into the message."""
    logger = _logger(message, values)
    if logger is not None:
        logger.warning(message, *values, stacklevel=2)


def error(message: str, *values: Any) -> None:
    """As :func:`warning`, of something that went another way than it was asked to."""
    logger = _logger(message, values)
    if logger is not None:
        logger.error(message, *values, stacklevel=2)


def _logger(message: str, values: tuple[Any, ...]) -> logging.Logger | None:
    try:
        import logging
    except Exception:
        # No descriptor left, or the interpreter is ending: said as `logging` would without any handler.
        try:
            print(message % values, file=sys.stderr)
        except Exception:  # there is nobody left to tell
            return None
        return None
    return logging.getLogger("otel_replay")
