"""`dump`: a run as a file that other programs read. Streams: memory does not grow with the run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from otel_replay.cli.options import complete_run, find_run, store_option

if TYPE_CHECKING:
    from typing import BinaryIO

    from otel_replay.cli.bytes_shown import Sink
    from otel_replay.cli.progress import Progress
    from otel_replay.opening import OpenRun
    from otel_replay.storage.run_files import Located

__all__ = ["command"]

Records = Callable[[], Iterator["Located"]]

_SMALL = 20_000


@click.command("dump")
@click.argument("run", metavar="[RUN]", required=False, shell_complete=complete_run)
@click.option(
    "--run-id", metavar="RUN", shell_complete=complete_run, help="The run; the same as the argument."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "jsonl", "otlp", "otlp-logs", "csv"]),
    default="json",
    show_default=True,
    help="json: session_replay 1.0; jsonl: one object for each span, decision and event; "
    "otlp: OTLP JSON lines of the spans (otlp-logs: of the log records); csv: the decisions.",
)
@click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE, whole or not at all (default: standard output)."
)
@store_option
@click.pass_context
def command(
    context: click.Context, run: str | None, run_id: str | None, form: str, output: str | None
) -> None:
    """Write RUN as a file for other programs, straight from its journal.

    Works for finished, running and interrupted runs, and for files of any kind (docs/runs.md).
    """
    from otel_replay.cli.progress import Progress
    from otel_replay.errors import UsageError

    if (run is None) == (run_id is None):
        raise UsageError("name one run: `otel-replay dump RUN`", hint="`latest` is the newest one")
    opened = find_run(context, run or run_id or "")
    with Progress("records read") as progress:
        _dump(opened, form, output, progress)


def _dump(run: OpenRun, form: str, output: str | None, progress: Progress) -> None:
    def records() -> Iterator[Located]:
        return progress.over(run.records())

    with _open(output, form) as stream:
        _FORMS[form](run, records, stream)
    progress.look()
    if output:
        from otel_replay.cli.people import size
        from otel_replay.cli.terminal import stderr

        stderr().print(f"Wrote {output}, {size(os.stat(output).st_size)}")


def _open(output: str | None, form: str) -> AbstractContextManager[Sink]:
    if output is None:
        from otel_replay.cli.json_out import stdout_bytes

        stream = stdout_bytes()
        if not sys.stdout.isatty():
            return nullcontext(stream)
        from otel_replay.cli.bytes_shown import TerminalCsv, TerminalJson

        return nullcontext(TerminalCsv(stream) if form == "csv" else TerminalJson(stream))
    from otel_replay.storage.atomic import open_output

    return open_output(Path(output))


# -- one writer for each format


def _json(run: OpenRun, records: Records, stream: Sink) -> None:
    from otel_replay.attributes import IMPORT_FORMAT
    from otel_replay.clock import SYSTEM_CLOCK
    from otel_replay.formats import session_replay
    from otel_replay.records import Decision
    from otel_replay.storage.finalise import resolve_text

    header = run.header
    session_replay.write(
        cast("BinaryIO", stream),  # it writes text that is ASCII, and asks no more of it
        run_id=run.run_id,
        generated_ns=header.ended_ns or SYSTEM_CLOCK(),
        decisions=(item.record for item in records() if isinstance(item.record, Decision)),
        total=_known_total(run),
        resolve=resolve_text(run.blobs),
        extra=header.attributes.get(IMPORT_FORMAT) == "session_replay",
    )


def _known_total(run: OpenRun) -> int | None:
    """The number of decisions, where waiting to count them would take long and the header can be trusted."""
    header = run.header
    total = header.counts.get("decisions", 0)
    trusted = header.status is not None and not header.counts.get("bad_lines") and not run.is_written()
    return total if trusted and total >= _SMALL else None


def _jsonl(run: OpenRun, records: Records, stream: Sink) -> None:
    from otel_replay.cli.plain_records import objects, run_object
    from otel_replay.formats.deep_json import dumps
    from otel_replay.orjson_loading import orjson

    stream.write(dumps(run_object(run), orjson.OPT_APPEND_NEWLINE))
    for plain in objects(records(), run.blobs.read):
        stream.write(dumps(plain, orjson.OPT_APPEND_NEWLINE))


def _otlp(run: OpenRun, records: Records, stream: Sink) -> None:
    from otel_replay.formats.assemble import OpenSpans, assemble
    from otel_replay.formats.otlp_json import span_lines

    # The open spans of a running run have not ended yet; those of a killed one never will.
    open_spans: OpenSpans = "leave" if run.is_written() else "interrupted"
    stream.writelines(span_lines(assemble(records(), open_spans=open_spans)))


def _otlp_logs(_run: OpenRun, records: Records, stream: Sink) -> None:
    from otel_replay.formats.assemble import logs
    from otel_replay.formats.otlp_json import log_lines

    stream.writelines(log_lines(logs(records())))


def _csv(_run: OpenRun, records: Records, stream: Sink) -> None:
    from otel_replay.formats.csv_table import csv_rows
    from otel_replay.records import Decision

    stream.writelines(csv_rows(lambda: (one.record for one in records() if isinstance(one.record, Decision))))


_FORMS: dict[str, Callable[[OpenRun, Records, Sink], None]] = {
    "json": _json,
    "jsonl": _jsonl,
    "otlp": _otlp,
    "otlp-logs": _otlp_logs,
    "csv": _csv,
}
