"""`query`: SQL over runs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import complete_run, open_store, store_option

if TYPE_CHECKING:
    from otel_replay.sql.asking import Answer

__all__ = ["command"]

_MOST_SHOWN = 1_000


@click.command("query")
@click.argument("sql", metavar="SQL")
@click.option(
    "--run",
    "runs",
    metavar="RUN",
    multiple=True,
    shell_complete=complete_run,
    help="Only this run, pattern or file; may be given again (default: all of the store).",
)
@click.option(
    "--format",
    "how",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print the rows.",
)
@store_option
@click.pass_context
def command(context: click.Context, sql: str, runs: tuple[str, ...], how: str) -> None:
    """Answer SQL over the tables runs, spans, events, decisions and generations, with DuckDB.

    Only the tables that SQL names are loaded; recorded data cannot be changed, and no file reached.
    docs/query.md has the columns. Needs the extra `sql`.
    """
    from otel_replay.cli.extras import extra
    from otel_replay.loading import stream_runs

    with extra("sql", "query"):
        from otel_replay.sql.asking import ask

    with ask(sql, stream_runs(runs, store=open_store(context))) as answer:
        _PRINTERS[how](answer)


def _print_table(answer: Answer) -> None:
    from itertools import islice

    from otel_replay.cli import people
    from otel_replay.cli.table import Column, lay_out
    from otel_replay.cli.terminal import Text, stderr, stdout

    rows = list(islice(answer, _MOST_SHOWN + 1))
    screen = stdout()
    numbers = [all(isinstance(row[at], int | float) for row in rows) for at in range(len(answer.columns))]
    columns = [Column(title=name, right=number) for name, number in zip(answer.columns, numbers, strict=True)]
    cells = [[Text("" if cell is None else people.value(cell)) for cell in row] for row in rows[:_MOST_SHOWN]]
    screen.write_all(lay_out(columns, cells, screen))
    screen.flush()
    if len(rows) > _MOST_SHOWN:
        stderr().print((f"the first {_MOST_SHOWN:,} rows; --format json or csv has all", "dim"))


def _print_json(answer: Answer) -> None:
    from otel_replay.cli.json_out import write_list

    names = answer.columns
    rows = ({name: _plain(cell) for name, cell in zip(names, row, strict=True)} for row in answer)
    write_list({"columns": names}, "rows", rows)


def _print_csv(answer: Answer) -> None:
    from otel_replay.cli.json_out import stdout_bytes

    out, text = stdout_bytes(), io.StringIO()
    writer = csv.writer(text)
    writer.writerow(answer.columns)
    for row in answer:
        writer.writerow(row)
        out.write(text.getvalue().encode("utf-8", "backslashreplace"))
        text.seek(0)
        text.truncate()
    out.write(text.getvalue().encode("utf-8", "backslashreplace"))


def _plain(cell: Any) -> Any:
    from otel_replay.cli.json_out import json_value

    return cell if cell is None or isinstance(cell, bool | int | float | str) else json_value(str(cell))


_PRINTERS = {"table": _print_table, "json": _print_json, "csv": _print_csv}
