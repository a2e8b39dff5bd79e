"""An HTTP request as a client span, by OpenTelemetry's conventions for HTTP: what all HTTP libraries share.

A span lasts until the answer's head is there: bodies are the program's, and stream past us unseen. Nothing is
added to a request unless `OTEL_REPLAY_PROPAGATE` asks for it.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind

from otel_replay.attributes import (
    ERROR_TYPE,
    HTTP_METHOD,
    HTTP_METHOD_ORIGINAL,
    HTTP_RESEND_COUNT,
    HTTP_STATUS,
    NETWORK_PROTOCOL_VERSION,
    SERVER_ADDRESS,
    SERVER_PORT,
    URL_FULL,
)
from otel_replay.recording.blocks import start_span
from otel_replay.recording.joining import join_if_invited
from otel_replay.recording.shapes import Shape
from otel_replay.recording.spans import RecordedSpan
from otel_replay.redaction import MASK
from otel_replay.settings import read_settings
from otel_replay.storage.active_runs import WRITERS

__all__ = ["DOING", "HttpCall", "begin", "context_headers", "http_shape", "propagates"]

DOING = "recording an HTTP request"

_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_USERINFO = re.compile(r"(?<=://)[^/?#@]*@")


def http_shape(method: str, url: str, resends: int = 0) -> Shape:
    """The span of a request: `GET`. Who asks (the part of a URL before `@`) is left out of it."""
    known = method.upper() if method.upper() in _METHODS else "_OTHER"
    attributes: dict[str, Any] = {HTTP_METHOD: known, URL_FULL: _USERINFO.sub(f"{MASK}@", url)}
    if known != method:
        attributes[HTTP_METHOD_ORIGINAL] = method
    if resends:
        attributes[HTTP_RESEND_COUNT] = resends
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
        attributes.update({SERVER_ADDRESS: parts.hostname} if parts.hostname else {})
        attributes.update({SERVER_PORT: port} if port else {})
    except ValueError:
        pass  # a URL that is none: the request will say so
    return Shape("HTTP" if known == "_OTHER" else known, SpanKind.CLIENT, attributes)


class HttpCall:
    """One request that is recorded, as the current span, until it is answered or fails."""

    keywords: dict[str, Any] | None = None

    def __init__(self, span: RecordedSpan) -> None:
        self._span = span
        span.attach()

    def returned(self, value: Any) -> None:
        """The library's answer: whatever has a status."""
        self.answered(getattr(value, "status", None))

    def answered(self, status: int | None, version: str = "", resends: int = 0) -> None:
        """The answer's head is there.

        Parameters
        ----------
        status:
            Its status; from 400 on the span has failed.
        version:
            Of the protocol: `1.1`.
        resends:
            How often it was sent again before this answer, where the library tells only at its end.
        """
        self._span.detach()
        told = {HTTP_STATUS: status, NETWORK_PROTOCOL_VERSION: version, HTTP_RESEND_COUNT: resends}
        attributes: dict[str, Any] = {name: value for name, value in told.items() if value}
        if status is not None and status >= 400:
            self._span.fail("")
            attributes[ERROR_TYPE] = str(status)
        self._span.set_all(attributes)
        self._span.end()

    def raised(self, error: BaseException) -> None:
        """There is no answer: refused, timed out, cancelled."""
        self._span.detach()
        self._span.fail(error)
        self._span.end()


def begin(method: str, url: str, *, resends: int = 0) -> RecordedSpan | None:
    """A request begins; None where nothing records."""
    if not WRITERS and not join_if_invited():
        return None
    span = start_span(RecordedSpan, lambda: http_shape(method, url, resends))
    return span if span.recording else None


def propagates() -> bool:
    """Whether requests are to carry the trace's context (`traceparent`) to whom they ask."""
    return read_settings().propagate


def context_headers() -> dict[str, str]:
    """The context of the current span as headers, by OpenTelemetry's propagators."""
    from opentelemetry import propagate  # not cheap, and only where it is asked for

    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers
