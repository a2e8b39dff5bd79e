"""Runs written line by line, for tests of what reads them; and a real process that is killed in the act."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from otel_replay.formats.journal_v1 import encode
from otel_replay.records import Close, Decision, JournalHeader, Record, SpanEnd, SpanStart
from otel_replay.storage.finalise import finalise
from otel_replay.storage.run_header import RunHeader
from otel_replay.storage.store import Store

RUN = "2025-12-15T17-28-01Z-e46826"
JOURNAL = "20251215T172801803Z-7.jsonl"
START_NS = 1_765_819_681_803_000_000
ROOT = "00000000000000aa"
TRACE = "0" * 30 + "aa"

DEAD = {"pid": 2**22 + 1, "host": "somewhere", "boot": "long-ago"}
"""A process of another machine, of which nothing can be known here."""


def run_header(run_id: str = RUN, **given: Any) -> RunHeader:
    """The header of a run that has just begun."""
    return RunHeader(
        **{"run_id": run_id, "name": "tuning", "started_ns": START_NS, "journal": JOURNAL, **given}
    )


def decision(number: int, **given: Any) -> Decision:
    """A decision, one millisecond after the one before."""
    return Decision(
        **{
            "time_ns": START_NS + number * 1_000_000,
            "span_id": ROOT,
            "action": "AFR_CORRECTION",
            "reason": f"sample {number}",
            "values": {"before": 0.5 + number, "after": 0.25},
            "cell": {"rpm": 2000, "kpa": 65},
            **given,
        }
    )


def beginning(run_id: str = RUN) -> list[Record]:
    """A journal's header, and the start of the run's own span."""
    return [
        JournalHeader(version=1, run_id=run_id, time_ns=START_NS),
        SpanStart(time_ns=START_NS, trace_id=TRACE, span_id=ROOT, name="run tuning"),
    ]


def ending(time_ns: int = START_NS + 10**9, status: Any = "ok") -> list[Record]:
    """The end of the run's own span, and of the journal."""
    return [SpanEnd(time_ns=time_ns, span_id=ROOT, status=status), Close(time_ns=time_ns, how="ended")]


def lines(records: Iterable[Record]) -> bytes:
    """The records as a journal holds them."""
    return b"".join(map(encode, records))


def write_run(
    store: Store,
    run_id: str = RUN,
    content: bytes | None = None,
    *,
    journals: dict[str, bytes] | None = None,
    **header: Any,
) -> Path:
    """A run on the disk whose process is gone; by default with three decisions and an end, not summed up."""
    store.ensure()
    directory = store.create(run_header(run_id, **header))
    if content is None:
        content = lines([*beginning(run_id), *map(decision, range(3)), *ending()])
    for name, data in (journals or {JOURNAL: content}).items():
        (directory / "journal" / name).write_bytes(data)
    return directory


def finished_run(store: Store, run_id: str = RUN, content: bytes | None = None, **header: Any) -> Path:
    """A run that ended as it should, with its projections."""
    directory = write_run(store, run_id, content, **header)
    finalise(directory, ended_ns=START_NS + 10**9, status="ok", durable=False)
    return directory


WRITER = """
import sys
from pathlib import Path
from otel_replay.formats.journal_v1 import encode
from otel_replay.records import Decision, JournalHeader, SpanStart
from otel_replay.storage.journal import open_journal
from otel_replay.storage.liveness import process_identity
from otel_replay.storage.run_header import RunHeader
from otel_replay.storage.store import Store

root, run_id, mode, decisions = sys.argv[1:5]
store = Store(Path(root))
store.ensure()
identity = process_identity()
now = 1_765_819_681_803_000_000
directory = store.create(RunHeader(run_id=run_id, name="killed", started_ns=now, process=identity))
journal = open_journal(directory / "journal" / "20251215T172801803Z-7.jsonl", mode=mode)
journal.append(encode(JournalHeader(version=1, run_id=run_id, time_ns=now, process=identity)))
span_id = "0" * 14 + "aa"
journal.append(encode(SpanStart(time_ns=now, trace_id="0" * 30 + "aa", span_id=span_id, name="run killed")))
for number in range(int(decisions)):
    decision = Decision(time_ns=now + number, span_id=span_id, action="A", reason=f"sample {number}")
    journal.append(encode(decision))
print("written", flush=True)
sys.stdin.read()
"""


@contextmanager
def writing_process(
    store: Store, run_id: str = RUN, *, mode: str = "mmap", decisions: int = 3
) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun a run, has recorded decisions and goes on living; ended with SIGKILL."""
    command = [sys.executable, "-c", WRITER, str(store.root), run_id, mode, str(decisions)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "written\n"
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL, and wait until it is gone."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def killed_run(store: Store, run_id: str = RUN, **given: Any) -> Path:
    """A run whose process was killed while it was recording."""
    with writing_process(store, run_id, **given):
        pass
    return store.directory(run_id)


def reasons(records: Iterable[Any]) -> Sequence[str]:
    """The reasons of the decisions among located records."""
    return [item.record.reason for item in records if isinstance(item.record, Decision)]


def pack_content(directory: Path) -> dict[str, bytes]:
    """Every file of a run that a pack gives back."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != ".lock" and path.parent.name != "sent"
    }
