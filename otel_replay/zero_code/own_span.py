"""The run's own span on its way to the exporters: it is written without the SDK, which would have sent it.

Only where the environment names an exporter is anything loaded here. The program has ended by then, and its
caller waits: no longer than `PATIENCE_S`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from otel_replay.hooks.guard import failed
from otel_replay.otel.listeners import exporter_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from otel_replay.storage.run_writer import RunWriter

__all__ = ["PATIENCE_S", "export_span"]

PATIENCE_S = 3.0
"""How long an endpoint that does not answer holds up the end, in seconds."""


def export_span(
    writer: RunWriter, start: Mapping[str, Any], end: Mapping[str, Any], service: str, ended_ns: int
) -> None:
    """Hand the span to each exporter that the environment names. Never raises.

    Parameters
    ----------
    writer:
        The run's, which takes out secrets as it does for the journal.
    start:
        The record of its start.
    end:
        The record of its end: `attributes`, and `message` where it failed.
    service:
        The service's name where the environment says none.
    ended_ns:
        When it ended.
    """
    try:
        if not exporter_names():
            return
        # What is too long for the journal's lines was put aside when they were written.
        attributes = writer.clean({**start["attributes"], **end["attributes"]}, lambda _data: None)
        span = {**start, "attributes": attributes, "end": ended_ns, "message": end.get("message", "")}
        # An exporter tries again for ten seconds and more; what it does then ends with this process.
        sending = threading.Thread(target=_export, args=(span, service), daemon=True)
        sending.start()
        sending.join(PATIENCE_S)
        if sending.is_alive():
            raise TimeoutError(f"no answer in {PATIENCE_S:g} s; `otel-replay send latest` sends it")
    except Exception as error:
        failed("exporting the run's own span", error)


def _export(record: Mapping[str, Any], service: str) -> None:
    try:
        from otel_replay.otel.provider import exporters

        span = _span(record, service)
        for exporter in exporters():
            exporter.export([span])
            exporter.shutdown()
    except Exception as error:
        failed("exporting the run's own span", error)


def _span(record: Mapping[str, Any], service: str) -> Any:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

    from otel_replay.otel.provider import resource_of
    from otel_replay.version import VERSION

    def context(trace: str, span: str) -> SpanContext:
        return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(1))

    return ReadableSpan(
        name=record["name"],
        context=context(record["trace"], record["span"]),
        parent=context(record["trace"], record["parent"]) if record["parent"] else None,
        resource=resource_of(service),
        attributes=record["attributes"],
        links=[Link(context(link["trace"], link["span"])) for link in record.get("links", ())],
        status=Status(StatusCode.ERROR, record["message"]) if record["message"] else Status(),
        start_time=record["t"],
        end_time=record["end"],
        instrumentation_scope=InstrumentationScope("otel_replay", VERSION),
    )
