"""The log exporter: OpenTelemetry log records into the run's journal, `OTEL_LOGS_EXPORTER=otel_replay`.

Our own events as log records (`otel_replay.decision`, …) become what they are; all others are kept as log
entries. Records that our own recording emitted in this process are in the journal already and are left out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import time_ns
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

from otel_replay.attributes import ACTION, LOG_DECISION_EVENT, LOG_EVENT_NAMES, RUN_ID
from otel_replay.errors import told
from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.journal_v1 import encode
from otel_replay.otel.log_events import SCOPE_NAME
from otel_replay.otel.process_run import end_again, writer_of_nobodys
from otel_replay.otel.processor import resource_id, scope_id
from otel_replay.settings import read_settings
from otel_replay.storage import active_runs
from otel_replay.storage.run_writer import RunWriter

__all__ = ["ReplayLogExporter"]

_SPAN_EVENTS = {log_name: span_name for span_name, log_name in LOG_EVENT_NAMES.items()}


class ReplayLogExporter(LogRecordExporter):
    """Writes log records into the store: to the run they name, else to the process's own."""

    def __init__(self, store: str | os.PathLike[str] | None = None) -> None:
        # Never raises: an exporter that cannot be made would take all telemetry of the program with it.
        self._settings = read_settings(store=store)
        self._shut_down = False

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Append the records to the journal."""
        if self._shut_down or self._settings.disabled:
            return LogRecordExportResult.FAILURE if self._shut_down else LogRecordExportResult.SUCCESS
        try:
            for entry in batch:
                scope = entry.instrumentation_scope
                if scope is None or scope.name != SCOPE_NAME:
                    self._write(entry)
        except Exception as error:
            for writer in active_runs.WRITERS[:1]:
                writer.note_loss(f"log exporter: {told(error)}")
            return LogRecordExportResult.FAILURE
        return LogRecordExportResult.SUCCESS

    def _write(self, entry: ReadableLogRecord) -> None:
        record = entry.log_record
        attributes = dict(record.attributes or {})
        span_id = format(record.span_id, "016x") if record.span_id else ""
        trace_id = format(record.trace_id, "032x") if record.trace_id else ""
        writer = _writer_of(attributes, span_id, trace_id)
        if writer is None:
            return
        time = record.timestamp or record.observed_timestamp or time_ns()
        event_name = record.event_name or ""
        if span_id and (
            event_name == LOG_DECISION_EVENT or event_name in _SPAN_EVENTS or ACTION in attributes
        ):
            attributes.pop(RUN_ID, None)
            name = _SPAN_EVENTS.get(event_name, event_name)
            writer.append(encode(event_to_record(time, span_id, name, writer.clean(attributes))))
            return
        body: dict[str, Any] = {
            "span": span_id,
            "trace": trace_id,
            "event": event_name,
            "severity": record.severity_number.value if record.severity_number is not None else 0,
            "severity_text": record.severity_text or "",
            "body": record.body,
            "attributes": attributes,
            "observed": record.observed_timestamp or 0,
            "flags": int(record.trace_flags or 0),
            "dropped_attributes": entry.dropped_attributes,
            "resource": resource_id(writer, entry.resource),
            "scope": scope_id(writer, entry.instrumentation_scope),
        }
        given = {key: value for key, value in body.items() if value not in ("", 0, None, {})}
        scope = entry.instrumentation_scope
        writer.log(time, given, logger=scope.name if scope is not None else "")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Force the journals to the disk."""
        del timeout_millis
        for writer in list(active_runs.WRITERS):
            writer.sync()
        return True

    def shutdown(self) -> None:
        """Take no more records. The runs are ended by whoever began them."""
        self._shut_down = True
        end_again()


def _writer_of(attributes: dict[str, Any], span_id: str, trace_id: str) -> RunWriter | None:
    """The writer of the run that is named, else of the run of the span, else of the oldest one."""
    named = attributes.get(RUN_ID)
    # Log records wait in a queue: their run may be over by now.
    writers = [*active_runs.WRITERS, *active_runs.ENDED]
    for writer in writers:
        if writer.run_id == named:
            return writer
    for writer in writers:
        root = writer.root
        if span_id and (span_id in writer.open_spans or (root is not None and root.trace_id == trace_id)):
            return writer
    return writer_of_nobodys()
