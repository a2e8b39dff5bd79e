"""The write side of one run in one process: turns what happens into lines of this process's journal.

The journal is made with the first record, and again after a fork or when something still happens after the
end. Nothing here raises into the program that is recorded: what could not be kept is counted, told once on
the log, and written down as a loss.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import monotonic

from otel_replay import json_bytes, log
from otel_replay.clock import Clock
from otel_replay.errors import StoreError, told
from otel_replay.formats.journal_format import FORMAT, VERSION
from otel_replay.interruptions import let_through
from otel_replay.redaction import SKELETON_DROPS
from otel_replay.storage.journal import Journal, JournalFull
from otel_replay.storage.journal_names import journal_name, open_free_journal
from otel_replay.storage.last_sync import sync_soon
from otel_replay.storage.liveness import process_identity
from otel_replay.storage.losses import Losses, try_reserved
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.screen import PutBlob, Screen
from otel_replay.storage.syncer import Syncer
from otel_replay.values import ORJSON_OPTIONS, Notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from otel_replay.storage.blobs import Blobs

    _T = TypeVar("_T")

__all__ = ["RunWriter"]

_START_OFFSET = len('{"kind":"start","span":"","trace":"","parent":"') + 16 + 32


class RunWriter:
    """Writes the records of one run.

    Parameters
    ----------
    directory:
        The run's directory; `journal/` is made in it when needed.
    run_id:
        The run's id.
    screen:
        Encodes and redacts; one for the process.
    clock:
        Nanoseconds since the epoch.
    mode:
        How journals are written: `mmap` or `write`.
    syncer:
        Forces journals to the disk on a timer; None: only at the end.
    event_limit:
        Events that a span takes in OpenTelemetry; further ones go to continuation spans.
    writer:
        Name and version of the program that writes, for the journal's header.
    as_logs:
        Whether moments are to be emitted as log records too.
    """

    def __init__(
        self,
        directory: Path,
        run_id: str,
        *,
        screen: Screen,
        clock: Clock,
        mode: str = "mmap",
        syncer: Syncer | None = None,
        event_limit: int = 128,
        writer: str = "otel-replay",
        as_logs: bool = False,
    ) -> None:
        self.directory, self.run_id = directory, run_id
        self.screen = screen
        self.known = screen.known
        self.clock = clock
        self.span_clock: Clock | None = None
        """Says when spans begin and end, instead of OpenTelemetry's clock; for tests."""
        self.event_limit = event_limit
        self.as_logs = as_logs
        self.open_spans: dict[str, OpenSpan] = {}
        self.pending_lock = threading.RLock()
        self.journal_name = journal_name(clock())
        """File name of this process's journal, which is made with the first record."""
        self.before_opening: Callable[[], None] | None = None
        """Called when a journal is to be made, by the thread that will make it; may take its time."""
        self.on_opened: Callable[[], None] | None = None
        self.on_exit: Callable[[], None] | None = None
        """`on_opened` is called when a journal was made, `on_exit` when it was closed as the process ends."""
        self.root: OpenSpan | None = None
        """The run's own span, where it was started in this process: takes what happens outside any span."""
        self.home_pid = os.getpid()
        self.notes: dict[str, int] = {}  # counts of what was changed on its way in: `redacted`, `by_repr`, …
        self.losses = Losses(run_id, clock)
        self._blobs: Blobs | None = None
        self._writer, self._mode, self._syncer = writer, mode, syncer
        self._lock = threading.RLock()
        self.journal: Journal | None = None
        self._tables: dict[tuple[str, int], tuple[int, object]] = {}
        self.origins: dict[tuple[int, int], tuple[int, int]] = {}
        """The numbers of a resource and a scope in this journal, by the `id()` of both."""
        self._retry_at, self._open_error = 0.0, ""
        self.begins: Mapping[str, Any] | None = None
        self.ends: Mapping[str, Any] | None = None
        """`begins`: what the next journal's first line says of the run; `ends`: what its last line says."""

    def append(self, line: bytes) -> None:
        """Append an encoded line. Never raises."""
        try:
            # As decisions do it. Where there is no journal yet, or no room in its window, it is refused.
            self.journal.fast(line)  # type: ignore[union-attr]
        except Exception as raised:
            let_through(raised)
            try:
                self._opened().append(line)
            except Exception as error:
                let_through(error)
                self.rescue(line, error)

    def write(self, body: dict[str, Any], offset: int) -> None:
        """Append `body` as a line; see :meth:`line`."""
        try:
            # The way of nearly all records, in one go.
            line = json_bytes.dumps(body, None, ORJSON_OPTIONS)
            if line[offset:].translate(None, SKELETON_DROPS) in self.known:
                self.journal.fast(line)  # type: ignore[union-attr]  # where there is none, what follows makes it
                return
        except Exception as raised:
            let_through(raised)
            # the rules know what to do with it
        self.append(self.line(body, offset))

    def line(self, body: dict[str, Any], offset: int) -> bytes:
        """`body` as a line, by the rules for values and without secrets; see :meth:`Screen.line`."""
        return self._noted(self.screen.line, self.put_blob, body, offset)

    def checked(self, line: bytes, body: dict[str, Any], offset: int) -> bytes:
        """`line` if it may be written as it is, otherwise `body` encoded by the rules."""
        return self._noted(self.screen.checked, self.put_blob, line, body, offset)

    def clean(self, attributes: Mapping[str, Any], put_blob: PutBlob | None = None) -> dict[str, Any]:
        """Attributes by the rules for values and without secrets, for others than the journal."""
        return self._noted(self.screen.clean, put_blob or self.put_blob, attributes)

    def clean_text(self, text: object) -> str:
        """A name or message by the same rules; however long, it stays where it is."""
        return str(self._noted(self.screen.clean, None, {"text": text})["text"])

    def clean_message(self, message: str) -> str:
        """What a failure says, by the same rules; without what it quotes, where content is not kept."""
        return self.clean_text(self._noted(self.screen.message, None, message))

    def _noted(self, by_the_rules: Callable[..., _T], put_blob: PutBlob | None, *what: Any) -> _T:
        notes = Notes()
        result = by_the_rules(*what, notes, put_blob)
        if notes:
            self.count(notes)
        return result

    def put_blob(self, data: bytes) -> str | None:
        """Keep bytes by their sha256, which is returned; None if they could not be kept (counted)."""
        return self._put("blob", lambda: self.blobs.put(data))

    @property
    def blobs(self) -> Blobs:
        """The run's blobs: loaded with the first of them."""
        if self._blobs is None:
            from otel_replay.storage.blobs import blobs_of

            with self._lock:
                self._blobs = self._blobs or blobs_of(self.directory, self.clock)
        return self._blobs

    def put_file(self, path: Path) -> tuple[str, int] | None:
        """Keep a copy of a file: sha256 and size; None if it could not be kept (counted)."""
        return self._put(f"artifact {path.name}", lambda: self.blobs.put_file(path))

    def _put(self, what: str, put: Callable[[], _T]) -> _T | None:
        try:
            return put()
        except Exception as error:
            let_through(error)
            self.note_loss(f"{what}: {error}")
            return None

    def count(self, notes: Mapping[str, int]) -> None:
        """Add to the run's notes."""
        with self._lock:
            for name, count in notes.items():
                self.notes[name] = self.notes.get(name, 0) + count

    def span_started(self, start: dict[str, Any]) -> OpenSpan:
        """Write a span's start and return the write side of the open span.

        `start` has the keys of docs/format.md, and `span`, `trace` and `parent` first.
        """
        self.write(start, _START_OFFSET + len(start["parent"]))
        span = OpenSpan(self, start)
        self.open_spans[span.span_id] = span
        return span

    def span_ended(self, span: OpenSpan, time_ns: int, end: dict[str, Any]) -> None:
        """Write a span's end. `end` has the keys of docs/format.md, and only what is not the default."""
        self.open_spans.pop(span.span_id, None)
        line = f'{{"kind":"end","t":{time_ns},"span":"{span.span_id}"}}\n'.encode()
        if end:
            line = line[:-2] + b"," + self.line(end, 0)[1:]
        full = self.journal if span is self.root and self.losses.total else None  # room is kept for its end
        if full is None or not try_reserved(full, line):
            self.append(line)

    def log(self, time_ns: int, body: dict[str, Any], *, logger: str = "") -> None:
        """Write an OpenTelemetry log record of `logger`; `body` has the keys of docs/format.md."""
        if self.screen.content is not None:
            body = self._noted(self.screen.logged, None, body, logger)
        self.append(b'{"kind":"log","t":%d,' % time_ns + self.line(body, 0)[1:])

    def table_id(self, kind: str, entry: object, body: Callable[[], dict[str, Any]]) -> int:
        """The number of a resource or scope in this journal; written down when it is new.

        `entry` is told from others by its identity; `body` makes its line.
        """
        known = self._tables.get((kind, id(entry)))
        if known is not None:
            return known[0]
        with self._lock:
            try:
                self._opened()
            except (OSError, StoreError) as raised:
                let_through(raised)
                return 0  # the record that asks will be counted as lost
            known = self._tables.get((kind, id(entry)))
            if known is None:
                number = sum(1 for table, _ in self._tables if table == kind)
                head = b'{"kind":"%b","id":%d,' % (kind.encode(), number)
                self.append(head + self.line(body(), 0)[1:])
                # The entry is kept, so that its id() is not used again.
                self._tables[kind, id(entry)] = known = (number, entry)
        return known[0]

    def _opened(self) -> Journal:
        with self._lock:
            if self.journal is not None and not self.journal.closed:
                return self.journal
        if self.before_opening is not None:
            self.before_opening()
        with self._lock:
            if self.journal is not None and not self.journal.closed:
                return self.journal
            # A folder that cannot be written is asked again once a second, not with every record.
            if self._open_error and monotonic() < self._retry_at:
                raise OSError(self._open_error)
            try:
                journal = self._made(self.directory)
            except (OSError, StoreError) as error:
                let_through(error)
                self._open_error = str(error)
                self._retry_at = monotonic() + 1.0
                raise
            self._take(journal)
            return journal

    def _take(self, journal: Journal) -> None:
        """Write to this journal from now on."""
        journal.on_refused = self.rescue
        self.journal = journal
        self._open_error = ""
        self._tables, self.origins = {}, {}
        if self._syncer is not None:
            self._syncer.watch(journal)
        if self.on_opened is not None:
            self.on_opened()

    def begin(self, directory: Path) -> None:
        """Make the journal in the run's directory, which has another path for now; OSError, StoreError."""
        with self._lock:
            self._take(self._made(directory))

    def _made(self, directory: Path) -> Journal:
        """A new journal with its header."""
        now = self.clock()
        wanted = self.journal_name if self.journal is None else ""
        journal = open_free_journal(directory / "journal", now, mode=self._mode, wanted=wanted)
        self.journal_name = journal.path.name
        head = b'{"kind":"journal","format":"%b","version":%d,"t":%d,' % (FORMAT.encode(), VERSION, now)
        body = {"run": self.run_id, "writer": self._writer, "event_limit": self.event_limit}
        body["process"] = process_identity()
        if self.begins is not None:
            body["begins"] = self.begins
        try:
            journal.append(head + self.line(body, 0)[1:])
        except BaseException as error:
            journal.close()
            journal.path.unlink(missing_ok=True)
            if isinstance(error, JournalFull):
                raise OSError(f"{journal.path}: {error}") from None
            raise
        self.begins = None
        journal.moved(self.directory / "journal" / self.journal_name)  # a new run's directory: in a moment
        return journal

    def sync(self) -> None:
        """Force the journal to the disk now. Never raises."""
        try:
            if self.journal is not None:
                self.journal.sync()
        except (OSError, ValueError) as error:
            let_through(error)
            log.warning("run %s: the journal may not be on the disk: %s", self.run_id, error)

    def rescue(self, line: bytes, error: Exception) -> None:
        """A record was not taken: it goes into another journal if that one is closed, else it is a loss."""
        try:
            # Not whether it is closed now: another thread may have opened the next one since.
            if isinstance(error, ValueError | TypeError):
                self._opened().append(line)
                return
        except Exception as second:
            let_through(second)
            error = second
        reason = error.args[0] if isinstance(error, JournalFull) else error
        self.note_loss(str(reason) or type(error).__name__)

    def note_loss(self, reason: str) -> None:
        """Count a record that could not be kept. Never raises."""
        self.losses.note(str(self.screen.redactor.redact(reason)[0]), self.journal)

    def close(self, how: str) -> None:
        """Close this process's journal: losses, counts, exact size, on the disk. Never raises.

        `how` is `ended` (the run was ended) or `exit` (the process ends).
        """
        with self._lock:
            journal = self.journal
            if journal is None or journal.closed:
                if self._blobs is not None:
                    self._blobs.close()
                return
            try:
                bundle = self._blobs.close() if self._blobs is not None else None
                if bundle is not None:
                    sync_soon([bundle, bundle.parent])
                last = self.losses.last_line()
                body: dict[str, Any] = {"kind": "close", "t": self.clock(), "how": how}
                if self.notes:
                    body["notes"] = self.notes
                if self.ends is not None:
                    body["ends"] = self.ends
                last += json_bytes.dumps(body, None, ORJSON_OPTIONS)
                if not journal.close(last, durable=False):
                    log.warning("run %s: no room for the journal's last lines", self.run_id)
                sync_soon([journal.path, journal.path.parent, self.directory])
                if not journal.path.exists():
                    log.warning("run %s: %s was deleted while it was written", self.run_id, journal.path)
            except Exception as error:
                let_through(error)
                log.warning("run %s: the journal may not be on the disk: %s", self.run_id, told(error))

    def close_if_free(self, how: str) -> None:
        """As :meth:`close`, but not where a thread holds one of the locks: at the very end it keeps it."""
        locks = [self._lock, self.losses.lock, *([self.journal.lock] if self.journal is not None else [])]
        taken = []
        try:
            for lock in locks:
                if not lock.acquire(blocking=False):
                    return  # the journal stays as it is, whole; `recover` closes it
                taken.append(lock)
            self.close(how)
        finally:
            for lock in reversed(taken):
                lock.release()

    def forget_parent(self) -> None:
        """In a forked child: start over with a journal of its own, and leave the parent's alone."""
        self._lock = threading.RLock()
        self.pending_lock = threading.RLock()
        if self._blobs is not None:
            self._blobs.forget()
        if self.journal is not None:
            self.journal.forget()
        self.journal = None
        self._tables, self.origins = {}, {}
        self.journal_name = ""
        self.begins = self.ends = None
        self.losses = Losses(self.run_id, self.clock)
        self.notes = {}
        for span in self.open_spans.values():
            span.away, span.chunks, span.held = True, 0, None
            if span.pending is not None:
                span.pending = []
