"""Files in the session_replay format go into the store and come out of it as they were."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otel_replay.attributes import IMPORT_REST, IMPORT_SHA256
from otel_replay.cli.commands import cli
from otel_replay.errors import FormatError, StoreError, UsageError
from otel_replay.importing import keep
from otel_replay.importing.keep import Imported, import_file
from otel_replay.storage.finalise import finalise
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import write_header
from otel_replay.storage.store import Store
from otel_replay.storage.verify import verify

CORPUS = Path(__file__).parent.parent / "corpus" / "session_replay-1.0"


@pytest.fixture
def own(tmp_path: Path) -> Store:
    """A store that is not there yet."""
    return Store(tmp_path / "own")


def imported(store: Store, path: Path, **more: Any) -> Imported:
    """The only run of a file."""
    (one,) = import_file(store, path, **more)
    return one


def dumped(store: Store, run_id: str, tmp_path: Path) -> bytes:
    """What `dump` writes."""
    out = tmp_path / "dumped.json"
    cli.main(["--store", str(store.root), "dump", run_id, "-o", str(out)], standalone_mode=False)
    return out.read_bytes()


def document(path: Path, **changed: Any) -> Path:
    """A small document, with something changed."""
    body = {
        "schema_version": "1.0",
        "run_id": "bench-7",
        "generated_at": "2026-01-01T00:00:02.000Z",
        "total_decisions": 1,
        "decisions": [{"timestamp": "2026-01-01T00:00:01.250Z", "action": "A", "reason": "why"}],
        **changed,
    }
    path.write_text(json.dumps(body))
    return path


@pytest.mark.parametrize("name", ["real.json", "seed.json", "empty.json"])
def test_a_file_comes_out_byte_for_byte(own: Store, tmp_path: Path, name: str) -> None:
    """The tuner's own file among them: import, store, dump."""
    one = imported(own, CORPUS / name)
    assert one.new
    assert dumped(own, one.run_id, tmp_path) == (CORPUS / name).read_bytes()
    assert verify(own.resolve(one.run_id)) == []


def test_keys_that_the_format_does_not_name_are_kept(own: Store, tmp_path: Path) -> None:
    """Those of decisions come out again; those of the document stand in the run's header."""
    one = imported(own, CORPUS / "later-minor.json")
    entry = json.loads(dumped(own, one.run_id, tmp_path))["decisions"][0]
    assert entry["confidence"] == 0.9
    assert own.resolve(one.run_id).header.attributes[IMPORT_REST] == {"tool": {"name": "later"}}


def test_the_same_file_is_taken_once(own: Store) -> None:
    """The second time nothing changes, under the file's own id as well as under one that was given."""
    first = imported(own, CORPUS / "seed.json")
    before = sorted((path, path.stat().st_mtime_ns) for path in own.root.rglob("*"))
    again = imported(own, CORPUS / "seed.json")
    assert (again.new, again.run_id, again.counts) == (False, first.run_id, first.counts)
    assert sorted((path, path.stat().st_mtime_ns) for path in own.root.rglob("*")) == before


def test_another_file_does_not_take_the_place_of_a_run(own: Store, tmp_path: Path) -> None:
    """Both can be kept, under an id that the user chooses."""
    imported(own, document(tmp_path / "a.json"))
    other = document(tmp_path / "b.json", generated_at="2026-01-01T00:00:03.000Z")
    with pytest.raises(StoreError, match="bench-7 exists already") as refused:
        imported(own, other)
    assert "--run-id bench-7-2" in str(refused.value.hint)
    assert imported(own, other, run_id="bench-7-2").new
    assert len(own.runs()) == 2


def test_a_run_that_was_recorded_here_is_not_taken_for_the_file(own: Store, tmp_path: Path) -> None:
    """Whatever it is called."""
    one = imported(own, document(tmp_path / "a.json"))
    files = own.resolve(one.run_id)
    attributes = {key: value for key, value in files.header.attributes.items() if key != IMPORT_SHA256}
    write_header(files.directory, replace(files.header, attributes=attributes))
    with pytest.raises(StoreError, match="exists already"):
        imported(own, tmp_path / "a.json")


def test_a_run_id_that_is_none_gives_way_to_one_made_from_the_content(own: Store, tmp_path: Path) -> None:
    """It cannot lead out of the store, and is the same each time."""
    path = document(tmp_path / "a.json", run_id="../../etc/cron.d/x")
    one = imported(own, path)
    assert one.run_id.startswith("2026-01-01T00-00-01Z-")
    assert not imported(own, path).new


def test_an_import_that_was_killed_is_finished_by_the_next_one(own: Store, tmp_path: Path) -> None:
    """The run stands in the store whole or not at all; what is derived may be missing."""
    path = document(tmp_path / "a.json")
    one = imported(own, path)
    directory = own.directory(one.run_id)
    header = RunFiles(directory).header
    write_header(directory, replace(header, ended_ns=None, status=None, counts={}))
    (directory / "session_replay.json").unlink()
    (directory / "manifest.json").unlink()
    again = imported(own, path)
    assert (again.new, again.counts["decisions"]) == (False, 1)
    assert verify(RunFiles(directory)) == []
    assert finalise(directory).status == "ok"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is nothing in it"),
        ("hello", "no kind that holds a run"),
        ('{"schema_version": "1.0", "decisions": [', "not a JSON document"),
        ('{"schema_version": "2.0"}', "schema_version '2.0' is not known"),
        ('{"schema_version": "1.0", "decisions": 7}', "`decisions` is not a list"),
    ],
    ids=["empty", "text", "torn", "newer", "no list"],
)
def test_what_is_no_such_file_is_refused_and_leaves_nothing(
    own: Store, tmp_path: Path, text: str, said: str
) -> None:
    """Not even a store."""
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=said):
        list(import_file(own, path))
    assert not own.root.exists()


def test_numbers_and_text_that_a_journal_cannot_hold_are_kept_by_the_rules(
    own: Store, tmp_path: Path
) -> None:
    """Integers of more than 64 bits, lone surrogates: docs/values.md says what becomes of them."""
    path = tmp_path / "a.json"
    values = '{"large": 123456789012345678901234567890, "text": "\\ud800"}'
    document(path)
    path.write_text(path.read_text().replace('"reason": "why"', f'"reason": "why", "values": {values}'))
    one = imported(own, path)
    assert one.counts["decisions"] == 1
    assert verify(own.resolve(one.run_id)) == []


def test_one_id_does_not_name_several_runs(own: Store, tmp_path: Path) -> None:
    """Nor can an id be given that is none."""
    with pytest.raises(UsageError, match="not a run id"):
        imported(own, document(tmp_path / "a.json"), run_id="../x")


@pytest.mark.parametrize("key", ["action", "reason"])
def test_a_lone_surrogate_in_any_text_is_kept_as_its_escape(own: Store, tmp_path: Path, key: str) -> None:
    """In the document's own names too; an id with one is none that a run can have."""
    decision = {"timestamp": "2026-01-01T00:00:01.250Z", "action": "A", "reason": "why", key: "x\ud800"}
    path = document(tmp_path / "a.json", run_id="r\ud800", decisions=[decision], **{"new\ud800": 10**30})
    one = imported(own, path)
    assert one.run_id.startswith("2026-01-01T00-00-01Z-")
    assert b"x\\\\ud800" in dumped(own, one.run_id, tmp_path)
    assert verify(own.resolve(one.run_id)) == []


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z"])
def test_a_time_that_has_no_nanoseconds_is_refused_with_its_place(
    own: Store, tmp_path: Path, time: str
) -> None:
    """A journal has 64 bits for a time."""
    decision = {"timestamp": time, "action": "A", "reason": "why"}
    with pytest.raises(FormatError, match=r"`timestamp` of decision 1 is .*1677 to 2262"):
        imported(own, document(tmp_path / "a.json", decisions=[decision]))


def test_a_text_that_no_line_of_a_journal_can_hold_is_refused(
    own: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be kept and then read by nobody."""
    monkeypatch.setattr(keep, "LONGEST_LINE_BYTES", 10_000)
    decision = {"timestamp": "2026-01-01T00:00:01.250Z", "action": "CLAMP", "reason": "x" * 10_000}
    with pytest.raises(FormatError, match="the decision `CLAMP` is 0 MiB long as one record"):
        imported(own, document(tmp_path / "a.json", decisions=[decision]))
    assert not own.root.exists()
    assert imported(own, document(tmp_path / "b.json", decisions=[{**decision, "reason": "x" * 9_000}])).new


def test_a_file_that_many_import_at_once_is_one_run(own: Store, tmp_path: Path) -> None:
    """One of them is the first; for the others it is there already."""
    path = document(tmp_path / "a.json")
    own.ensure()
    ready = threading.Barrier(8)

    def one(_: int) -> bool:
        ready.wait()
        return imported(Store(own.root), path).new

    with ThreadPoolExecutor(8) as pool:
        news = list(pool.map(one, range(8)))
    assert news.count(True) == 1
    assert verify(own.resolve("bench-7")) == []


def test_a_device_is_refused_and_a_pipe_is_read(own: Store, tmp_path: Path) -> None:
    """/dev/zero has no end; `import <(zcat …)` has one."""
    with pytest.raises(StoreError, match="it is a device"):
        imported(own, Path("/dev/zero"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = document(tmp_path / "a.json").read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert imported(own, pipe).counts["decisions"] == 1
    writer.join()
