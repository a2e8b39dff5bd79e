"""The first span of a process that has not loaded the OpenTelemetry SDK, or does without it."""

from __future__ import annotations

import os

from otel_replay.attributes import RUN_ID
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_writer import RunWriter
from otel_replay.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["begin_first_span", "reported_name"]

_SCOPE = {"name": "otel_replay", "version": VERSION}


def reported_name(program: str) -> str:
    """What telemetry calls the program (`service.name`): what the environment says, else its own name."""
    return os.environ.get("OTEL_SERVICE_NAME") or program.removesuffix(".py")


def begin_first_span(
    writer: RunWriter,
    name: str,
    *,
    program: str,
    trace_id: str,
    span_id: str,
    parent_id: str,
    began_ns: int,
    attributes: Mapping[str, Any],
    link: tuple[str, str] | None = None,
) -> OpenSpan:
    """Write the start of the span that all of this process is in, as the SDK's would be written.

    Parameters
    ----------
    program:
        What the process runs, after which the service is called where the environment does not name it.
    trace_id, span_id, parent_id:
        Lower-case hexadecimal; `parent_id` is empty where nothing is above it.
    began_ns:
        When it began, in nanoseconds since 1970.
    link:
        Trace and span of what it is linked to.
    """
    resource = {"service.name": reported_name(program)}
    start: dict[str, Any] = {
        "kind": "start",
        "span": span_id,
        "trace": trace_id,
        "parent": parent_id,
        "t": began_ns,
        "name": name,
        "span_kind": 1,
        "resource": writer.table_id("resource", resource, lambda: {"attributes": resource}),
        "scope": writer.table_id("scope", _SCOPE, lambda: _SCOPE),
        "flags": 1,
        "attributes": {**attributes, RUN_ID: writer.run_id},
    }
    if link is not None:
        start["links"] = [{"trace": link[0], "span": link[1]}]
    span = writer.span_started(start)
    writer.root = span
    return span
