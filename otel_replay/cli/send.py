"""`send`: recorded runs to an OTLP endpoint, as often as you like; each span arrives once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import named_runs, runs_arguments, store_option

if TYPE_CHECKING:
    from otel_replay.cli.terminal import Screen
    from otel_replay.sender.send import SendReport
    from otel_replay.sender.target import Target
    from otel_replay.storage.run_files import RunFiles

__all__ = ["command"]


@click.command("send")
@runs_arguments
@click.option(
    "--to",
    "endpoint",
    metavar="URL",
    help="OTLP endpoint, e.g. http://localhost:4318 (default: OTEL_EXPORTER_OTLP_ENDPOINT).",
)
@click.option(
    "--protocol",
    type=click.Choice(["grpc", "http"]),
    help="Default: by the port (4317, 4318), else http for a URL.",
)
@click.option(
    "--header", "headers", multiple=True, metavar="K=V", help="A header or gRPC metadata; may be repeated."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="For one request (default: 30).",
)
@click.option("--resend", is_flag=True, help="Forget what this endpoint has been sent, and send everything.")
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    runs: tuple[str, ...],
    all_runs: bool,
    endpoint: str | None,
    protocol: str | None,
    headers: tuple[str, ...],
    timeout: float | None,
    resend: bool,
) -> int:
    """Send runs to an OTLP endpoint: a Collector, Jaeger, any backend.

    What the endpoint has taken is remembered and not sent again. A running run may be sent too: what has
    ended since goes with the next send.
    """
    from otel_replay.cli.terminal import stderr, stdout
    from otel_replay.errors import FormatError, StoreError
    from otel_replay.sender.target import parse_target

    target = parse_target(
        endpoint, protocol=protocol, headers=headers, timeout_seconds=timeout, environ=os.environ
    )
    screen = stdout()
    rejected = unreadable = 0
    for files in named_runs(context, runs, all_runs, of_files=True):
        try:
            report = _send(files, target, resend)
        except (StoreError, FormatError) as error:
            if not all_runs:
                raise
            # One run that cannot be read must not keep the others here.
            unreadable += 1
            stderr().print(("error: ", "failed"), f"{files.directory.name}: {error.message}")
            continue
        rejected += report.rejected
        _tell(files.run_id, report, screen)
    return 2 if unreadable else 1 if rejected else 0


def _send(files: RunFiles, target: Target, resend: bool) -> SendReport:
    from otel_replay.cli.progress import Progress
    from otel_replay.sender.send import Progress as SendProgress
    from otel_replay.sender.send import send

    with Progress("spans sent") as progress:

        def look(so_far: SendProgress) -> None:
            progress.count = so_far.spans
            progress.look(f" ({so_far.waiting})" if so_far.waiting else "")

        return send(files, target, progress=look, resend=resend)


def _tell(run_id: str, report: SendReport, screen: Screen) -> None:
    from otel_replay.cli.people import counted, size

    mark, style = ("✓ ", "finished") if report.ok else ("✗ ", "failed")
    if report.already_sent:
        screen.print(
            (mark, style),
            (run_id, "bold"),
            f"  {report.target} has it all: {counted(report.spans_before, 'span')}",
        )
        return
    told = [counted(report.spans, "span")]
    if report.log_records:
        told.append(counted(report.log_records, "log record"))
    sent = f"{size(report.sent_bytes)} in {counted(report.requests, 'request')}"
    text = f"  {' and '.join(told)} to {report.target}, {sent}"
    screen.print((mark, style), (run_id, "bold"), text)
    for note, style in _notes(run_id, report):
        screen.print("    ", (note, style))
    screen.flush()


def _notes(run_id: str, report: SendReport) -> Iterator[tuple[str, str]]:
    from otel_replay.cli.people import counted

    if report.rejected:
        yield f"{report.rejected:,} were rejected", "failed"
    for message in report.messages:
        yield message, "failed" if report.rejected else "open"
    if report.log_records_not_taken:
        yield (
            f"{counted(report.log_records_not_taken, 'log record')} not sent: the endpoint takes none",
            "open",
        )
    if report.open_spans:
        yield f"{counted(report.open_spans, 'span')} still open: send again when they have ended", "open"
    if report.bad_lines:
        damaged = counted(report.bad_lines, "damaged line")
        yield f"{damaged} passed over; `otel-replay verify {run_id}` names them", "open"
