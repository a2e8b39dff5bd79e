"""Calls may come in any order, from tasks and threads: each gets the answer to what it asked, and where."""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import otel_replay
from otel_replay.errors import UsageError
from tests.replay import loop

COUNT = 24


@otel_replay.generation("gpt-x")
async def ask(question: str) -> str:
    """A model that is asked by many at once, and never says the same twice."""
    loop.made["ask"] += 1
    number = loop.made["ask"]
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)
    return f"answer {number}"


@otel_replay.tool
def work(item: int) -> str:
    """A tool that threads call."""
    loop.made["work"] += 1
    return f"{item} done as {loop.made['work']}"


async def gathered(order: list[int]) -> dict[int, str]:
    """Asks everything at once, in this order."""

    async def one(number: int) -> tuple[int, str]:
        for _ in range(random.randrange(4)):
            await asyncio.sleep(0)
        return number, await ask(f"question {number}")

    return dict(await asyncio.gather(*(one(number) for number in order)))


def test_gathered_calls_get_their_own_answers_whatever_their_order(store):
    order = list(range(COUNT))
    with otel_replay.start_run("gather", run_id="gather"):
        first = asyncio.run(gathered(order))
    loop.made.clear()
    for seed in range(10):
        random.Random(seed).shuffle(order)
        with otel_replay.replay_run("gather") as replay:
            assert asyncio.run(gathered(order)) == first
        assert replay.report.ok
    assert not loop.made


@pytest.mark.parametrize("recording", [False, True], ids=["", "recorded again"])
def test_threads_get_their_own_answers(store, recording):
    def run(order):
        with ThreadPoolExecutor(8) as pool:
            return dict(zip(order, pool.map(work, order), strict=True))

    order = list(range(200))
    with otel_replay.start_run("threads", run_id="threads"):
        first = run(order)
    loop.made.clear()
    random.Random(1).shuffle(order)
    again = otel_replay.start_run("again") if recording else None
    with otel_replay.replay_run("threads") as replay:
        assert run(order) == first
    if again is not None:
        again.end()
    assert replay.report.ok
    assert not loop.made


async def agents(names: list[str]) -> dict[str, list[str]]:
    """Several agents at once that all ask the same, twice."""

    async def one(name: str) -> tuple[str, list[str]]:
        with otel_replay.agent(name):
            return name, [await ask("which way?"), await ask("which way?")]

    return dict(await asyncio.gather(*(one(name) for name in names)))


@pytest.mark.parametrize("recording", [False, True], ids=["", "recorded again"])
def test_equal_requests_of_several_agents_are_told_apart_by_where_they_are_made(store, recording):
    names = ["north", "east", "south", "west"]
    with otel_replay.start_run("agents", run_id="agents"):
        first = asyncio.run(agents(names))
    for seed in range(5):
        random.Random(seed).shuffle(names)
        again = otel_replay.start_run("again") if recording else None
        with otel_replay.replay_run("agents"):
            assert asyncio.run(agents(names)) == first
        if again is not None:
            again.end()


def in_threads(names: list[str]) -> dict[str, str]:
    """The same in threads, each of which hands its calls to a pool."""
    found = {}

    def one(name: str) -> None:
        with otel_replay.agent(name), ThreadPoolExecutor(1) as pool:
            found[name] = pool.submit(work, 1).result()

    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_the_place_of_a_call_goes_along_into_threads(store):
    names = ["north", "east", "south", "west"]
    with otel_replay.start_run("agents", run_id="agents"):
        first = in_threads(names)
    with otel_replay.replay_run("agents"):
        assert in_threads(names[::-1]) == first


def test_equal_requests_at_one_place_are_answered_once_each(store):
    async def same() -> list[str]:
        return await asyncio.gather(*(ask("which way?") for _ in range(COUNT)))

    with otel_replay.start_run("same", run_id="same"):
        first = asyncio.run(same())
    with otel_replay.replay_run("same") as replay:
        assert sorted(asyncio.run(same())) == sorted(first)
    assert replay.report.ok


def test_a_call_asked_for_before_one_that_had_ended_is_noted(store):
    with otel_replay.start_run("order", run_id="order"):
        work(1)
        work(2)
    with otel_replay.replay_run("order") as replay:
        work(2)
        work(1)
    assert replay.report.ok
    assert replay.report.out_of_order == ["step 2 was asked for before step 1"]


def test_two_tasks_may_each_replay_a_run_of_their_own(store):
    for run_id in ("one", "two"):
        with otel_replay.start_run(run_id, run_id=run_id):
            work(1)

    async def replayed(run_id: str, first: threading.Barrier | None = None) -> str:
        with otel_replay.replay_run(run_id):
            await asyncio.sleep(0)
            return work(1)

    async def both() -> list[str]:
        return await asyncio.gather(replayed("one"), replayed("two"))

    assert asyncio.run(both()) == ["1 done as 1", "1 done as 2"]


def test_a_thread_without_context_must_not_guess_between_two_replays(store):
    with otel_replay.start_run("one", run_id="one"):
        work(1)
    caught: list[BaseException] = []

    def guess() -> None:
        try:
            work(1)
        except UsageError as error:
            caught.append(error)

    with otel_replay.replay_run("one", match="nearest"), otel_replay.replay_run("one", match="nearest"):
        thread = threading.Thread(target=contextvars.Context().run, args=(guess,))
        thread.start()
        thread.join()
    assert "2 replays are active" in str(caught[0])


def test_a_divergence_in_a_thread_ends_the_replay_of_all(store):
    with otel_replay.start_run("threads", run_id="threads"):
        for item in range(20):
            work(item)

    def quietly(item: int) -> str:
        try:
            return work(item)
        except Exception:
            return "failed"

    with pytest.raises(otel_replay.ReplayDivergence), otel_replay.replay_run("threads"):
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(quietly, [99])) == ["failed"]
            assert list(pool.map(quietly, range(20))) == ["failed"] * 20
