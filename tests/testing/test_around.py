"""`otel_run` beside other plugins - asyncio, anyio, xdist - inside a recorded session, and without pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from otel_replay.loading import load_items
from otel_replay.storage.run_header import read_header
from otel_replay.storage.store import Store
from otel_replay.testing import GoldenDiffers, recorded_run

ASYNC = """
import asyncio, threading
import pytest, otel_replay
from opentelemetry import trace

async def work(name):
    with trace.get_tracer("a.library").start_as_current_span(name):
        await asyncio.sleep(0)
        otel_replay.decision("CLAMP", name)

def tree(items):
    return sorted(item.path() for item in items if item.kind == "decision")

async def both(otel_run, name):
    await asyncio.gather(work("a"), work("b"))
    assert tree(otel_run.items) == [f"run {name} > a > CLAMP", f"run {name} > b > CLAMP"]

@pytest.mark.asyncio
async def test_by_asyncio(otel_run):
    await both(otel_run, "test_by_asyncio")

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_by_anyio(otel_run, anyio_backend):
    await both(otel_run, "test_by_anyio[asyncio]" if "[" in otel_run.name else "test_by_anyio")

def test_in_a_thread(otel_run):
    thread = threading.Thread(target=lambda: otel_replay.decision("CLAMP", "there"))
    thread.start()
    thread.join()
    assert tree(otel_run.items) == ["run test_in_a_thread > CLAMP"]

@pytest.mark.parametrize("number", range(4))
def test_of_many(otel_run, number):
    otel_replay.decision("CLAMP", str(number))
    assert [item.record.reason for item in otel_run.items if item.kind == "decision"] == [str(number)]
"""

PLUGINS = ("-p", "otel_replay.pytest_plugin", "-p", "pytest_asyncio.plugin", "-p", "anyio", "-p", "xdist")


def session(folder: Path, *options: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A session of pytest in a process of its own."""
    (folder / "test_around.py").write_text(ASYNC)
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    command = [*before, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGINS]
    return subprocess.run(
        [*command, "--basetemp", str(folder / "temporary"), *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "workers"])
def test_runs_of_tests_do_not_mix(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = session(tmp_path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


def test_in_a_recorded_session_a_tests_run_is_its_own_and_linked_to_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    recorder = (sys.executable, "-m", "otel_replay", "--store", str(store), "run", "--run-id", "whole", "--")
    done = session(tmp_path, "--otel-store", str(tmp_path / "kept"), "-n", "2", before=recorder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [run.run_id for run in Store(store).runs()] == ["whole"]


@pytest.fixture
def work(store: Store):
    """Decides once, by the value that it is given."""
    import otel_replay

    def decide(after: float) -> None:
        with otel_replay.task("clamp"):
            otel_replay.decision(
                "CLAMP", "over the limit", values={"after": after, "raw": b"\0", "nan": 1e400}
            )

    return decide


def test_without_pytest_a_block_is_recorded_and_compared(store, work, tmp_path: Path) -> None:
    golden = tmp_path / "golden" / "clamp.jsonl"
    with recorded_run("clamp", store=store.root) as run:
        work(7.0)
        assert "new" in str(run.compare_with(golden, update=True))
    assert Store(store.root).runs() == []
    with recorded_run("clamp", store=store.root) as run:
        work(7.0)
        assert run.compare_with(golden) is None

    def block() -> None:
        with recorded_run("clamp", store=store.root) as run:
            work(8.0)
            run.compare_with(golden)

    with pytest.raises(GoldenDiffers, match=r"values\.after") as told:
        block()
    assert "`compare_with(…, update=True)` rewrites" in str(told.value)
    (kept,) = Store(store.root).runs()
    assert kept.name == "clamp"


def test_what_was_checked_before_a_block_failed_otherwise_stands_in_its_traceback(store, work) -> None:
    def block() -> None:
        with recorded_run("clamp", store=store.root) as run:
            work(7.0)
            run.check.absence("decision(CLAMP)")
            raise ValueError("it went wrong")

    with pytest.raises(ValueError, match="it went wrong") as told:
        block()
    whole = "".join(traceback.format_exception(told.value))
    assert ("1 of 1 checks failed" in whole) == hasattr(BaseException, "add_note")


KILLED = """
import os, signal, sys
import otel_replay
from otel_replay.testing import recorded_run

with recorded_run("killed", store=sys.argv[1]):
    otel_replay.decision("CLAMP", "over the limit")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_test_whose_process_is_killed_leaves_its_run(store) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(store.root)], check=False)
    (left,) = Store(store.root).runs()
    assert (left.name, left.status) == ("killed", "interrupted")
    assert "CLAMP" in [item.name for item in load_items(left.run_id, store=Store(store.root))]


def test_a_run_that_is_kept_says_how_it_ended_and_holds_what_is_derived(store, work) -> None:
    long = "it went wrong " * 100

    def block() -> None:
        with recorded_run("clamp", store=store.root) as run:
            work(7.0)
            assert not (run.directory / "run.json").exists()
            raise ValueError(long)

    with pytest.raises(ValueError, match="it went wrong"):
        block()
    (kept,) = Store(store.root).runs()
    directory = Store(store.root).directory(kept.run_id)
    assert sorted(path.name for path in directory.iterdir()) == [
        "journal",
        "manifest.json",
        "run.json",
        "session_replay.json",
    ]
    assert (kept.status, read_header(directory).message.count("it went wrong")) == ("failed", 100)


def test_without_pytest_checks_that_nobody_was_told_of_fail_the_block(store, work) -> None:
    from otel_replay.assertions import CheckFailed

    def block() -> None:
        with recorded_run("clamp", store=store.root) as run:
            work(7.0)
            run.check.absence("decision(CLAMP)")

    with pytest.raises(CheckFailed, match="1 of 1 checks failed"):
        block()
    (kept,) = Store(store.root).runs()
    assert kept.name == "clamp"
