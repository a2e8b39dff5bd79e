"""What `opentelemetry-instrument` calls: puts the span processor beside the exporter.

`OTEL_TRACES_EXPORTER=otel_replay,otlp opentelemetry-instrument python app.py` makes our exporter as one of
the program's; this hook comes after everything is set up and adds the processor, which sees spans as they
start. Both together record once.
"""

from __future__ import annotations

import logging
import os

__all__ = ["post_instrument"]

_log = logging.getLogger("otel_replay")
_NAME = "otel_replay"


def post_instrument() -> None:
    """Add the processor where the environment asks for the exporter. Never raises.

    The hook is called in every instrumented program of an environment in which the package is installed, so
    it does nothing unless `OTEL_TRACES_EXPORTER` names `otel_replay`.
    """
    names = [name.strip() for name in os.environ.get("OTEL_TRACES_EXPORTER", "").split(",")]
    if _NAME not in names:
        return
    try:
        from opentelemetry import context, trace
        from opentelemetry.sdk.trace import TracerProvider

        from otel_replay.otel import offers
        from otel_replay.otel.process_run import process_run
        from otel_replay.otel.provider import attach_processor
        from otel_replay.settings import read_settings
        from otel_replay.storage import active_runs

        if read_settings().disabled:
            return
        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            attach_processor(provider)
            if offers.inherited_run_id() is not None:
                # Spans of the program that have no parent here lie below the one that started this process.
                context.attach(offers.inherited_parent())
            # A decision may come before the first span, or in a program that has none.
            active_runs.opener = process_run
    except Exception as error:
        _log.warning("spans are recorded by the exporter only: %s: %s", type(error).__name__, error)
