"""OTLP over gRPC: one unary call a request, of bytes that are encoded already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # grpcio brings no types
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # brings no types
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # brings no types
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # brings no types

from otel_replay.errors import UsageError
from otel_replay.sender.outcome import Busy, Outcome, Refused, Why, accepted, readable
from otel_replay.sender.target import Signal, Target
from otel_replay.version import VERSION

__all__ = ["GrpcClient"]

METHODS: dict[Signal, str] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}

_BUSY = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"})
_NOBODY = ("connection refused", "dns resolution failed")
_UNHEARD = ("unavailable: failed to connect", "dns resolution failed", "deadline_exceeded: deadline exceeded")
"""How gRPC's own words begin where no answer came; what a target says stands there instead of these."""

_REFUSALS: dict[str, Why] = {"INVALID_ARGUMENT": "bad data", "UNIMPLEMENTED": "no such signal"}

_OPTIONS = (
    ("grpc.primary_user_agent", f"otel-replay/{VERSION}"),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class GrpcClient:
    """Sends to a gRPC target.

    Parameters
    ----------
    target:
        Where to, and how.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        compression = grpc.Compression.Gzip if target.gzip else grpc.Compression.NoCompression
        if target.tls:
            self._channel = grpc.secure_channel(target.address, _credentials(target), _OPTIONS, compression)
        else:
            self._channel = grpc.insecure_channel(target.address, _options(target), compression)
        self._calls: dict[Signal, Any] = {
            signal: self._channel.unary_unary(method) for signal, method in METHODS.items()
        }

    def export(self, signal: Signal, request: bytes) -> Outcome:
        """Make one call. See :class:`otel_replay.sender.outcome.Client`."""
        try:
            response = self._calls[signal](
                request, timeout=self._target.timeout_seconds, metadata=self._target.headers
            )
        except grpc.RpcError as error:
            return _failure(error)
        return accepted(signal, response)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def _options(target: Target) -> Sequence[tuple[str, int | str]]:
    return (*_OPTIONS, ("grpc.enable_http_proxy", 0)) if target.is_local else _OPTIONS


def _credentials(target: Target) -> Any:
    def content(path: str | None) -> bytes | None:
        return Path(path).read_bytes() if path else None

    try:
        return grpc.ssl_channel_credentials(
            content(target.ca_file), content(target.key_file), content(target.certificate_file)
        )
    except OSError as error:
        raise UsageError(f"the certificates cannot be used: {error}") from None


def _failure(error: Any) -> Outcome:
    code = error.code().name
    reason = f"{code}: {readable(error.details() or '')}".removesuffix(": ")
    if code in _BUSY:
        words = reason.lower()
        heard = not any(sign in words for sign in _UNHEARD)
        listens = not any(sign in words for sign in _NOBODY)
        return Busy(reason=reason, after_seconds=_retry_after(error), heard=heard, listens=listens)
    if code == "RESOURCE_EXHAUSTED":
        return _exhausted(error, reason)
    return Refused(reason=reason, why=_REFUSALS.get(code, "not at all"))


def _exhausted(error: Any, reason: str) -> Outcome:
    # gRPC itself says with this code that a message is too large; only RetryInfo makes it "try again".
    if "larger than max" in reason:
        return Refused(reason=reason, why="too large")
    after_seconds = _retry_after(error)
    if after_seconds is None:
        return Refused(reason=reason, why="not at all")
    return Busy(reason=reason, after_seconds=after_seconds)


def _retry_after(error: Any) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return _delay(value)
    return None


def _delay(status: bytes) -> float | None:
    info = RetryInfo()
    try:
        found = any(detail.Unpack(info) for detail in Status.FromString(status).details)
    except DecodeError:
        return None
    return info.retry_delay.seconds + info.retry_delay.nanos / 1e9 if found else None
