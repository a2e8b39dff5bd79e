"""What pytest loads at its start: next to nothing, and the rest only where it is asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_configure"]


def pytest_configure(config: pytest.Config) -> None:
    """Record each test as a task where the session itself is recorded (`otel-replay run -- pytest`)."""
    if os.environ.get("OTEL_REPLAY_HOOKS"):
        from otel_replay.testing.tasks import TestTasks

        config.pluginmanager.register(TestTasks(config), "otel-replay-tasks")
