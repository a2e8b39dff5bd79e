"""Several runs, several providers, and what a program does to them in the middle of a run."""

import asyncio
import threading

import otel_replay
from otel_replay.otel.processor import ReplaySpanProcessor
from otel_replay.records import SpanEnd, SpanStart


def names(recorded):
    return [start.name for start in recorded.of(SpanStart)]


def test_nested_runs_take_each_their_own_spans_and_link_to_where_they_began(store, program):
    with otel_replay.start_run("outer") as outer, otel_replay.task("before"):
        around = program.tracer.start_as_current_span("around")
        with around as span, otel_replay.start_run("inner") as inner:
            program.tracer.start_span("in inner").end()
            with otel_replay.task("t"):
                otel_replay.decision("INNER", "because")
        program.tracer.start_span("in outer").end()
        otel_replay.decision("OUTER", "because")
    assert names(store.named("outer")) == ["run outer", "task before", "around", "in outer"]
    assert names(store.named("inner")) == ["run inner", "in inner", "task t"]
    assert store.named("outer").owners() == {"OUTER": "task before"}
    assert store.named("inner").owners() == {"INNER": "task t"}
    root = store.named("inner").span("run inner")
    assert root.parent_id == ""
    assert root.trace_id != outer.trace_id
    (link,) = root.links
    context = span.get_span_context()
    assert (link.trace_id, link.span_id) == (outer.trace_id, format(context.span_id, "016x"))
    assert store.named("inner").files.header.parent_run_id == outer.run_id
    exported = {each.name: each.attributes["otel_replay.run.id"] for each in program.exported}
    assert exported["in inner"] == inner.run_id
    assert exported["around"] == exported["in outer"] == outer.run_id


def test_runs_side_by_side_in_threads_do_not_mix(store, program):
    ready = threading.Barrier(6)

    def work(name):
        with otel_replay.start_run(name):
            ready.wait()
            for number in range(50):
                with program.tracer.start_as_current_span(f"{name} {number}") as span:
                    span.add_event(f"event of {name}")
                    otel_replay.decision(name, str(number))
            ready.wait()

    threads = [threading.Thread(target=work, args=(f"run{k}",)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.runs()) == 6
    for k in range(6):
        recorded = store.named(f"run{k}")
        assert names(recorded) == [f"run run{k}", *(f"run{k} {number}" for number in range(50))]
        assert [decision.action for decision in recorded.decisions] == [f"run{k}"] * 50
        assert {event.name for event in recorded.events} == {f"event of run{k}"}
        assert recorded.files.status() == "finished"


def test_runs_side_by_side_in_tasks_do_not_mix(store, program):
    async def work(name):
        with otel_replay.start_run(name):
            for number in range(20):
                with program.tracer.start_as_current_span(f"{name} {number}"):
                    await asyncio.sleep(0)
                    otel_replay.decision(name, str(number))

    async def main():
        await asyncio.gather(*(work(f"run{k}") for k in range(5)))

    asyncio.run(main())
    for k in range(5):
        recorded = store.named(f"run{k}")
        assert names(recorded) == [f"run run{k}", *(f"run{k} {number}" for number in range(20))]
        assert len(recorded.decisions) == 20
        assert all(owner.startswith(f"run{k} ") for owner in recorded.owners().values())


def test_a_span_of_a_run_that_ends_after_it_is_still_that_runs(store, program):
    with otel_replay.start_run("first"):
        late = program.tracer.start_span("late")
    with otel_replay.start_run("second"):
        late.add_event("afterwards")
        late.end()
    assert names(store.named("second")) == ["run second"]
    first = store.named("first")
    assert [event.name for event in first.events] == ["afterwards"]
    assert len(first.of(SpanEnd)) == 2


def test_a_second_provider_is_left_alone_until_it_is_given_a_processor(store, set_up):
    first, second = set_up(), set_up()
    with otel_replay.start_run("r"):
        second.tracer.start_span("unseen").end()
        second.provider.add_span_processor(ReplaySpanProcessor())
        second.tracer.start_span("seen").end()
        first.tracer.start_span("first's").end()
    assert names(store.run()) == ["run r", "seen", "first's"]
    assert second.names() == ["unseen", "seen"]
    assert first.names() == ["first's", "run r"]


def test_a_provider_that_is_shut_down_in_the_middle_of_a_run_takes_nothing_from_the_run(store, program):
    with otel_replay.start_run("r"), otel_replay.task("before"):
        program.provider.shutdown()
        for number in range(300):
            otel_replay.decision("A", str(number))
        with otel_replay.task("after"):
            program.tracer.start_span("theirs").end()
            otel_replay.decision("B", "because")
    recorded = store.run()
    assert names(recorded) == ["run r", "task before", "task after", "theirs"]
    assert len(recorded.decisions) == 301
    assert recorded.files.status() == "finished"
    assert recorded.lost == 0


def test_force_flush_in_the_middle_of_a_run_forces_the_journal_to_the_disk(store, program, monkeypatch):
    with otel_replay.start_run("r") as run, otel_replay.task("t"):
        otel_replay.decision("A", "because")
        synced = []
        real = run._writer.journal.sync
        with monkeypatch.context() as watched:
            watched.setattr(run._writer.journal, "sync", lambda: (synced.append(True), real())[1])
            assert program.provider.force_flush()
        assert synced == [True]
        otel_replay.decision("B", "because")
    assert [decision.action for decision in store.runs()[0].decisions] == ["A", "B"]
