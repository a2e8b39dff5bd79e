"""Sends a run to an OTLP endpoint: now or a year later, once or again and again, and each span arrives once.

Spans go in the order in which they ended. A run that is still being recorded can be sent as often as one
likes: what ended since goes. The spans that nobody ended go last, when the run's processes are gone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from otel_replay.errors import SendError
from otel_replay.formats.assemble import Located
from otel_replay.sender.box import Box, Limits
from otel_replay.sender.courier import Courier, Patience, SignalNotTaken
from otel_replay.sender.cursor import Cursor, open_cursor
from otel_replay.sender.outcome import Client
from otel_replay.sender.parcels import Parcel, Parcels
from otel_replay.sender.target import Signal, Target

__all__ = ["Progress", "Run", "SendReport", "connect", "send"]


class Run(Protocol):
    """What `send` asks of a run; `storage.run_files.RunFiles` is one."""

    @property
    def directory(self) -> Path:
        """Where its files are."""

    @property
    def run_id(self) -> str:
        """Its id."""

    def journals(self) -> list[Path]:
        """Its journals."""

    def is_written(self) -> bool:
        """Whether a process still records it."""

    def records(self) -> Iterable[Located]:
        """Its records, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a `send` gets on, after each request, and before each wait (`waiting` says why)."""

    spans: int
    log_records: int
    rejected: int
    waiting: str = ""


@dataclass(slots=True, kw_only=True)
class SendReport:
    """What a `send` did.

    `spans` and `log_records` were taken by the target this time; `rejected` were not, `messages` says why.
    `spans_before` were taken by earlier sends. `log_records_not_taken`: the target takes no log records.
    `open_spans` wait for their end, because the run is still recorded. `bad_lines` of the journals could not
    be read.
    """

    target: str
    spans: int = 0
    spans_before: int = 0
    log_records: int = 0
    rejected: int = 0
    log_records_not_taken: int = 0
    open_spans: int = 0
    bad_lines: int = 0
    requests: int = 0
    sent_bytes: int = 0
    already_sent: bool = False
    messages: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the target took everything that it takes at all."""
        return self.rejected == 0


def connect(target: Target) -> Client:
    """A client that speaks the target's protocol; what it needs is imported now."""
    if target.protocol == "grpc":
        from otel_replay.sender.grpc_client import GrpcClient

        return GrpcClient(target)
    from otel_replay.sender.http_client import HttpClient

    return HttpClient(target)


def send(
    run: Run,
    target: Target,
    *,
    progress: Callable[[Progress], None] | None = None,
    resend: bool = False,
    limits: Limits | None = None,
    patience: Patience | None = None,
    connect: Callable[[Target], Client] = connect,
) -> SendReport:
    """Send what `target` does not have of `run` yet.

    Parameters
    ----------
    run, target:
        What, and where to.
    progress:
        Told after each request.
    resend:
        Forget what was sent before, and send everything; the ids are the same.
    limits, patience:
        How large requests are, and how long to try again.
    connect:
        Makes the client.

    Raises
    ------
    SendError
        If the target cannot be reached or refuses. What arrived until then is noted, and not sent again.
    StoreError, FormatError
        If the run, or how far it was sent, cannot be read or written.
    """
    with open_cursor(run.directory, run.run_id, target, resend=resend) as cursor:
        sizes = _sizes(run.journals())
        report = SendReport(target=target.name, spans_before=cursor.totals.get("spans", 0))
        if cursor.complete == sizes:
            report.already_sent = True
            return report
        # Asked before the records are read: a run that ends meanwhile is finished by the next send.
        is_written = run.is_written()
        sender = _Sender(cursor, report, progress, limits or Limits())
        parcels = Parcels(
            run.records(),
            cursor,
            open_spans="leave" if is_written else "interrupted",
            largest_bytes=sender.limits.max_bytes - 4_096,
        )
        with closing(connect(target)) as client:
            sender.run(client, parcels, patience or _patience(target))
        report.open_spans = parcels.open_spans if is_written else 0
        report.bad_lines = parcels.bad_lines
        cursor.complete = None if is_written else sizes
        cursor.save(durable=True)
        return report


def _sizes(journals: list[Path]) -> dict[str, int]:
    return {path.name: os.stat(path).st_size for path in journals}


def _patience(target: Target) -> Patience:
    # One whole timeout without a word from a target that never said one is enough.
    return Patience(unheard_seconds=min(5.0, 0.9 * target.timeout_seconds))


class _Sender:
    """Fills requests with parcels, has them delivered, and notes what arrived."""

    def __init__(
        self,
        cursor: Cursor,
        report: SendReport,
        progress: Callable[[Progress], None] | None,
        limits: Limits,
    ) -> None:
        self.limits = limits
        self._cursor = cursor
        self._report = report
        self._progress = progress
        self._boxes: dict[Signal, Box] = {"traces": Box(), "logs": Box()}
        self._logs_not_taken = ""

    def run(self, client: Client, parcels: Iterable[Parcel], patience: Patience) -> None:
        """Deliver all parcels."""
        courier = Courier(client, self._report.target, patience=patience, waiting=self._tell_waiting)
        try:
            for parcel in parcels:
                box = self._boxes[parcel.signal]
                if not box.has_room(parcel, self.limits):
                    self._deliver(courier, parcel.signal)
                box.put(parcel)
            for signal in self._boxes:
                self._deliver(courier, signal)
        except SendError as error:
            arrived = f"; {self._report.spans} spans arrived before" if self._report.spans else ""
            raise SendError(error.message + arrived, hint=error.hint) from None
        finally:
            self._report.requests = courier.requests
            self._report.sent_bytes = courier.sent_bytes

    def _deliver(self, courier: Courier, signal: Signal) -> None:
        parcels = self._boxes[signal].empty()
        if not parcels:
            return
        if signal == "logs" and self._logs_not_taken:
            self._not_taken(parcels)
            return
        try:
            delivery = courier.deliver(signal, parcels)
        except SignalNotTaken as error:
            self._logs_not_taken = str(error)
            self._not_taken(parcels)
            return
        counted = "spans" if signal == "traces" else "log_records"
        setattr(self._report, counted, getattr(self._report, counted) + delivery.accepted)
        self._report.rejected += delivery.rejected
        for message in delivery.messages:
            if message not in self._report.messages:
                self._report.messages.append(message)
        self._note(parcels)
        self._cursor.count(counted, delivery.accepted)
        self._cursor.count("rejected", delivery.rejected)
        self._cursor.save(durable=False)
        self._tell()

    def _not_taken(self, parcels: list[Parcel]) -> None:
        """Log records for a target that takes none: passed over, counted, and not offered to it again."""
        self._report.log_records_not_taken += len(parcels)
        self._cursor.count("log_records_not_taken", len(parcels))
        self._note(parcels)

    def _note(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            if parcel.position is not None:
                self._cursor.reach(parcel.signal, parcel.position)
            if parcel.tail_id:
                self._cursor.tail[parcel.tail_id] = None

    def _tell(self, waiting: str = "") -> None:
        if self._progress is not None:
            report = self._report
            self._progress(
                Progress(
                    spans=report.spans,
                    log_records=report.log_records,
                    rejected=report.rejected,
                    waiting=waiting,
                )
            )

    def _tell_waiting(self, reason: str, seconds: float) -> None:
        self._tell(f"{reason}; again in {seconds:.1f} s")
