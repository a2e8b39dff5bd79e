"""A question in SQL, asked of runs: what it names is loaded into DuckDB, and nothing else can be reached
from it.

Rows go to a file and from there into a database in a temporary folder, in portions, so memory does not grow
with the runs. Then the database is opened for reading only and without access to files, the net or
extensions.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import orjson

from otel_replay.errors import UsageError
from otel_replay.sql.rows import TABLES, rows_of

if TYPE_CHECKING:
    from otel_replay.loading import RunRecords

__all__ = ["Answer", "ask"]

_PORTION_BYTES = 64 << 20
_LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1GB",
    "threads": 2,
    # A table's name never means a variable of this program.
    "python_enable_replacements": "false",
}
_LONGEST_ROW_BYTES = 16 << 20
_LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}


class Answer:
    """The columns of an answer, and its rows as they are asked for."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.columns: list[str] = [column[0] for column in cursor.description or ()]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while rows := _told(lambda: self._cursor.fetchmany(1_000)):
            yield from rows


@contextmanager
def ask(sql: str, runs: Iterable[RunRecords]) -> Iterator[Answer]:
    """Ask these runs; the answer can be read inside the block.

    Raises
    ------
    UsageError
        If the SQL is wrong, with the place where it is.
    """
    with tempfile.TemporaryDirectory(prefix="otel-replay-sql-") as folder:
        database = Path(folder, "recorded.duckdb")
        with duckdb.connect(str(database), config=_LIMITS) as loading:
            _make_tables(loading)
            _told(lambda: loading.extract_statements(sql))  # what is wrong is told before anything is loaded
            wanted = {name for name in TABLES if re.search(rf"\b{name}\b", sql, re.IGNORECASE)}
            _load(loading, runs, wanted, Path(folder))
        config = {**_LIMITS, **_LOCKED}
        with duckdb.connect(str(database), read_only=True, config=config) as asking:
            yield Answer(_told(lambda: asking.execute(sql)))


def _told(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        message, *place = str(error).splitlines()
        raise UsageError(
            f"the SQL cannot be answered: {message}",
            place=tuple(line for line in place if line.strip()),
            hint="tables: " + ", ".join(TABLES) + "; docs/query.md has their columns",
        ) from None


def _make_tables(database: Any) -> None:
    for name, columns in TABLES.items():
        told = ", ".join(f'"{column}" {_loaded(column, type_)}' for column, type_ in columns.items())
        database.execute(f"CREATE TABLE {name} ({told})")


def _load(database: Any, runs: Iterable[RunRecords], wanted: set[str], folder: Path) -> None:
    if not wanted:
        return
    portions = {name: bytearray() for name in wanted}
    for run in runs:
        for table, row in rows_of(run, wanted):
            portion = portions.get(table)
            if portion is None:
                continue
            portion += orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
            if len(portion) > _PORTION_BYTES:
                _take_in(database, table, portion, folder)
    for table, portion in portions.items():
        _take_in(database, table, portion, folder)


def _loaded(column: str, type_: str) -> str:
    return "TIMESTAMP_NS" if type_ == "BIGINT" and _is_time(column) else type_


def _is_time(column: str) -> bool:
    return column.endswith("time") or column == "started"


def _take_in(database: Any, table: str, portion: bytearray, folder: Path) -> None:
    if not portion:
        return
    file = folder / "portion.jsonl"
    longest_bytes = max(_LONGEST_ROW_BYTES, max(map(len, portion.split(b"\n"))) + 1)
    file.write_bytes(portion)
    portion.clear()
    columns = TABLES[table]
    told = ", ".join(
        f'make_timestamp_ns("{column}")' if _is_time(column) else f'"{column}"' for column in columns
    )
    database.execute(
        f"INSERT INTO {table} SELECT {told} FROM read_json(?, format='newline_delimited', columns=?, "
        f"maximum_object_size={longest_bytes})",
        [str(file), columns],
    )
    file.unlink()
