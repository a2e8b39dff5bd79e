"""OTLP over HTTP with protobuf bodies: one POST a request, no redirects, proxies as the system has them."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # brings no types
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # brings no types

from otel_replay.errors import UsageError
from otel_replay.orjson_loading import orjson
from otel_replay.sender.outcome import Accepted, Busy, Outcome, Refused, Why, accepted, readable
from otel_replay.sender.target import Signal, Target
from otel_replay.version import VERSION

__all__ = ["HttpClient"]

_BUSY = frozenset({429, 502, 503, 504})
_REFUSALS: dict[int, Why] = {
    400: "bad data",
    404: "no such signal",
    405: "no such signal",
    413: "too large",
    422: "bad data",
    501: "no such signal",
}
_LONGEST_ANSWER_BYTES = 4 << 20
_FAST = 1  # gzip's level: the rest costs more time than it saves


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is sent holds a run and perhaps a token: it goes where it was told to, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


class HttpClient:
    """Sends to an HTTP target.

    Parameters
    ----------
    target:
        Where to, and how.
    now:
        Gives the time in seconds since the epoch, for answers that say until when to wait.
    """

    def __init__(self, target: Target, now: Callable[[], float] = time.time) -> None:
        self._target = target
        self._now = now
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if target.is_local:
            handlers.append(urllib.request.ProxyHandler({}))
        if target.tls:
            handlers.append(urllib.request.HTTPSHandler(context=_tls(target)))
        self._opener = urllib.request.build_opener(*handlers)
        self._headers = {
            "user-agent": f"otel-replay/{VERSION}",
            **dict(target.headers),
            "content-type": "application/x-protobuf",
        }
        if target.gzip:
            self._headers["content-encoding"] = "gzip"

    def export(self, signal: Signal, request: bytes) -> Outcome:
        """POST one request. See :class:`otel_replay.sender.outcome.Client`."""
        body = gzip.compress(request, _FAST, mtime=0) if self._target.gzip else request
        post = urllib.request.Request(self._target.url(signal), body, self._headers, method="POST")
        try:
            with self._opener.open(post, timeout=self._target.timeout_seconds) as answer:
                return _taken(signal, answer.headers, answer.read(_LONGEST_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return self._refusal(error)
        except (OSError, http.client.HTTPException) as error:
            return _unreachable(error)

    def close(self) -> None:
        """Nothing is kept open between requests."""

    def _refusal(self, error: urllib.error.HTTPError) -> Outcome:
        try:
            words = _words(error.headers, error.read(_LONGEST_ANSWER_BYTES))
        except (OSError, http.client.HTTPException):
            words = ""
        reason = f"HTTP {error.code} {readable(str(error.reason))}".rstrip() + (f": {words}" if words else "")
        if error.code in _BUSY:
            return Busy(reason=reason, after_seconds=_retry_after(error.headers, self._now()))
        if 300 <= error.code < 400:
            reason += f" to {readable(error.headers.get('location', 'nowhere'))}"
        return Refused(reason=reason, why=_REFUSALS.get(error.code, "not at all"))


def _tls(target: Target) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
        if target.certificate_file:
            context.load_cert_chain(target.certificate_file, target.key_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the certificates cannot be used: {error}") from None
    return context


def _unreachable(error: Exception) -> Outcome:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Refused(reason=f"its certificate is not trusted: {reason.verify_message}", why="not at all")
    listens = not isinstance(reason, ConnectionRefusedError | socket.gaierror)
    if isinstance(reason, TimeoutError):
        words = "no answer in time"
    elif isinstance(reason, http.client.BadStatusLine):
        words = "what answers there does not speak HTTP"
    else:
        words = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
    return Busy(reason=readable(words), heard=False, listens=listens)


def _taken(signal: Signal, headers: Message, body: bytes) -> Outcome:
    kind = headers.get("content-type", "").lower()
    if "html" in kind:  # Jaeger's page, a proxy's login: they say 200 to anything, and keep nothing
        return Refused(reason="a web page answers there, and no OTLP receiver", why="not at all")
    if "json" not in kind:
        return accepted(signal, body)
    try:
        partial = orjson.loads(body).get("partialSuccess") or {}
        rejected = int(partial.get("rejectedSpans") or partial.get("rejectedLogRecords") or 0)
        return Accepted(rejected=max(rejected, 0), message=readable(str(partial.get("errorMessage", ""))))
    except (ValueError, AttributeError, TypeError):
        return Accepted()


def _words(headers: Mapping[str, str] | Message, body: bytes) -> str:
    """What a refusal says: a `google.rpc.Status`, as the specification has it, or whatever text there is."""
    if "protobuf" in (headers.get("content-type") or ""):
        try:
            return readable(Status.FromString(body).message)
        except DecodeError:
            return ""
    try:
        said = orjson.loads(body)
        return readable(str(said["message"] if isinstance(said, dict) else said))
    except (ValueError, KeyError):
        return readable(body.decode(errors="replace"))


def _retry_after(headers: Message, now: float) -> float | None:
    text = headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
