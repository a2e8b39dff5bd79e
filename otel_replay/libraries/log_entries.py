"""A record of Python's logging, written as OpenTelemetry's, with the names of its conventions."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

from otel_replay.attributes import (
    CODE_FILE_PATH,
    CODE_FUNCTION,
    CODE_LINE_NUMBER,
    EXCEPTION_MESSAGE,
    EXCEPTION_STACKTRACE,
    EXCEPTION_TYPE,
    THREAD_NAME,
)
from otel_replay.errors import told
from otel_replay.hooks.here import span_here
from otel_replay.interruptions import let_through
from otel_replay.program import program_name
from otel_replay.storage.first_span import reported_name
from otel_replay.storage.run_writer import RunWriter

__all__ = ["attributes_of", "severity_of", "write"]

_USUAL = len(vars(logging.LogRecord("", 0, "", 0, "", None, None)))
_KNOWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}
"""What each record has; all else is what the program gave as `extra`."""

_scopes: dict[str, dict[str, str]] = {}
"""By the loggers' names, each made once: a journal tells them by their identity."""
_resource: dict[str, Any] = {}


def write(record: logging.LogRecord) -> None:
    """Write a record into the journal of the current run; nothing where nothing records."""
    span = span_here()
    if span is None:
        return
    writer = span.writer
    severity, text = severity_of(record)
    scope = _scopes.setdefault(record.name, {"name": record.name})
    body: dict[str, Any] = {
        "span": span.span_id,
        "trace": span.trace_id,
        "severity": severity,
        "severity_text": text,
        "body": _message(record),
        "attributes": attributes_of(record),
        "resource": _resource_number(writer),
        "scope": writer.table_id("scope", scope, lambda: scope),
    }
    writer.log(int(record.created * 1e9), body, logger=record.name)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:
        let_through(error)
        # logging will tell the program what is wrong with its message; here it stays as it is.
        said = record.msg if isinstance(record.msg, str) else type(record.msg).__qualname__
        return f"{said} ({told(error)})"


def severity_of(record: logging.LogRecord) -> tuple[int, str]:
    """OpenTelemetry's severity number of a record, and its text: INFO is 9, WARNING 13, and so on."""
    level = record.levelno
    if level < logging.DEBUG:
        return 1 + max(0, level) * 4 // 10, record.levelname
    step = min(level // 10, 5)  # DEBUG is 1, CRITICAL 5
    fine = min((level - 10 * step) * 4 // 10, 3) if level < 60 else 3
    return 1 + 4 * step + fine, record.levelname


def attributes_of(record: logging.LogRecord) -> dict[str, Any]:
    """Where a record was made, its exception, and what the program gave as `extra`."""
    own = vars(record)
    attributes: dict[str, Any] = {}
    if len(own) > _USUAL:
        attributes.update({key: value for key, value in own.items() if key not in _KNOWN})
    attributes[CODE_FILE_PATH] = record.pathname
    attributes[CODE_FUNCTION] = record.funcName
    attributes[CODE_LINE_NUMBER] = record.lineno
    if record.threadName and record.threadName != "MainThread":
        attributes[THREAD_NAME] = record.threadName
    if isinstance(record.exc_info, tuple) and record.exc_info[0] is not None:
        kind, error, where = record.exc_info
        attributes[EXCEPTION_TYPE] = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        attributes[EXCEPTION_MESSAGE] = told(error).partition(": ")[2] if error is not None else ""
        attributes[EXCEPTION_STACKTRACE] = "".join(traceback.format_exception(kind, error, where))
    return attributes


def _resource_number(writer: RunWriter) -> int:
    """The resource of the process's spans, as far as there are any by the SDK; else its service alone."""
    sdk = sys.modules.get("otel_replay.otel.processor")
    if sdk is not None:
        from opentelemetry import trace

        resource = getattr(trace.get_tracer_provider(), "resource", None)
        if resource is not None:
            return int(sdk.resource_id(writer, resource))
    if not _resource:
        service = reported_name(program_name())
        _resource["attributes"] = {"service.name": service}
    return writer.table_id("resource", _resource, lambda: _resource)
