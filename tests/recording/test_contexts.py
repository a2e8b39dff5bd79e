"""What runs in other threads and tasks stays in the span that it was handed over from."""

import _thread
import asyncio
import concurrent.futures
import itertools
import signal
import sys
import threading
import weakref

import pytest

import otel_replay
from otel_replay import decision, start_run, task

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        yield executor


def test_gathered_coroutines_stay_below_the_span_that_gathered_them(store):
    async def work(number):
        with task(f"w{number}"):
            await asyncio.sleep(0)
            decision(f"D{number}", "")

    async def main():
        with task("all"):
            await asyncio.gather(*map(work, range(4)))
            decision("BETWEEN", "")

    with start_run("r"):
        asyncio.run(main())
    recorded = store.run()
    assert recorded.parents() == {"run r": "-", "task all": "run r"} | {
        f"task w{n}": "task all" for n in range(4)
    }
    assert recorded.owners() == {"BETWEEN": "task all"} | {f"D{n}": f"task w{n}" for n in range(4)}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TaskGroup is new in Python 3.11")
def test_a_task_group_that_fails_keeps_what_its_tasks_have_recorded(store):
    async def fails():
        with task("fails"):
            decision("LAST", "words")
            raise ValueError("no")

    async def waits():
        with task("waits"):
            decision("WAITING", "")
            await asyncio.Event().wait()

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(waits())
            group.create_task(fails())

    with pytest.raises(Exception, match="unhandled errors"), start_run("r"):
        asyncio.run(main())
    recorded = store.run()
    assert recorded.owners() == {"LAST": "task fails", "WAITING": "task waits"}
    assert {span.name: span.status for span in recorded.spans} == dict.fromkeys(
        ("run r", "task fails", "task waits"), "error"
    )


def test_a_task_that_outlives_the_block_it_was_started_in_stays_in_its_run(store):
    async def main():
        go_on = asyncio.Event()

        async def background():
            await go_on.wait()
            decision("BACKGROUND", "")
            with task("late"):
                decision("LATE", "")

        with task("short"):
            work = asyncio.create_task(background())
        go_on.set()
        await work

    with start_run("r"):
        asyncio.run(main())
    recorded = store.run()
    assert recorded.owners() == {"BACKGROUND": "task short", "LATE": "task late"}
    assert recorded.parents()["task late"] == "task short"


def test_executors_and_threads_stay_below_the_span_that_they_were_handed_work_in(store, pool):
    def work(name):
        decision(name, "")
        with task(f"in {name}"):
            decision(f"{name} INSIDE", "")

    async def main():
        with task("async"):
            await asyncio.to_thread(work, "to_thread")
            await asyncio.get_running_loop().run_in_executor(None, work, "run_in_executor")
            await asyncio.get_running_loop().run_in_executor(pool, work, "own_executor")

    class Worker(threading.Thread):
        def run(self):
            work("subclass")

    with start_run("r"):
        asyncio.run(main())
        with task("threads"):
            timer = threading.Timer(0, work, ["timer"])
            threads = [threading.Thread(target=work, args=["thread"]), Worker(), timer]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            pool.submit(work, "submit").result()
            list(pool.map(work, ["map"]))
    recorded = store.run()
    owners = recorded.owners()
    for name in ("to_thread", "run_in_executor", "own_executor"):
        assert owners[name] == "task async"
    for name in ("thread", "subclass", "timer", "submit", "map"):
        assert owners[name] == "task threads"
        assert recorded.parents()[f"task in {name}"] == "task threads"
        assert owners[f"{name} INSIDE"] == f"task in {name}"


def test_a_pool_that_is_older_and_lives_longer_than_a_run_takes_nothing_along(store, pool):
    def work(name):
        decision(name, "")

    barrier = threading.Barrier(3)
    for _ in range(2):
        pool.submit(barrier.wait, 10)
    barrier.wait(60)
    with start_run("one", run_id="one"):
        pool.submit(work, "ONE").result()
    pool.submit(work, "NOBODY").result()
    with start_run("two", run_id="two"), task("t"):
        pool.submit(work, "TWO").result()
    pool.submit(work, "NOBODY").result()
    assert store.run("one").owners() == {"ONE": "run one"}
    assert store.run("two").owners() == {"TWO": "task t"}


def test_a_pool_made_inside_a_task_does_not_keep_that_task_for_later_work(store):
    def work(name):
        decision(name, "")

    with start_run("r"):
        with task("first"):
            pool = concurrent.futures.ThreadPoolExecutor(1)
            pool.submit(work, "FIRST").result()
        with task("second"):
            pool.submit(work, "SECOND").result()
        pool.submit(work, "RUN").result()
        pool.shutdown()
    assert store.run().owners() == {"FIRST": "task first", "SECOND": "task second", "RUN": "run r"}


def test_work_that_a_pool_does_after_the_end_of_the_run_is_kept_in_the_run(store, pool):
    go_on = threading.Event()

    def work():
        assert go_on.wait(60)
        decision("LATE", "the run is over")
        with task("late"):
            pass

    with start_run("r"):
        late = pool.submit(work)
    go_on.set()
    late.result()
    assert [d.action for d in store.run().decisions] == ["LATE"]
    assert "task late" in store.run().parents()


def test_a_thread_without_any_context_works_for_the_only_run(store):
    done = threading.Event()

    def work():
        decision("RAW", "")
        with task("t"):
            decision("INSIDE", "")
        otel_replay.heartbeat()
        done.set()

    with start_run("r"):
        _thread.start_new_thread(work, ())
        assert done.wait(60)
    recorded = store.run()
    assert recorded.owners() == {"RAW": "run r", "INSIDE": "task t"}
    assert recorded.parents() == {"run r": "-", "task t": "run r"}
    assert len({span.trace_id for span in recorded.spans}) == 1


def test_threads_behave_as_ever_where_nothing_records(store):
    with start_run("r"):
        pass
    seen = []
    thread = threading.Thread(target=lambda: seen.append(threading.current_thread()))
    thread.start()
    thread.join()
    assert seen == [thread]
    with pytest.raises(RuntimeError, match="once"):
        thread.start()


def test_a_thread_that_cannot_start_may_be_started_again(store, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise RuntimeError("can't start new thread")

    name = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
    with start_run("r"), task("t"):
        thread = threading.Thread(target=decision, args=("A", ""))
        with monkeypatch.context() as broken:
            broken.setattr(threading, name, refuse)
            with pytest.raises(RuntimeError, match="can't start"):
                thread.start()
        thread.start()
        thread.join()
    assert store.run().owners() == {"A": "task t"}


def test_a_thread_that_has_run_holds_nothing_of_it(store):
    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)
    with start_run("r"):
        thread = threading.Thread(target=lambda _: None, args=(thing,))
        del thing
        thread.start()
        thread.join()
        assert gone() is None


def test_a_signal_handler_may_record_whatever_it_interrupts(store):
    """Also in the middle of another decision, where a lock would wait for itself for ever."""
    numbers, seen, depth = itertools.count(1), [], []

    def handler(*_):
        depth.append(1)
        if len(depth) < 3:
            signal.setitimer(signal.ITIMER_REAL, 0.0005)
        number = next(numbers)
        decision("SIGNAL", "", {"n": number})
        with task("handler"):
            otel_replay.heartbeat(n=number)
        seen.append(number)
        depth.pop()
        signal.setitimer(signal.ITIMER_REAL, 0.0003)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with start_run("r"):
            signal.setitimer(signal.ITIMER_REAL, 0.0005)
            made = 0
            while len(seen) < 300 and made < 100_000:
                decision("MAIN", str(made), {"n": made, "text": "x" * 500})
                made += 1
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    recorded = store.run()
    assert recorded.bad_lines == []
    assert [d.values["n"] for d in recorded.decisions if d.action == "MAIN"] == list(range(made))
    # Handlers may interrupt each other: what they say is complete, not in order.
    assert sorted(d.values["n"] for d in recorded.decisions if d.action == "SIGNAL") == sorted(seen)
    assert sorted(event.attributes["n"] for event in recorded.events) == sorted(seen)


class Dying:
    """Records as it is destroyed, which may be at any time."""

    def __init__(self):
        self.ring = self

    def __del__(self):
        decision("DEL", "")


def test_a_destructor_may_record_whenever_it_runs(store):
    import gc

    with start_run("r"):
        for number in range(3000):
            Dying()
            decision("MAIN", "", {"n": number, "deep": [[number]]})
        gc.collect()
    recorded = store.run()
    assert recorded.bad_lines == []
    actions = [d.action for d in recorded.decisions]
    assert (actions.count("DEL"), actions.count("MAIN")) == (3000, 3000)
