"""Whether somebody else records a library already: then ours stays off, call by call."""

from __future__ import annotations

import sys
from collections.abc import Callable

from opentelemetry import context

from otel_replay.libraries.table import Other, named

__all__ = ["recorded_elsewhere"]

_SUPPRESSED = (
    getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"),
    getattr(context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation"),
)


def recorded_elsewhere(*libraries: str) -> Callable[[], bool]:
    """A question to ask before each call: does another instrumentation record one of these libraries?

    It may be switched on at any time, by the program itself. A context that asks for no spans (as
    exporters do, around the requests with which they send spans) counts as well.
    """
    others = [(other.module, other.instrumentor) for name in libraries for other in _others(name)]

    def asked() -> bool:
        if any(context.get_value(key) for key in _SUPPRESSED):
            return True
        for module, instrumentor in others:
            made = getattr(getattr(sys.modules.get(module), instrumentor, None), "_instance", None)
            if made is not None and made.is_instrumented_by_opentelemetry:
                return True
        return False

    return asked


def _others(name: str) -> tuple[Other, ...]:
    row = named(name)
    return row.others if row is not None else ()
