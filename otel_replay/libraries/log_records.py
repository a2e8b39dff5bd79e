"""Records of Python's logging as log records of the run, in the span that was current when they were made.

Where a logger hands a record to its handlers, we see it too: a record that the program's own levels or
filters keep back is not recorded, and no level, handler or output changes, whatever is configured later.
"""

from __future__ import annotations

import logging
import os
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from otel_replay.hooks.guard import failed
from otel_replay.hooks.wrapping import replace

__all__ = ["install"]

_DOING = "recording a log record"
_busy: ContextVar[bool] = ContextVar("otel_replay_logging", default=False)
"""Whether a log record is being recorded: what that logs itself is left out."""

_OURS = "otel_replay"


def install(module: ModuleType) -> str | None:
    """Hook into `logging`."""
    from otel_replay.settings import read_settings

    level = read_settings().log_level
    if level > logging.CRITICAL:
        return "not recorded: OTEL_REPLAY_LOG_LEVEL is off"
    if "otel_replay" in os.environ.get("OTEL_LOGS_EXPORTER", ""):
        return "OpenTelemetry's logs, through OTEL_LOGS_EXPORTER=otel_replay"
    replace(module.Logger, "callHandlers", lambda plain: _hooked(plain, level))
    return None


def _hooked(plain: Any, level: int) -> Any:
    def callHandlers(self: Any, record: logging.LogRecord) -> Any:
        if record.levelno >= level and record.name.partition(".")[0] != _OURS and not _busy.get():
            token = _busy.set(True)
            try:
                _tell(record)
            except Exception as error:
                failed(_DOING, error)
            finally:
                _busy.reset(token)
        return plain(self, record)

    # logging leaves its own lines out of what it tells of a handler that fails, by the name of the file.
    callHandlers.__code__ = callHandlers.__code__.replace(co_filename=logging.__file__)
    callHandlers.__doc__ = plain.__doc__
    return callHandlers


_entries: ModuleType | None = None
"""`log_entries`, loaded with the first record: many programs import logging and never use it."""


def _tell(record: logging.LogRecord) -> None:
    global _entries
    if _entries is None:
        from otel_replay.libraries import log_entries

        _entries = log_entries
    _entries.write(record)
