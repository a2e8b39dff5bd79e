"""The span exporter, for those who only have an export pipeline: `OTEL_TRACES_EXPORTER=otel_replay`.

It writes the same records as the span processor, once a span has ended. A process that is killed loses with
it what OpenTelemetry holds back in its queue; the processor loses nothing, so where the provider has one,
the exporter leaves everything to it and no span is recorded twice.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_replay.attributes import RUN_ID
from otel_replay.errors import told
from otel_replay.otel.moments_out import is_continuation
from otel_replay.otel.process_run import end_again, writer_of_nobodys
from otel_replay.otel.processor import covers, write_end, write_start
from otel_replay.settings import read_settings
from otel_replay.storage import active_runs
from otel_replay.storage.run_opening import OpenedRun, end_run, open_run
from otel_replay.storage.run_writer import RunWriter

__all__ = ["ReplaySpanExporter"]

_lock = threading.RLock()


class ReplaySpanExporter(SpanExporter):
    """Writes ended spans into the store.

    A span belongs to the run that its attribute `otel_replay.run.id` names, else to the one that its
    resource names, else to the process's own run.

    Parameters
    ----------
    store:
        Folder of the store; `OTEL_REPLAY_STORE` or `.otel-replay` by default.
    """

    def __init__(self, store: str | os.PathLike[str] | None = None) -> None:
        # Never raises: an exporter that cannot be made would take all telemetry of the program with it.
        self._settings = read_settings(store=store)
        self._own_store = store is not None
        self._runs: dict[str, OpenedRun] = {}
        self._shut_down = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append the spans to their runs' journals."""
        if self._shut_down or self._settings.disabled:
            return SpanExportResult.FAILURE if self._shut_down else SpanExportResult.SUCCESS
        try:
            with _lock:
                for span in spans:
                    if not covers(span) and not is_continuation(span):
                        self._write(span)
        except Exception as error:
            for writer in active_runs.WRITERS[:1]:
                writer.note_loss(f"exporter: {told(error)}")
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def _write(self, span: ReadableSpan) -> None:
        writer = self._writer_of(span)
        if writer is not None:
            write_end(write_start(writer, span), span)

    def _writer_of(self, span: ReadableSpan) -> RunWriter | None:
        named = _text(span.attributes, RUN_ID) or _text(span.resource.attributes, RUN_ID)
        for writer in active_runs.WRITERS:
            if writer.run_id == named:
                return writer
        if named is None and not self._own_store:
            return writer_of_nobodys()
        key = named or ""
        if key not in self._runs:
            name = _text(span.resource.attributes, "service.name") or "exported spans"
            wanted = named or self._settings.run_id
            self._runs[key] = open_run(name, settings=self._settings, run_id=wanted, joins=wanted is not None)
        return self._runs[key].writer

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Force the journals to the disk."""
        del timeout_millis
        for run in list(self._runs.values()):
            run.writer.sync()
        return True

    def shutdown(self) -> None:
        """Close the journals and write the JSON of the runs that this exporter began."""
        with _lock:
            self._shut_down = True
            runs, self._runs = list(self._runs.values()), {}
        for run in runs:
            end_run(run, ended_ns=run.writer.clock())
        end_again()


def _text(attributes: Mapping[str, object] | None, key: str) -> str | None:
    value = (attributes or {}).get(key)
    return value if isinstance(value, str) and value else None


def _after_fork_in_child() -> None:
    # Another thread of the parent may have been exporting; in the child nobody will unlock it.
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
