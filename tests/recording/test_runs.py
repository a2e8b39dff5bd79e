"""Runs: started as a block or plainly, inside each other, side by side in threads and in tasks."""

import asyncio
import logging
import os
import shutil
import threading

import pytest

import otel_replay
from otel_replay.clock import SteppingClock
from otel_replay.records import SpanEnd, SpanStart
from otel_replay.settings import Settings
from otel_replay.storage import active_runs, last_sync

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


def test_a_run_is_recorded_with_all_that_happens_in_it(store, tmp_path):
    source = tmp_path / "log.csv"
    source.write_text("rpm,afr\n")
    with otel_replay.start_run("tuning", attributes={"engine": "V8", "limit": 0.5}) as run:
        with run.task("smooth", passes=2) as task:
            run.decision(
                "CLAMPING", "over the limit", values={"before": 12.4, "after": 10.0}, cell={"rpm": 3500}
            )
            otel_replay.decision("SKIP", "too few samples", cell={"rpm": 500})
            task.set("cells", 144)
        with run.agent("planner"), run.tool_call("search", {"query": "afr"}, call_id="c1") as call:
            call.result(["a", "b"])
        with run.generation("model-1", provider="local", temperature=0.5, seed=7) as generation:
            generation.output(
                [{"role": "assistant", "parts": [{"type": "text", "content": "yes"}]}],
                finish_reasons=["stop"],
                usage={"input_tokens": 12, "output_tokens": 3},
            )
        run.file_read(source, lines=1)
        run.checkpoint("table", {"cells": [1, 2]})
        run.artifact("out.csv", b"a,b\n")
        run.heartbeat(done=0.5)

    recorded = store.run()
    assert recorded.bad_lines == []
    assert recorded.files.status() == "finished"
    assert recorded.files.header.name == "tuning"
    assert (recorded.files.header.trace_id, recorded.files.header.span_id) == (run.trace_id, run.span_id)
    assert recorded.files.header.attributes == {"engine": "V8", "limit": 0.5}
    assert recorded.files.header.counts == {"decisions": 2, "spans": 5, "events": 4, "logs": 0}
    assert recorded.parents() == {
        "run tuning": "-",
        "task smooth": "run tuning",
        "invoke_agent planner": "run tuning",
        "execute_tool search": "invoke_agent planner",
        "chat model-1": "run tuning",
    }
    assert recorded.owners() == {"CLAMPING": "task smooth", "SKIP": "task smooth"}
    clamping = recorded.decisions[0]
    assert (clamping.reason, clamping.values, clamping.cell) == (
        "over the limit",
        {"before": 12.4, "after": 10.0},
        {"rpm": 3500},
    )
    tool = recorded.span("execute_tool search").attributes
    assert tool["gen_ai.tool.call.arguments"] == {"query": "afr"}
    assert tool["gen_ai.tool.call.result"] == ["a", "b"]
    assert tool["gen_ai.tool.call.id"] == "c1"
    chat = recorded.span("chat model-1")
    assert chat.span_kind == 3
    assert chat.attributes["gen_ai.request.temperature"] == 0.5
    assert chat.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert chat.attributes["gen_ai.usage.input_tokens"] == 12
    assert recorded.span("task smooth").attributes["cells"] == 144
    assert [event.name for event in recorded.events] == ["file read", "checkpoint", "artifact", "heartbeat"]
    assert recorded.files.blobs.read(recorded.events[2].attributes["otel_replay.artifact.sha256"]) == b"a,b\n"
    assert all(span.attributes["otel_replay.run.id"] == run.run_id for span in recorded.spans)


def test_a_run_may_be_started_and_ended_plainly_and_ending_it_twice_does_nothing(store):
    run = otel_replay.start_run("plain")
    otel_replay.decision("A", "while it is open")
    run.end()
    run.end()
    recorded = store.run(run.run_id)
    assert recorded.files.status() == "finished"
    assert [type(record) for record in recorded.records].count(SpanEnd) == 1
    assert recorded.owners() == {"A": "run plain"}


def test_after_a_run_the_context_the_environment_and_the_list_of_runs_are_as_before(store):
    from opentelemetry import context

    environment, before = dict(os.environ), context.get_current()
    with otel_replay.start_run("one"), otel_replay.start_run("two"), otel_replay.task("t"):
        assert dict(os.environ) != environment
    assert dict(os.environ) == environment
    assert context.get_current() == before
    assert active_runs.WRITERS == []


def test_an_exception_passes_through_and_the_run_says_that_it_failed(store):
    with pytest.raises(ZeroDivisionError), otel_replay.start_run("fails") as run, run.task("divide"):
        1 / 0  # noqa: B018 - raises
    recorded = store.run()
    assert recorded.files.status() == "failed"
    assert recorded.files.header.message == "ZeroDivisionError: division by zero"
    task = recorded.span("task divide")
    assert (task.status, task.message) == ("error", "ZeroDivisionError: division by zero")
    assert task.attributes["error.type"] == "ZeroDivisionError"
    [event, *_] = task.events
    assert event.name == "exception"
    assert "1 / 0" in event.attributes["exception.stacktrace"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError()])
def test_what_is_no_exception_of_the_program_fails_the_run_too(store, error):
    with pytest.raises(type(error)), otel_replay.start_run("stopped"):
        raise error
    assert store.run().files.status() == "failed"


def test_leaving_by_sys_exit_without_a_code_is_no_failure(store):
    with pytest.raises(SystemExit), otel_replay.start_run("done"):
        raise SystemExit
    assert store.run().files.status() == "finished"


def test_a_run_inside_a_run_is_a_run_of_its_own_that_names_the_outer_one(store):
    with otel_replay.start_run("outer") as outer:
        otel_replay.decision("O1", "")
        with otel_replay.start_run("inner") as inner:
            otel_replay.decision("I", "")
            outer.decision("O2", "to the outer one by its object")
        otel_replay.decision("O3", "")
    assert store.run(outer.run_id).owners() == dict.fromkeys(("O1", "O2", "O3"), "run outer")
    recorded = store.run(inner.run_id)
    assert recorded.owners() == {"I": "run inner"}
    assert recorded.files.header.parent_run_id == outer.run_id
    span = recorded.span("run inner")
    assert span.trace_id != outer.trace_id
    assert [(link.trace_id, link.span_id) for link in span.links] == [(outer.trace_id, outer.span_id)]
    assert span.attributes["otel_replay.run.parent_id"] == outer.run_id


def test_an_inner_run_lies_in_the_store_of_the_outer_one(store, tmp_path):
    with otel_replay.start_run("outer", store=tmp_path / "elsewhere"), otel_replay.start_run("inner"):
        pass
    assert len(list((tmp_path / "elsewhere" / "runs").glob("[!.]*"))) == 2
    assert not store.root.exists()


def test_a_run_beside_another_one_lies_in_its_own_store(store, tmp_path):
    started, go_on = threading.Event(), threading.Event()

    def elsewhere():
        with otel_replay.start_run("first", store=tmp_path / "elsewhere"):
            started.set()
            assert go_on.wait(60)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    assert started.wait(60)
    with otel_replay.start_run("second"):
        pass
    go_on.set()
    thread.join()
    assert store.run().files.header.name == "second"


def test_runs_side_by_side_in_threads_keep_what_is_theirs(store):
    barrier = threading.Barrier(8)

    def work(number):
        with otel_replay.start_run(f"r{number}", run_id=f"run-{number}"):
            barrier.wait(60)
            for step in range(50):
                with otel_replay.task(f"t{number}"):
                    otel_replay.decision(f"D{number}", str(step))
            barrier.wait(60)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        recorded = store.run(f"run-{number}")
        assert [d.reason for d in recorded.decisions] == [str(step) for step in range(50)]
        assert {d.action for d in recorded.decisions} == {f"D{number}"}
        assert recorded.owners() == {f"D{number}": f"task t{number}"}
        assert recorded.files.status() == "finished"
        assert recorded.files.header.parent_run_id == ""


def test_runs_side_by_side_in_tasks_keep_what_is_theirs(store):
    async def work(number):
        async with otel_replay.start_run(f"r{number}", run_id=f"run-{number}"):
            for step in range(20):
                async with otel_replay.task(f"t{number}"):
                    await asyncio.sleep(0)
                    otel_replay.decision(f"D{number}", str(step))
                    await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*map(work, range(8)))

    asyncio.run(main())
    for number in range(8):
        recorded = store.run(f"run-{number}")
        assert [(d.action, d.reason) for d in recorded.decisions] == [
            (f"D{number}", str(step)) for step in range(20)
        ]
        assert recorded.owners() == {f"D{number}": f"task t{number}"}


def test_a_run_that_another_thread_ends_is_ended(store):
    run = otel_replay.start_run("handed over")
    thread = threading.Thread(target=run.end)
    thread.start()
    thread.join()
    assert store.run(run.run_id).files.status() == "finished"


def test_a_run_started_after_one_that_another_thread_ended_stands_for_itself(store):
    first = otel_replay.start_run("first")
    thread = threading.Thread(target=first.end)
    thread.start()
    thread.join()
    with otel_replay.start_run("second") as second:
        otel_replay.decision("D", "")
    assert store.run(second.run_id).owners() == {"D": "run second"}
    assert store.run(second.run_id).files.header.parent_run_id == ""
    assert store.run(first.run_id).decisions == []


def test_a_taken_run_id_gets_a_number_and_the_log_says_so(store, caplog):
    for _ in range(3):
        with otel_replay.start_run("again", run_id="nightly"):
            otel_replay.decision("A", "")
    assert [run.files.directory.name for run in store.runs()] == ["nightly", "nightly-2", "nightly-3"]
    assert all(
        len(run.decisions) == 1 and run.files.header.run_id == run.files.directory.name
        for run in store.runs()
    )
    assert "run nightly exists already; recording as nightly-2" in caplog.text


@pytest.mark.parametrize("run_id", ["../up", "a/b", "latest", "x" * 129, "a\nb", ".hidden", 7])
def test_a_run_id_that_is_not_allowed_is_replaced_and_the_log_says_so(store, caplog, run_id):
    with otel_replay.start_run("odd", run_id=run_id) as run:
        otel_replay.decision("A", "")
    assert run.run_id != run_id
    assert store.run().files.directory.name == run.run_id
    assert len(store.run().decisions) == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_store_that_is_removed_in_the_middle_of_a_run_is_told_at_its_end(store, caplog):
    with otel_replay.start_run("gone") as run:
        otel_replay.decision("A", "")
        shutil.rmtree(store.root)
        otel_replay.decision("B", "")
        with run.task("t"):
            run.artifact("a", b"bytes")
    assert f"run {run.run_id}: {run.directory}/journal/" in caplog.text
    assert "was deleted while it was written" in caplog.text
    with otel_replay.start_run("after"):
        otel_replay.decision("C", "")
    assert store.named("after").files.status() == "finished"


def test_large_attributes_of_a_run_do_not_take_its_place(store):
    with otel_replay.start_run("large", run_id="large", attributes={"prompt": "x" * 100_000}):
        pass
    recorded = store.run("large")
    reference = recorded.span("run large").attributes["prompt"]
    assert recorded.files.blobs.read(reference["otel_replay.blob"]) == b"x" * 100_000
    assert recorded.files.header.attributes["prompt"] == reference


def test_a_clock_and_settings_may_be_given(store, tmp_path):
    clock = SteppingClock(1_000_000_000_000_000_000, 1_000_000)
    given = Settings(store=tmp_path / "given", journal_mode="write", projections=False)
    with otel_replay.start_run("given", settings=given, clock=clock) as run:
        otel_replay.decision("A", "")
        otel_replay.decision("B", "")
    files = store.__class__(tmp_path / "given").run(run.run_id)
    first, second = files.decisions
    assert second.time_ns - first.time_ns == 1_000_000
    assert not (files.files.directory / "session_replay.json").exists()


def test_a_disabled_run_has_the_same_methods_and_records_nothing(store, monkeypatch):
    monkeypatch.setenv("OTEL_REPLAY_DISABLED", "true")
    with otel_replay.start_run("off") as run:
        with run.task("t") as task, otel_replay.tool("x") as call:
            task.set("a", 1)
            call.result(1)
            task.decision("A", "")
        with run.generation("m") as generation:
            generation.output([])
        run.decision("A", "")
        run.checkpoint("c", {})
        run.artifact("a", b"")
        run.file_read("x")
        run.file_write("x")
        run.heartbeat()
        assert (run.run_id, run.directory, run.lost, run.recording) == ("", "", {}, False)
    assert not store.root.exists()


def test_nothing_is_made_where_opentelemetry_is_switched_off(store, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with otel_replay.start_run("off") as run:
        otel_replay.decision("A", "")
        run.decision("A", "")
        assert not run.recording
    assert not store.root.exists()
    assert active_runs.WRITERS == []


@pytest.mark.parametrize("name", [None, 7, b"bytes", "", "x" * 100_000, "a\ud800b", "a\0b", "line\nline"])
def test_any_name_will_do_for_a_run_and_a_task(store, name):
    with otel_replay.start_run(name) as run, run.task(name), otel_replay.task(name):
        otel_replay.decision("A", "")
    recorded = store.run(run.run_id)
    assert recorded.bad_lines == []
    assert len(recorded.of(SpanStart)) == 3
    assert len(recorded.decisions) == 1


def test_nothing_is_left_of_two_hundred_runs_but_their_files(store):
    with otel_replay.start_run("first", settings=Settings(store=store.root, sync_seconds=0)):
        pass  # what a process makes once is there
    last_sync.sync_now()  # a thread may have a file of earlier runs open just now
    before = len(os.listdir("/proc/self/fd"))
    endings, threads = len(active_runs._endings), threading.active_count()
    for number in range(200):
        with otel_replay.start_run(
            "short", run_id=f"r{number}", settings=Settings(store=store.root, sync_seconds=0)
        ):
            otel_replay.decision("A", "")
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(active_runs._endings) == endings
    assert threading.active_count() == threads
    assert active_runs.WRITERS == []
    assert len(store.runs()) == 201
