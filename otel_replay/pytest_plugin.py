"""What pytest loads at its start: options, a marker and fixtures, and the rest only where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from otel_replay.testing.block import RecordedBlock
    from otel_replay.testing.golden_fixture import Golden

__all__ = ["otel_golden", "otel_run", "otel_store", "pytest_addoption", "pytest_configure"]

_MARKER = (
    "otel_replay(name, store, keep, clock, ids, content, tolerances, identity, ignore, only, strict): "
    "how the fixtures otel_run and otel_golden record and compare the test (docs/pytest.md)"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line."""
    group = parser.getgroup("otel-replay")
    group.addoption(
        "--otel-store",
        metavar="DIR",
        help="keep the runs that otel_run records in this store (default: in pytest's temporary folder)",
    )
    group.addoption(
        "--otel-update",
        action="store_true",
        help="write the golden runs that are not there or differ, and show how they did",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Record each test as a task where the session itself is recorded (`otel-replay run -- pytest`)."""
    config.addinivalue_line("markers", _MARKER)
    if os.environ.get("OTEL_REPLAY_HOOKS"):
        from otel_replay.testing.tasks import TestTasks

        config.pluginmanager.register(TestTasks(config), "otel-replay-tasks")
    if config.getoption("--otel-update"):
        from otel_replay.testing.golden_fixture import GoldenReport

        config.pluginmanager.register(GoldenReport(), "otel-replay-golden")


@pytest.fixture(scope="session")
def otel_store(request: pytest.FixtureRequest) -> Path:
    """Folder of the store that this session's runs are recorded into."""
    from otel_replay.testing.fixtures import store_of_tests

    return store_of_tests(request)


@pytest.fixture
def otel_run(request: pytest.FixtureRequest, otel_store: Path) -> Iterator[RecordedBlock]:
    """The test as a run of its own: `.check`, `.items`, `.run_id`, `.directory`, `.show()`, `.end()`."""
    from otel_replay.testing.fixtures import recorded_test

    yield from recorded_test(request, otel_store)


@pytest.fixture
def otel_golden(request: pytest.FixtureRequest, otel_run: RecordedBlock) -> Golden:
    """The test's run must be as the golden run beside the test; call it to compare before the test ends."""
    from otel_replay.testing.golden_fixture import Golden

    return Golden(request, otel_run)
