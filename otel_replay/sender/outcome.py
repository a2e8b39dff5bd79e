"""What became of one request: the OTLP specification's answers, whichever protocol they came by.

After opentelemetry-proto, docs/specification.md ("OTLP/gRPC Response", "OTLP/HTTP Response"): which answers
mean "try again", and which mean that it is of no use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # brings no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_replay.sender.target import Signal

__all__ = ["Accepted", "Busy", "Client", "Outcome", "Refused", "Why", "accepted", "readable"]

Why = Literal["too large", "bad data", "no such signal", "not at all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The target has it, but for `rejected` items; `message` may warn even where there are none."""

    rejected: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Not now: the same request may be sent again, after `after_seconds` if the target said so.

    `heard` says whether anybody answered; `listens` is False where the connection itself was refused.
    """

    reason: str
    after_seconds: float | None = None
    heard: bool = True
    listens: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Never: `why` says whether a smaller request, other data, or nothing at all would be taken."""

    reason: str
    why: Why


Outcome: TypeAlias = Accepted | Busy | Refused


class Client(Protocol):
    """Carries requests to one target."""

    def export(self, signal: Signal, request: bytes) -> Outcome:
        """Send one export request and wait for what becomes of it. Never raises for what the network does."""

    def close(self) -> None:
        """Let go of connections."""


def accepted(signal: Signal, response: bytes) -> Accepted:
    """What a target that took a request says in its answer (`ExportTraceServiceResponse`, or the logs')."""
    try:
        rejected, message = _PARTIAL[signal](response)
    except DecodeError:
        # Taken is taken: the status said so, and some servers answer in words of their own.
        return Accepted()
    return Accepted(rejected=max(rejected, 0), message=readable(message))


def _traces(response: bytes) -> tuple[int, str]:
    partial = ExportTraceServiceResponse.FromString(response).partial_success
    return partial.rejected_spans, partial.error_message


def _logs(response: bytes) -> tuple[int, str]:
    partial = ExportLogsServiceResponse.FromString(response).partial_success
    return partial.rejected_log_records, partial.error_message


_PARTIAL: dict[Signal, Callable[[bytes], tuple[int, str]]] = {"traces": _traces, "logs": _logs}


def readable(text: str, longest: int = 300) -> str:
    """A target's words on one line, without what would move a terminal's cursor."""
    line = " ".join(text.split())
    line = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line
    )
    return line if len(line) <= longest else line[:longest] + "…"
