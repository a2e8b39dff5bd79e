"""The run of a session: on the disk at once, tasks of one name kept apart, the agent's pattern as a block."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

import otel_replay
from otel_replay.compat.session_logger import SessionLogger, TaskEvent

HOUR_MS = 3_600_000
pytestmark = pytest.mark.usefixtures("nothing_goes_on")


def lines_of(path: Path) -> list[dict[str, object]]:
    """A saved session."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_everything_is_on_the_disk_when_the_call_returns(store):
    logger = SessionLogger("A", "1")
    logger.log_task_start("build", {"priority": "P1"})
    logger.log_file_read("a", 10)
    logger.log_tool_call("pytest", {"path": "t"}, 2500)
    run = store.run("A_1")
    # The call began before it was told, as it says: before its task, even.
    assert [span.name for span in run.spans] == ["execute_tool pytest", "run A", "task build"]
    assert run.parents() == {"run A": "-", "task build": "run A", "execute_tool pytest": "task build"}
    assert run.span("task build").attributes["otel_replay.task.metadata"] == {"priority": "P1"}
    assert run.events[0].attributes == {"file.path": "a", "file.size": 10}
    call = run.span("execute_tool pytest")
    assert call.end_ns - call.start_ns >= 2_500_000_000
    logger.log_task_complete("build", 60_000, {"ok": True})
    task = store.run("A_1").span("task build")
    assert task.status != "error"
    assert task.attributes["otel_replay.task.metadata"] == {"priority": "P1", "ok": True}
    assert task.attributes["otel_replay.duration_ms"] == 60_000.0


def test_a_logger_that_logs_nothing_leaves_no_run(store):
    SessionLogger("A").get_session_summary()
    assert store.runs() == []


def test_each_logger_has_a_run_of_its_own(store):
    first, second = SessionLogger("A", "1"), SessionLogger("B", "1")
    first.log_task_start("t")
    second.log_task_start("t")
    first.log_file_read("of A")
    second.log_file_read("of B")
    second.log_task_complete("t", 1)
    first.log_task_complete("t", 1)
    for name in "AB":
        run = store.run(f"{name}_1")
        assert [event.attributes["file.path"] for event in run.events] == [f"of {name}"]
        assert [task.status for task in run.spans if task.name == "task t"] == ["unset"]


def test_a_second_session_of_the_same_name_keeps_the_first(store):
    for number in range(2):
        with SessionLogger("A", "1") as logger:
            logger.log_file_read(f"file {number}")
    assert sorted(run.events[0].attributes["file.path"] for run in store.runs()) == ["file 0", "file 1"]


def test_a_closed_session_is_finished_and_verified(store):
    from otel_replay.storage.verify import verify

    with SessionLogger("A", "1") as logger:
        logger.log_file_read("x")
    files = store.run("A_1").files
    assert files.status() == "finished"
    assert verify(files) == []


def test_what_others_record_in_a_task_stands_in_it(store):
    logger = SessionLogger("A", "1")
    logger.log_task_start("outer")
    logger.log_task_start("inner")
    otel_replay.decision("IN", "inner")
    logger.log_task_complete("outer", 1)
    otel_replay.decision("STILL_IN", "inner")
    logger.log_task_complete("inner", 1)
    with otel_replay.start_run("another", run_id="another"):
        otel_replay.decision("OUT", "of all of it")
    assert store.run("A_1").owners() == {"IN": "task inner", "STILL_IN": "task inner"}
    assert store.run("another").owners() == {"OUT": "run another"}
    assert store.run("another").files.header.parent_run_id == ""


# -- tasks with the same name ----------------------------------------------------------------------


def test_nested_tasks_of_the_same_name_are_kept_apart(store):
    logger = SessionLogger("A", "1")
    outer = logger.log_task_start("step", {"depth": 0})
    inner = logger.log_task_start("step", {"depth": 1})
    logger.log_task_complete("step", 1000)
    assert (outer.end_time, inner.end_time) == (None, pytest.approx(inner.start_time + 1, rel=0, abs=1e-5))
    logger.log_task_complete("step", 3000)
    assert outer.end_time == pytest.approx(outer.start_time + 3, rel=0, abs=1e-5)
    analysis = logger.analyze_session("A_1")
    assert analysis.task_breakdown == {"step": 4000}
    assert analysis.velocity_metrics["tasks_per_hour"] == 2 * HOUR_MS / 4000
    spans = [span for span in store.run("A_1").spans if span.name == "task step"]
    took = {span.attributes["otel_replay.duration_ms"]: span for span in spans}
    assert took[1000.0].parent_id == took[3000.0].span_id


def test_parallel_tasks_of_the_same_name_are_kept_apart(store):
    logger = SessionLogger("A", "1")
    all_started, mine = threading.Barrier(4), {}

    def work(number: int) -> None:
        mine[number] = logger.log_task_start("crawl", {"number": number})
        all_started.wait(60)
        logger.log_file_read(f"page {number}")
        logger.log_task_complete("crawl", 1000 * (number + 1), {"done": number})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, task in mine.items():
        assert task.metadata == {"number": number, "done": number}
        assert round(task.end_time - task.start_time, 3) == number + 1
    run = store.run("A_1")
    owners = {event.attributes["file.path"]: event.span_id for event in run.events}
    for span in run.spans:
        if span.name == "task crawl":
            said = span.attributes["otel_replay.task.metadata"]
            assert said["number"] == said["done"]
            assert owners[f"page {said['number']}"] == span.span_id


def test_parallel_asyncio_tasks_of_the_same_name_are_kept_apart(store):
    logger = SessionLogger("A", "1")

    async def work(number: int) -> TaskEvent:
        task = logger.log_task_start("crawl", {"number": number})
        for _ in range(3 - number):
            await asyncio.sleep(0)
        logger.log_task_complete("crawl", number, {"done": number})
        return task

    async def main() -> list[TaskEvent]:
        return await asyncio.gather(*map(work, range(3)))

    assert [task.metadata for task in asyncio.run(main())] == [{"number": n, "done": n} for n in range(3)]


def test_a_task_may_be_completed_by_another_thread(store):
    logger = SessionLogger("A", "1")
    task = logger.log_task_start("upload")
    other = threading.Thread(target=logger.log_task_complete, args=("upload", 5))
    other.start()
    other.join()
    assert task.end_time is not None
    logger.log_file_read("after")
    run = store.run("A_1")
    assert run.events[0].span_id == run.span("run A").span_id


def test_a_task_is_named_by_what_its_start_returned(store):
    logger = SessionLogger("A", "1")
    first, second = logger.log_task_start("poll"), logger.log_task_start("poll")
    logger.log_task_complete(first, 1)
    assert (first.end_time is None, second.end_time is None) == (False, True)


# -- the agent's pattern, shorter ------------------------------------------------------------------


def test_a_task_as_a_block(sessions, store):
    logger = SessionLogger("A", "1")
    with logger.task("build", {"priority": "P1"}, save_to=".deia/sessions") as task:
        otel_replay.decision("BUILT", "in the block")
    assert task.metadata == {"priority": "P1", "result": "success"}
    assert lines_of(sessions / "A_1.jsonl")[0]["metadata"] == task.metadata
    assert store.run("A_1").owners() == {"BUILT": "task build"}


def test_a_task_around_a_function(sessions, store):
    logger = SessionLogger("A", "1")

    @logger.task("divide", save_to=".deia/sessions")
    def divide(a: float, b: float) -> float:
        """Divides."""
        return a / b

    assert (divide(6, 3), divide.__name__, divide.__doc__) == (2.0, "divide", "Divides.")
    with pytest.raises(ZeroDivisionError):
        divide(1, 0)
    assert [event.metadata for event in logger.events] == [
        {"result": "success"},
        {"result": "failed", "error": "division by zero"},
    ]
    assert len(lines_of(sessions / "A_1.jsonl")) == 2
    assert [span.status for span in store.run("A_1").spans if span.name == "task divide"] == [
        "unset",
        "error",
    ]


def test_a_task_around_an_async_function(store):
    logger = SessionLogger("A", "1")

    @logger.task("wait")
    async def wait(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def main() -> list[int]:
        return await asyncio.gather(wait(1), wait(2))

    assert asyncio.run(main()) == [1, 2]
    assert [event.metadata for event in logger.events] == [{"result": "success"}] * 2
    assert all(event.end_time is not None for event in logger.events)


def test_a_task_does_not_fail_because_it_cannot_be_saved(sessions, store, caplog):
    (sessions.parent).write_text("a file in the folder's place")
    logger = SessionLogger("A", "1")
    with logger.task("build", save_to=".deia/sessions"):
        pass
    assert "the session was not saved" in caplog.text
    assert logger.events[0].metadata == {"result": "success"}
    with pytest.raises(OSError, match=r"\.deia"):
        logger.save_session(".deia/sessions")


def test_what_is_logged_never_raises_into_the_agent(store, caplog):
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    logger = SessionLogger("A", "1")
    logger.log_task_start(Unprintable(), {"odd": Unprintable()})
    logger.log_tool_call(Unprintable(), Unprintable(), Unprintable())
    logger.log_file_read(Unprintable(), Unprintable())
    logger.log_file_write("x", -1, "many")
    logger.log_task_complete("nothing", None, None)
    assert len(logger.events) == 4
