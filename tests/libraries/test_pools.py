"""Pools and processes: what workers record stands below the span that asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from store_kit import Recorded

from otel_replay.hooks import carrying

Unmodified = Callable[[str], Recorded]

PROGRAM = """
    import concurrent.futures, multiprocessing
    import otel_replay

    def work(number):
        otel_replay.decision("WORK", "it is its turn", {"number": number})
        return number * number

    if __name__ == "__main__":
        SETUP
        with POOL as pool:
            with otel_replay.task("first"):
                print(list(CALL([1, 2])))
            with otel_replay.task("second"):
                print(list(CALL([3, 4])))
"""

POOLS = {
    "forked pool": ("", "multiprocessing.get_context('fork').Pool(2)", "pool.map(work, WHICH)"),
    "spawned pool": ("", "multiprocessing.get_context('spawn').Pool(1)", "pool.imap(work, WHICH)"),
    "thread pool": (
        "import multiprocessing.pool",
        "multiprocessing.pool.ThreadPool(2)",
        "pool.map(work, WHICH)",
    ),
    "executor": (
        "context = multiprocessing.get_context('spawn')",
        "concurrent.futures.ProcessPoolExecutor(1, mp_context=context)",
        "pool.map(work, WHICH)",
    ),
    "loky": (
        "import joblib",
        "joblib.Parallel(2, backend='loky')",
        "pool(joblib.delayed(work)(number) for number in WHICH)",
    ),
    "joblib's threads": (
        "import joblib",
        "joblib.Parallel(2, backend='threading')",
        "pool(joblib.delayed(work)(number) for number in WHICH)",
    ),
    "joblib's processes": (
        "import joblib",
        "joblib.Parallel(2, backend='multiprocessing')",
        "pool(joblib.delayed(work)(number) for number in WHICH)",
    ),
}


def places(run: Recorded) -> dict[int, set[str]]:
    """For each decision the names of all spans around it."""
    spans = {span.span_id: span for span in run.spans}
    found: dict[int, set[str]] = {}
    for one in run.decisions:
        names, span = set(), spans.get(one.span_id)
        while span is not None:
            names.add(span.name)
            span = spans.get(span.parent_id) if span.parent_id else None
        found[one.values["number"]] = names
    return found


@pytest.mark.slow
@pytest.mark.parametrize("pool", POOLS)
def test_work_stands_below_the_task_that_handed_it_over(unmodified: Unmodified, pool: str) -> None:
    setup, made, call = POOLS[pool]
    first, second = call.replace("WHICH", "[1, 2]"), call.replace("WHICH", "[3, 4]")
    program = PROGRAM.replace("SETUP", setup or "pass").replace("POOL", made)
    run = unmodified(program.replace("CALL([1, 2])", first).replace("CALL([3, 4])", second))
    found = places(run)
    assert sorted(found) == [1, 2, 3, 4]
    assert all("task first" in found[number] and "task second" not in found[number] for number in (1, 2)), (
        found
    )
    assert all("task second" in found[number] and "task first" not in found[number] for number in (3, 4)), (
        found
    )


@pytest.mark.slow
def test_a_process_that_is_spawned_begins_where_it_was_started(unmodified: Unmodified) -> None:
    run = unmodified(
        """
        import multiprocessing
        import otel_replay

        def work():
            otel_replay.decision("WORK", "it is its turn", {"number": 1})

        if __name__ == "__main__":
            with otel_replay.task("first"):
                process = multiprocessing.get_context("spawn").Process(target=work)
                process.start()
                process.join()
            print(process.exitcode)
        """
    )
    assert "task first" in places(run)[1]


def test_an_error_in_a_worker_is_as_without_us(recorded: Callable[[Callable[[], object]], Recorded]) -> None:
    def fails() -> None:
        raise KeyError("no such knob")

    def program() -> None:
        import otel_replay

        with otel_replay.task("outer"), pytest.raises(KeyError) as raised:
            carrying.carried(fails)()
        assert not [entry.path for entry in raised.traceback if "otel_replay" in str(entry.path)]

    recorded(program)


def test_where_nothing_records_a_function_is_handed_over_as_it_is() -> None:
    assert carrying.carried(len) is len


def test_work_that_records_nothing_leaves_nothing(
    recorded: Callable[[Callable[[], object]], Recorded],
) -> None:
    def program() -> None:
        import pickle

        function = pickle.loads(pickle.dumps(carrying.carried(len)))
        assert function.place.context is None, "as another process gets it"
        assert function("four") == 4

    assert [span.name for span in recorded(program).spans] == ["run libraries"]


def test_a_hook_that_fails_hands_the_function_over(
    recorded: Callable[[Callable[[], object]], Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    from otel_replay.hooks import guard

    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken on purpose")

    def program() -> None:
        kept = carrying.carried(len)
        monkeypatch.setattr(carrying, "Inside", fails)
        assert kept("four") == 4
        monkeypatch.setattr(carrying, "place_here", fails)
        assert carrying.carried(len) is len

    recorded(program)
    assert guard.FAILURES[carrying.DOING] == 2
    guard.FAILURES.clear()
