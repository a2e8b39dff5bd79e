"""500 processes are killed while they call what takes the place of other recorders: nothing told is lost."""

from __future__ import annotations

import random
from typing import Any

import pytest

from crash.facades import FACADES
from otel_replay.storage.recover import recover
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.verify import verify

RECOVERED = 10
"""Of how many kills the run is closed too, and read once more."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FACADES)
def test_every_call_that_returned_is_read_back(store: Any, record: Any, tmp_path: Any, name: str) -> None:
    facade, chance = FACADES[name], random.Random(name)
    calls = 0
    for number in range(facade.kills):
        place = tmp_path / f"{number}"
        place.mkdir()
        mode = chance.choice(["mmap", "write"])
        environ = {"OTEL_REPLAY_STORE": str(place / "store"), "OTEL_REPLAY_JOURNAL": mode}
        recording = record("keep_calling", "", facade=name, place=str(place), environ=environ)
        enough = int(chance.expovariate(1 / facade.calls))
        recording.until(lambda it, enough=enough: it.count(0) > enough)
        recording.listen(chance.random() * 0.002)
        assert recording.kill() == -9
        recording.drain()
        told = recording.count(0)
        [directory] = (place / "store" / "runs").glob("[!.]*")
        run = RunFiles(directory)
        if number < RECOVERED:
            assert run.status() == "interrupted"
            assert recover(run).changed
            assert verify(RunFiles(directory)) == []
        found = facade.read_back(place, RunFiles(directory))
        assert len(found) in (told, told + 1), f"{told} calls had returned"
        assert found == [facade.label(call) for call in range(len(found))]
        calls += told
    assert calls > facade.kills * facade.calls / 2


def test_these_are_500_kills() -> None:
    assert sum(facade.kills for facade in FACADES.values()) == 500
