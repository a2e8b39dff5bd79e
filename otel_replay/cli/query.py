"""`query`: SQL over runs."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from otel_replay.cli.options import choosing_options, complete_run, open_store, store_option
from otel_replay.wording import visible

if TYPE_CHECKING:
    from otel_replay.cli.chosen_runs import ReadRuns
    from otel_replay.sql.asking import Answer

__all__ = ["command"]

_MOST_SHOWN = 1_000
_FORMATS = ("table", "json", "csv", "parquet")


@click.command("query")
@click.argument("sql", metavar="SQL", required=False)
@click.option("--file", "file", metavar="FILE", help="The file that has the SQL, in place of SQL.")
@click.option(
    "--run",
    "runs",
    metavar="RUN",
    multiple=True,
    shell_complete=complete_run,
    help="Only this run, pattern or file; may be given again (default: all of the store).",
)
@choosing_options
@click.option(
    "--format",
    "how",
    type=click.Choice(_FORMATS),
    help="How to write the rows (default: as FILE ends, else a table).",
)
@click.option("--json", "how", flag_value="json", help="As --format json.")
@click.option("--csv", "how", flag_value="csv", help="As --format csv.")
@click.option("-o", "--output", metavar="FILE", help="Write the rows to FILE: .csv, .json or .parquet.")
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    sql: str | None,
    file: str | None,
    runs: tuple[str, ...],
    all_runs: bool,
    since: str | None,
    how: str | None,
    output: str | None,
) -> int:
    """Answer SQL over the tables runs, spans, events, decisions and generations, with DuckDB.

    With `-` for SQL it is read from standard input. Only the tables that it names are loaded; recorded data
    cannot be changed, and no file reached. docs/query.md has the columns. A run that cannot be read, or not
    to its end, is told, and the exit code is 2. Needs the extra `sql`.
    """
    from otel_replay.cli.chosen_runs import ReadRuns, choose_runs
    from otel_replay.cli.extras import extra

    question = _question(sql, file)
    form = _form(how, output)
    with extra("sql", "query"):
        from otel_replay.sql.asking import ask
    store = open_store(context)
    names: list[str] = []  # a store in which nothing is yet has empty tables
    if runs or since is not None or store.runs():
        everything = all_runs or not (runs or since)
        names = choose_runs(runs, store, all_runs=everything, since=since)
    chosen = ReadRuns(names, store)
    with ask(question, chosen) as answer:
        if output is None:
            _print(answer, form, chosen)
        else:
            _write(answer, form, Path(output), chosen)
        _tell_unread(answer)
    return chosen.tell()


def _question(sql: str | None, file: str | None) -> str:
    from otel_replay.errors import UsageError
    from otel_replay.storage.refusals import told_as_store_error

    if (sql is None) == (file is None):
        raise UsageError("name the SQL, or the file that has it with --file", hint="`-` reads standard input")
    if sql == "-":
        data = sys.stdin.buffer.read()
    elif file is not None:
        with told_as_store_error("read", Path(file)):
            data = Path(file).read_bytes()
    else:
        return sql or ""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the SQL of {file or 'standard input'} is no UTF-8: {error}") from None


def _form(how: str | None, output: str | None) -> str:
    from otel_replay.errors import UsageError

    if output is None:
        if how == "parquet":
            raise UsageError("Parquet is nothing to look at", hint="say where to write it: -o rows.parquet")
        return how or "table"
    form = how or Path(output).suffix.lower().removeprefix(".")
    if form == "table" or form not in _FORMATS:
        raise UsageError(
            f"-o {output} does not say what to write", hint="a name that ends in .csv, .json or .parquet does"
        )
    return form


def _tell_unread(answer: Answer) -> None:
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stderr

    for run_id, count in answer.unread.items():
        stderr().print(
            ("damaged: ", "failed"), f"{run_id}: {counted(count, 'count')} of tokens could not be read (NULL)"
        )


def _print(answer: Answer, form: str, chosen: ReadRuns) -> None:
    from otel_replay.cli.json_out import stdout_bytes

    if form == "table":
        _print_table(answer)
    elif form == "csv" and sys.stdout.isatty():
        _write_csv(_Escaped(answer), stdout_bytes(), chosen)
    else:
        _WRITERS[form](answer, stdout_bytes(), chosen)


def _write(answer: Answer, form: str, place: Path, chosen: ReadRuns) -> None:
    from otel_replay.cli.terminal import stderr
    from otel_replay.storage.atomic import open_output

    with open_output(place) as stream:
        _WRITERS[form](answer, stream, chosen)
    stderr().print(f"Wrote the answer to {place}")


def _print_table(answer: Answer) -> None:
    from itertools import islice

    from otel_replay.cli import people
    from otel_replay.cli.table import Column, lay_out
    from otel_replay.cli.terminal import Text, stderr, stdout

    names = answer.columns
    rows = list(islice(answer, _MOST_SHOWN + 1))
    screen = stdout()
    numbers = [all(isinstance(row[at], int | float) for row in rows) for at in range(len(names))]
    columns = [Column(title=name, right=number) for name, number in zip(names, numbers, strict=True)]
    cells = [[Text("" if cell is None else people.value(cell)) for cell in row] for row in rows[:_MOST_SHOWN]]
    screen.write_all(lay_out(columns, cells, screen))
    screen.flush()
    if len(rows) > _MOST_SHOWN:
        stderr().print((f"the first {_MOST_SHOWN:,} rows; --format json or csv has all", "dim"))


def _write_json(answer: Answer, stream: BinaryIO, chosen: ReadRuns) -> None:
    from otel_replay.cli.json_out import write_list

    names = _distinct(answer.columns)
    rows = ({name: _plain(cell) for name, cell in zip(names, row, strict=True)} for row in answer)
    write_list({"columns": names, "unreadable": chosen.as_json()}, "rows", rows, stream)


class _Escaped:
    """An answer for a terminal: what hides or turns text in it is shown as an escape."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def columns(self) -> list[str]:
        return [visible(name) for name in self._answer.columns]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self._answer:
            yield tuple(visible(cell) if isinstance(cell, str) else cell for cell in row)


def _write_csv(answer: Answer | _Escaped, stream: BinaryIO, chosen: ReadRuns) -> None:  # noqa: ARG001 - a writer's
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(answer.columns)
    for row in answer:
        writer.writerow(row)
        stream.write(text.getvalue().encode("utf-8", "backslashreplace"))
        text.seek(0)
        text.truncate()
    stream.write(text.getvalue().encode("utf-8", "backslashreplace"))


def _write_parquet(answer: Answer, stream: BinaryIO, chosen: ReadRuns) -> None:  # noqa: ARG001 - a writer's
    from shutil import copyfileobj

    with answer.parquet().open("rb") as rows:
        copyfileobj(rows, stream)


def _distinct(names: list[str]) -> list[str]:
    """The names of columns, each another: `a`, `a_1`, … as DuckDB calls them, for an object has each once."""
    found: dict[str, None] = {}
    for name in names:
        number, one = 0, name
        while one in found or (number and one in names):
            number += 1
            one = f"{name}_{number}"
        found[one] = None
    return list(found)


def _plain(cell: Any) -> Any:
    from otel_replay.cli.json_out import json_value
    from otel_replay.values_json import INT64

    if isinstance(cell, float) and not isfinite(cell):
        return "NaN" if isnan(cell) else "Infinity" if cell > 0 else "-Infinity"  # as Protobuf's JSON does
    if isinstance(cell, int):  # no JSON number where programs would round it
        return cell if cell in INT64 else str(cell)
    return cell if cell is None or isinstance(cell, float | str) else json_value(str(cell))


_WRITERS = {"json": _write_json, "csv": _write_csv, "parquet": _write_parquet}
