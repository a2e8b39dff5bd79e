"""The tracer that runs are recorded with: the program's own provider where it has one, else one of ours.

A provider that the program has set keeps all it has and gets one processor more. Where there is none, ours
becomes the global one, so that instrumented libraries land in the run as well, and the standard `OTEL_*`
variables say what else it does: resource, sampler, limits, and exporters such as OTLP.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from otel_replay.errors import told
from otel_replay.otel.listeners import exporter_names, is_switched_off
from otel_replay.otel.processor import ReplaySpanProcessor
from otel_replay.program import program_name
from otel_replay.storage import active_runs
from otel_replay.version import VERSION

__all__ = [
    "SCOPE_NAME",
    "attach_processor",
    "exporters",
    "private_tracer",
    "recording_tracer",
    "resource_of",
]

SCOPE_NAME = "otel_replay"
"""The instrumentation scope of the spans that the recording API makes."""

_ATTACHED = "_otel_replay_processor"
_TRACER = "_otel_replay_tracer"
_log = logging.getLogger("otel_replay")
_lock = threading.RLock()


class RecordAlways(Sampler):
    """Asks another sampler, and lets a span that it drops be recorded all the same, though not exported.

    A flight recorder that samples is none; and what the sampler says still holds for every exporter.
    """

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        result = self._inner.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        if result.decision is Decision.DROP:
            return SamplingResult(Decision.RECORD_ONLY, dict(result.attributes), result.trace_state)
        return result

    def get_description(self) -> str:
        return f"RecordAlways({self._inner.get_description()})"


def recording_tracer() -> trace.Tracer | None:
    """A tracer whose spans are journaled; None where OpenTelemetry is switched off (`OTEL_SDK_DISABLED`)."""
    if is_switched_off():
        return None
    # Known after the first time, and without a lock then: this is asked with every span, also by a signal
    # handler that has interrupted the same call.
    known: trace.Tracer | None = getattr(trace.get_tracer_provider(), _TRACER, None)
    if known is not None:
        return known
    with _lock:
        given = trace.get_tracer_provider()
        if isinstance(given, trace.ProxyTracerProvider):
            given = _make_provider()
            _set_until_another_is_set(given)
        # Somebody's own implementation: spans of ours need an SDK that calls processors.
        provider = given if isinstance(given, TracerProvider) else _private_provider()
        attach_processor(provider)
        tracer = provider.get_tracer(SCOPE_NAME, VERSION)
        if not isinstance(tracer, Tracer):
            return None
        if not isinstance(tracer.sampler, RecordAlways):
            tracer.sampler = RecordAlways(tracer.sampler)
        try:
            setattr(given, _TRACER, tracer)
        except AttributeError:
            pass  # an implementation without room for it: asked again each time
        return tracer


def _set_until_another_is_set(provider: TracerProvider) -> None:
    """Make `provider` the global one, and leave it to the program to set its own later.

    OpenTelemetry takes the first provider that is set and refuses all others. A program that sets up its
    telemetry after the run has begun must not lose it to us.
    """
    if hasattr(trace, "_TRACER_PROVIDER"):
        trace._TRACER_PROVIDER = provider
    else:
        trace.set_tracer_provider(provider)


def private_tracer() -> trace.Tracer:
    """A tracer whose spans are journaled and go nowhere else."""
    with _lock:
        provider = _private_provider()
        attach_processor(provider)
        return provider.get_tracer(SCOPE_NAME, VERSION)


_private: TracerProvider | None = None


def _private_provider() -> TracerProvider:
    global _private
    if _private is None:
        _private = TracerProvider(shutdown_on_exit=False)
    return _private


def attach_processor(provider: TracerProvider) -> ReplaySpanProcessor:
    """The provider's :class:`ReplaySpanProcessor`, added if it has none.

    It goes before all others, so that a span is in the journal before anything else can fail on it.
    """
    processor = getattr(provider, _ATTACHED, None) or _find(provider)
    if processor is None:
        processor = ReplaySpanProcessor()
        _put_first(provider, processor)
    setattr(provider, _ATTACHED, processor)
    return processor


def _put_first(provider: TracerProvider, processor: ReplaySpanProcessor) -> None:
    multi = provider._active_span_processor
    try:
        with multi._lock:
            multi._span_processors = (processor, *multi._span_processors)
    except AttributeError:
        provider.add_span_processor(processor)  # somebody's own implementation


def _find(provider: TracerProvider) -> ReplaySpanProcessor | None:
    multi = getattr(provider, "_active_span_processor", None)
    for processor in getattr(multi, "_span_processors", ()):
        if isinstance(processor, ReplaySpanProcessor):
            return processor
    return None


def _make_provider() -> TracerProvider:
    # By itself it would close its exporters before the spans have ended that last as long as the process.
    service = program_name().removesuffix(".py")
    provider = TracerProvider(resource=resource_of(service), shutdown_on_exit=False)
    active_runs.at_exit(provider.shutdown)
    attach_processor(provider)
    for exporter in exporters():
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def exporters() -> Iterator[SpanExporter]:
    """The exporters that the environment asks for. One that cannot be made is told and left out."""
    for name in exporter_names():
        try:
            yield _exporter(name)
        except Exception as error:
            # The program and the journal go on; only this one way out is closed.
            _log.warning("OTEL_TRACES_EXPORTER: `%s` cannot be used: %s", name, told(error))


def resource_of(service: str) -> Resource:
    """The environment's resource; a service that it does not name is called `service`."""
    resource = Resource.create()
    name = resource.attributes.get(SERVICE_NAME)
    if isinstance(name, str) and name.startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: service}))
    return resource


def _exporter(name: str) -> SpanExporter:
    if name == "otlp":
        protocol = (
            os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
            or "grpc"
        ).strip()
        name = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}.get(protocol, protocol)
    found: Any = entry_points(group="opentelemetry_traces_exporter", name=name)
    for entry in found:
        exporter: SpanExporter = entry.load()()
        return exporter
    raise LookupError("no such exporter is installed")


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
