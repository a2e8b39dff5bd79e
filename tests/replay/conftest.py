"""What tests of replays share: the counted agent, and a run of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import otel_replay
from otel_replay import answering
from tests.replay import loop


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """A replay that a test leaves active is not the next one's."""
    loop.made.clear()
    yield
    answering.ANSWERERS.clear()


@pytest.fixture
def recorded(store):
    """The agent's run, and what it came to; its calls are counted anew."""
    with otel_replay.start_run("agent", run_id="agent"):
        log = loop.answer()
    loop.made.clear()
    return log
