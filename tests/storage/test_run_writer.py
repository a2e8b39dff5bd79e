"""A run's writer where it is hard: full disks, unwritable stores, many threads, a million decisions."""

import json
import os
import stat
import subprocess
import threading

import pytest

import otel_replay
from otel_replay.records import Close, Decision, JournalHeader, Loss
from otel_replay.settings import Settings
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.verify import verify

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")

FULL = """
    import os, resource, sys
    import otel_replay
    from otel_replay.settings import Settings
    from pathlib import Path

    mode, fill = sys.argv[1], sys.argv[2]
    settings = Settings(store=Path(os.environ["OTEL_REPLAY_STORE"]), journal_mode=mode, sync_seconds=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with otel_replay.start_run("full", run_id="full", settings=settings) as run:
        number = 0

        def decide():
            global number
            otel_replay.decision("D", str(number), {"n": number, "text": "x" * 200})
            number += 1
            return sum(run.lost.values())

        if fill == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        else:
            # All the room that is left on the device is somebody else's now.
            Path(fill).write_bytes(b"x")
            with open(fill, "ab", buffering=0) as stream:
                try:
                    while True:
                        stream.write(bytes(4096))
                except OSError:
                    pass
        while not decide():
            pass
        first_lost = number - 1
        for _ in range(500):
            decide()
        with run.task("on a full disk") as task:
            task.set("a", "b" * 5000)
            run.artifact("big", b"z" * 400_000)
            run.checkpoint("state", {"x": "y" * 400_000})
        lost = sum(run.lost.values())
        if fill == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        else:
            os.unlink(fill)
        otel_replay.decision("ROOM AGAIN", "", {"first_lost": first_lost, "made": number, "lost": lost})
        for _ in range(2000):
            decide()
    print("the program ends as if nothing had been")
    """


def check_full(store, done):
    assert done.stdout == "the program ends as if nothing had been\n"
    told = [line for line in done.stderr.splitlines() if "could not keep a record" in line]
    assert 1 <= len(told) <= 4, done.stderr
    recorded = store.run("full")
    assert recorded.bad_lines == []
    again = next(d for d in recorded.decisions if d.action == "ROOM AGAIN").values
    numbers = [d.values["n"] for d in recorded.decisions if d.action == "D"]
    assert numbers == sorted(numbers)
    # All before the first loss, and all from when there was room again.
    assert numbers[: again["first_lost"]] == list(range(again["first_lost"]))
    assert numbers[-2000:] == list(range(again["made"], again["made"] + 2000))
    lost = again["made"] + 2000 - len(numbers)
    assert lost >= 100
    assert recorded.lost >= lost
    assert recorded.lost == again["lost"]
    header = recorded.files.header
    assert (header.lost, header.status) == (recorded.lost, "ok")
    assert all(loss.reason for loss in recorded.of(Loss))
    assert [finding for finding in verify(recorded.files) if finding.severity == "error"] == []


@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_a_disk_that_fills_costs_what_did_not_fit_and_says_how_much(store, python, mode):
    check_full(store, python(FULL, mode, "limit"))


@pytest.fixture
def small_device(tmp_path):
    """A file system of two megabytes; a limit on file sizes where nothing may be mounted."""
    place = tmp_path / "device"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
    )
    yield place if mounted.returncode == 0 else None
    if mounted.returncode == 0:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_a_device_that_others_fill_costs_what_did_not_fit_and_says_how_much(
    store, python, small_device, mode
):
    if small_device is None:
        check_full(store, python(FULL, mode, "limit"))
        return
    root = small_device / "store"
    done = python(FULL, mode, str(small_device / "filler"), env={"OTEL_REPLAY_STORE": str(root)})
    check_full(type(store)(root), done)


def test_a_disk_that_stays_full_until_the_end_leaves_all_that_fitted(store, python, small_device, tmp_path):
    if small_device is None:
        small_device = tmp_path
    root = small_device / "store"
    python(
        FULL.replace("os.unlink(fill)", "pass").replace("(soft, hard)", "(300_000, hard)"),
        "mmap",
        str(small_device / "filler") if small_device != tmp_path else "limit",
        env={"OTEL_REPLAY_STORE": str(root)},
    )
    recorded = type(store)(root).run("full")
    assert recorded.bad_lines == []
    numbers = [d.values["n"] for d in recorded.decisions if d.action == "D"]
    assert numbers[:100] == list(range(100))
    # The reserve of the journal has the losses, with or without an end.
    assert recorded.lost > 0


def made_unwritable(root, how):
    """A store that cannot be written; returns how to make it writable again."""
    if how == "a file":
        root.write_text("not a folder")
        return root.unlink
    if how == "below a file":
        root.parent.joinpath("file").write_text("")
        return None
    if how == "runs is a file":
        root.mkdir()
        (root / "runs").write_text("")
        return (root / "runs").unlink
    if how == "a link in a ring":
        root.symlink_to(root)
        return root.unlink
    if how == "of a newer version":
        root.mkdir()
        (root / "store.json").write_text(json.dumps({"format": "otel-replay.store", "version": 99}))
        return (root / "store.json").unlink
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how", ["a file", "below a file", "runs is a file", "a link in a ring", "of a newer version"]
)
def test_a_store_that_cannot_be_written_costs_the_recording_and_nothing_else(store, how, caplog, tmp_path):
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    root = tmp_path / "file" / "store" if how == "below a file" else store.root
    made_unwritable(store.root, how)
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    with otel_replay.start_run("r", store=root) as run:
        for number in range(300):
            otel_replay.decision("D", str(number))
        with run.task("t"):
            otel_replay.decision("E", "")
            run.artifact("a", b"bytes")
            run.checkpoint("c", {})
        if how != "of a newer version":
            assert sum(run.lost.values()) >= 300
    # It is told, and not with every record.
    assert 1 <= len(caplog.records) <= 8, caplog.text
    assert "the program goes on" in caplog.text
    spans = exporter.get_finished_spans()
    assert {span.name for span in spans} == {"run r", "run r (continued)", "task t"}
    events = [event for span in spans for event in span.events if event.name == "decision D"]
    assert len(events) == 300
    if how != "of a newer version":
        assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before


def test_a_store_that_becomes_writable_in_the_middle_of_a_run_gets_the_rest_of_it(store, monkeypatch):
    from otel_replay.storage import run_writer

    again = made_unwritable(store.root, "a file")
    with otel_replay.start_run("r", run_id="r") as run:
        otel_replay.decision("LOST", "")
        again()
        # It is asked again a second later.
        monkeypatch.setattr(run_writer, "monotonic", lambda: 1e12)
        otel_replay.decision("KEPT", "")
        lost = sum(run.lost.values())
    recorded = store.run("r")
    assert [d.action for d in recorded.decisions] == ["KEPT"]
    assert recorded.files.header.name == "r"
    assert recorded.files.status() == "finished"
    assert recorded.files.header.lost == lost >= 1


def test_a_store_on_a_read_only_file_system_costs_the_recording_and_nothing_else(store, python, tmp_path):
    place = tmp_path / "readonly"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    if not mounted:
        place.chmod(0o500)
    try:
        done = python(
            """
            import otel_replay
            with otel_replay.start_run("r") as run:
                otel_replay.decision("A", "")
                with run.task("t"):
                    otel_replay.decision("B", "")
                print(sum(run.lost.values()) >= 2)
            """,
            env={"OTEL_REPLAY_STORE": str(place / "store")},
        )
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)
    assert done.stdout == "True\n"
    assert "is not recorded" in done.stderr
    assert len(done.stderr.splitlines()) <= 4, done.stderr


def test_files_and_directories_are_the_owners_alone_whatever_the_umask(store):
    before = os.umask(0)
    try:
        with otel_replay.start_run("r") as run:
            otel_replay.decision("A", "", {"text": "x" * 100_000})
            run.artifact("a", b"bytes")
            run.checkpoint("c", {"a": 1})
    finally:
        os.umask(before)
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in [store.root, *store.root.rglob("*")]}
    assert {mode for path, mode in found.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
    assert len(found) > 12


def test_sixteen_threads_lose_nothing_and_tear_nothing(store):
    barrier = threading.Barrier(16)

    def work(number):
        barrier.wait(60)
        for step in range(1000):
            if step % 50 == 0:
                with otel_replay.task(f"t{number}"):
                    otel_replay.decision(f"D{number}", str(step), {"n": step})
            else:
                otel_replay.decision(f"D{number}", str(step), {"n": step, "text": "x" * (step % 300)})

    with otel_replay.start_run("r"):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recorded = store.run()
    assert recorded.bad_lines == []
    for number in range(16):
        assert [d.values["n"] for d in recorded.decisions if d.action == f"D{number}"] == list(range(1000))
    assert recorded.files.header.counts["decisions"] == 16_000
    assert recorded.files.header.counts["spans"] == 1 + 16 * 20


def test_a_journal_cut_at_any_byte_loses_the_line_that_was_cut_and_no_other(store):
    with otel_replay.start_run("r", run_id="r", store=store.root) as run:
        for number in range(8):
            otel_replay.decision("D", str(number), {"n": number, "data": b"\xff\n", "text": "é\u2028"})
        with run.task("t"):
            otel_replay.heartbeat(x=1)
    directory = store.root / "runs" / "r"
    [journal] = (directory / "journal").iterdir()
    whole = journal.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    expected = [item.record for item in RunFiles(directory).records()]
    assert len(expected) == len(ends)
    fd = os.open(journal, os.O_RDWR)
    for size in range(len(whole) - 1, -1, -1):
        os.ftruncate(fd, size)
        for tail in (0, 4096):
            os.ftruncate(fd, size + tail)
            records = [item.record for item in RunFiles(directory).records()]
            complete = sum(1 for end in ends if end <= size)
            assert records[:complete] == expected[:complete]
            torn = records[complete:]
            assert [bad.torn for bad in torn] == ([True] if size not in (0, *ends) else [])
            os.ftruncate(fd, size)
    os.close(fd)


def test_the_journal_says_who_wrote_it_and_how_it_was_closed(store):
    with otel_replay.start_run("r") as run:
        otel_replay.decision("A", "", {"secret": "x", "object": object()})
    recorded = store.run()
    [header] = recorded.of(JournalHeader)
    assert (header.run_id, header.version, header.event_limit) == (run.run_id, 1, 128)
    assert header.process["pid"] == os.getpid()
    assert header.writer.startswith("otel-replay ")
    assert recorded.records[0] is header
    [close] = recorded.of(Close)
    assert recorded.records[-1] is close
    assert close.how == "ended"
    assert dict(close.notes) == {"redacted": 1, "by_repr": 1}
    assert recorded.files.header.notes == close.notes
    assert recorded.files.header.journal == recorded.files.journals()[0].name


@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_what_is_recorded_is_there_before_anything_is_closed(store, mode):
    with otel_replay.start_run("r", settings=Settings(store=store.root, journal_mode=mode)) as run:
        for number in range(50):
            otel_replay.decision("D", str(number))
            with run.task("t") as task:
                task.set("n", number)
        files = store.run().files
        records = [item.record for item in files.records()]
        assert len([record for record in records if type(record) is Decision]) == 50
        assert files.status() == "running"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_hundreds_of_thousands_of_decisions_are_all_there(store, mode):
    count = 300_000 if mode == "mmap" else 100_000
    decision = otel_replay.decision
    with otel_replay.start_run(
        "r", settings=Settings(store=store.root, journal_mode=mode, projections=False)
    ):
        for number in range(count):
            decision("D", "because", {"n": number, "half": number / 2}, {"rpm": number % 6000})
    files = store.run().files
    expected = 0
    for item in files.records():
        record = item.record
        if type(record) is Decision:
            assert record.values["n"] == expected
            expected += 1
    assert expected == count
    assert files.header.counts["decisions"] == count
    assert files.header.lost == 0
