"""A run on the disk, a receiver for each protocol, and patience without waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_receiver import SERVERS, Received
from sender_world import Receiver, Waits, WrittenRun, a_target


@pytest.fixture
def run(tmp_path: Path) -> WrittenRun:
    return WrittenRun(tmp_path / "store")


@pytest.fixture(params=["grpc", "http"])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    received = Received()
    with SERVERS[request.param](received) as port:
        yield Receiver(received, a_target(request.param, port), request.param, port)


@pytest.fixture
def waits() -> Waits:
    return Waits()
