"""Workers of one name at the same time: told apart by what they do, in every process alike."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from analysis.story import Story

from diffing.runs import changes, diff
from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items

WORKERS = [[10, 11, 12], [20, 21, 22], [30, 31, 32], [40, 41, 42], [50, 51, 52]]


def pool(*workers: list[int]) -> Items:
    """A run in which workers of one name each make some decisions, all at the same time."""
    story = Story()
    run = story.run()
    spans = [story.task("work", run) for _ in workers]
    for span, numbers in zip(spans, workers, strict=True):
        for number in numbers:
            story.decide(span, "STEP", values={"n": number})
    for span in spans:
        story.end(span)
    story.end(run, "ok")
    return build_items(story)


def other_order(seed: int, *workers: list[int]) -> list[list[int]]:
    return random.Random(seed).sample(workers, len(workers))


def test_whichever_worker_began_first_is_no_difference() -> None:
    for seed in range(20):
        assert diff(pool(*WORKERS), pool(*other_order(seed, *WORKERS))).equal


def test_a_change_in_one_of_several_workers_is_one_change() -> None:
    """The others find their equals, wherever they stand."""
    for seed in range(20):
        changed = [*WORKERS[:2], [30, 99, 32], *WORKERS[3:]]
        found = diff(pool(*WORKERS), pool(*other_order(seed, *changed)))
        assert changes(found) == [("values.n", 31, 99)], seed
        assert found.same == len(pool(*WORKERS)) - 1


def test_changed_workers_are_paired_by_what_they_still_have_in_common() -> None:
    a = pool([10, 11, 12], [20, 21, 22], [30, 31, 32])
    for seed in range(20):
        b = pool(*other_order(seed, [10, 11, 19], [29, 21, 22], [30, 39, 32]))
        assert sorted(changes(diff(a, b))) == [
            ("values.n", 12, 19),
            ("values.n", 20, 29),
            ("values.n", 31, 39),
        ], seed


_SAYS_WHAT_CHANGED = """
from diffing.runs import changes, diff
from diffing.test_concurrent import WORKERS, pool

drifted = [[number + 1 for number in worker] for worker in reversed(WORKERS)]
print(changes(diff(pool(*WORKERS), pool(*drifted))))
"""


def test_every_process_pairs_workers_alike() -> None:
    """Python's hashes are others in each of them; `--exit-code` must not be."""
    folder = Path(__file__).resolve().parent.parent
    said = {
        subprocess.run(
            [sys.executable, "-c", _SAYS_WHAT_CHANGED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(said) == 1
    assert len(said.pop()) > len("[]\n")
