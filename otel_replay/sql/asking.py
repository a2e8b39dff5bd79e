"""A question in SQL, asked of runs: what it names is loaded into DuckDB, and nothing else can be reached
from it.

Rows go to a file and from there into a database in a temporary folder, in portions, so memory does not grow
with the runs. Then the database is opened for reading only and without access to files, the net or
extensions.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import duckdb

from otel_replay.errors import UsageError
from otel_replay.formats.deep_json import dumps
from otel_replay.orjson_loading import orjson
from otel_replay.sql.rows import CALL, TABLES, rows_of
from otel_replay.uninterrupted import uninterrupted
from otel_replay.values_json import is_native_exact, to_json

if TYPE_CHECKING:
    from otel_replay.loading import RunRecords

__all__ = ["Answer", "ask"]

_PORTION_BYTES = 16 << 20
_LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1GB",
    "threads": 2,
    # A table's name never means a variable of this program.
    "python_enable_replacements": "false",
}
_LONGEST_ROW_BYTES = 16 << 20
_PARQUET = "answer.parquet"
_LOCKED = (
    "enable_external_access = false",
    "autoinstall_known_extensions = false",
    "autoload_known_extensions = false",
    "lock_configuration = true",
)


class Answer:
    """The columns of an answer, and its rows as they are asked for.

    `unread` says by run how many counts of tokens cannot be read; they are NULL.
    """

    def __init__(
        self, database: Any, sql: str, folder: Path, unread: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._database, self._sql, self._folder = database, sql, folder
        self.unread = unread
        self._asked: Any = None

    @property
    def columns(self) -> list[str]:
        """The names of its columns.

        Raises
        ------
        UsageError
            If the SQL cannot be answered; so do the other ways of reading it.
        """
        return [column[0] for column in self._cursor().description or ()]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        cursor = self._cursor()
        while rows := _told(lambda: cursor.fetchmany(1_000)):
            yield from rows

    def parquet(self) -> Path:
        """The rows as a file of Parquet, which is gone with the block; columns keep their types."""
        path = self._folder / _PARQUET
        relation = self._did(lambda: self._database.sql(self._sql))
        if relation is None:
            raise UsageError("the SQL answers nothing that could be written", hint="a SELECT does")
        self._did(lambda: relation.write_parquet(str(path), compression="zstd"))
        return path

    def _did(self, act: Callable[[], Any]) -> Any:
        return _told(lambda: _interruptible(self._database, act))

    def _cursor(self) -> Any:
        if self._asked is None:
            self._asked = self._did(lambda: self._database.execute(self._sql))
        return self._asked


@contextmanager
def ask(sql: str, runs: Iterable[RunRecords]) -> Iterator[Answer]:
    """Ask these runs; the answer can be read inside the block.

    Raises
    ------
    UsageError
        If the SQL is wrong, with the place where it is.
    """
    with tempfile.TemporaryDirectory(prefix="otel-replay-sql-") as name:
        folder = Path(name)
        database = folder / "recorded.duckdb"
        with duckdb.connect(str(database), config=_LIMITS) as loading:
            _make_tables(loading)
            # What is wrong is told before anything is loaded.
            if len(_told(lambda: loading.extract_statements(sql))) != 1:
                raise UsageError("one question is asked at a time, and this SQL is none or several")
            wanted = {name for name in TABLES if re.search(rf"\b{name}\b", sql, re.IGNORECASE)}
            loader = _Loader(loading, wanted, folder)
            loader.load(runs)
        # What DuckDB does of itself is short, and loses a Ctrl-C.
        with uninterrupted():
            asking = duckdb.connect(str(database), read_only=True, config=_LIMITS)
            # The one file that may be written is ours, in a folder whose name nobody could have known.
            asking.execute("SET allowed_paths = [$path]", {"path": str(folder / _PARQUET)})
            for setting in _LOCKED:
                asking.execute(f"SET {setting}")
        with asking:
            yield Answer(asking, sql, folder, loader.unread)


def _interruptible(database: Any, act: Callable[[], Any]) -> Any:
    # In its first milliseconds with a question DuckDB 2.0 loses a Ctrl-C (26 times of 60): it is asked in a
    # thread, and Python waits for both.
    asked: Future[Any] | None = None
    with ThreadPoolExecutor(1) as pool:
        try:
            with uninterrupted():  # while the thread begins, nobody would tell the question to stop
                asked = pool.submit(act)
            return asked.result()
        except KeyboardInterrupt:
            while asked is not None and not asked.done():
                database.interrupt()
                wait([asked], timeout=0.05)
            raise


def _told(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (duckdb.InterruptException, RuntimeError) as error:
        # Ctrl-C comes as one or the other, by the release of DuckDB and by what it was doing.
        if isinstance(error, duckdb.InterruptException) or "interrupted" in str(error):
            raise KeyboardInterrupt from None
        raise
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


def _loaded(column: str, type_: str) -> str:
    return "TIMESTAMP_NS" if type_ == "BIGINT" and _is_time(column) else type_


def _is_time(column: str) -> bool:
    return column.endswith("time") or column == "started"


def _line(row: dict[str, Any]) -> bytes:
    """A row as one line of JSON; most hold nothing that JSON cannot say as it is."""
    try:
        line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        line = b"null"
    if is_native_exact(line):
        return line
    return dumps(to_json(row), orjson.OPT_APPEND_NEWLINE)


class _Loader:
    """Fills the tables that are wanted, in portions."""

    def __init__(self, database: Any, wanted: set[str], folder: Path) -> None:
        self.database = database
        self.file = folder / "portion.jsonl"
        self.portions = {name: bytearray() for name in wanted}
        self.longest_bytes = _LONGEST_ROW_BYTES
        self.unread: Counter[str] = Counter()

    def load(self, runs: Iterable[RunRecords]) -> None:
        if not self.portions:
            return
        calls = "generations" in self.portions
        if calls:
            self.database.execute(
                f"CREATE TABLE told_generations AS SELECT *, 0::BIGINT AS {CALL} FROM generations"
            )
        for number, run in enumerate(runs):
            for table, row in rows_of(run, self.portions.keys(), self.unread):
                portion = self.portions.get(table)
                if portion is None:
                    continue
                if CALL in row:
                    row[CALL] += number << 32  # of this run
                line = _line(row)
                self.longest_bytes = max(self.longest_bytes, len(line))
                portion += line
                if len(portion) > _PORTION_BYTES:
                    self.take_in(table, portion)
        for table, portion in self.portions.items():
            self.take_in(table, portion)
        if calls:
            self.join_calls()

    def take_in(self, table: str, portion: bytearray) -> None:
        if not portion:
            return
        self.file.write_bytes(portion)
        portion.clear()
        columns = TABLES[table]
        if table == "generations":
            table, columns = "told_generations", {**columns, CALL: "BIGINT"}
        told = ", ".join(
            f'make_timestamp_ns("{column}")' if _is_time(column) else f'"{column}"' for column in columns
        )
        self.database.execute(
            f"INSERT INTO {table} SELECT {told} FROM read_json(?, format='newline_delimited', columns=?, "
            f"maximum_object_size={self.longest_bytes})",
            [str(self.file), columns],
        )
        self.file.unlink()

    def join_calls(self) -> None:
        """Make one row of all that was told of a call: of the first span, with what others add."""
        summed = {"input_tokens": "BIGINT", "output_tokens": "BIGINT", "cost_usd": "DOUBLE"}
        told = ", ".join(
            f"sum({column})::{summed[column]}" if column in summed else f"any_value({column})"
            for column in TABLES["generations"]
        )
        self.database.execute(
            f"INSERT INTO generations SELECT {told} FROM told_generations GROUP BY {CALL} ORDER BY {CALL}"
        )
        self.database.execute("DROP TABLE told_generations")
