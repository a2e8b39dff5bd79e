"""What the tests of the examples share: the programs can be imported, and their decisions listed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parents[2]
if str(PROJECT) not in sys.path:
    # The examples are no part of the installed package: they are run from the checkout.
    sys.path.insert(0, str(PROJECT))

import otel_replay  # noqa: E402 - after the path is set


class Decided(NamedTuple):
    """One call of `otel_replay.decision`."""

    action: str
    reason: str
    values: dict[str, Any] | None
    cell: dict[str, Any] | None


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[Decided]:
    """The decisions that the code under test makes, without a recording."""
    calls: list[Decided] = []

    def decision(action: str, reason: str, values: Any = None, cell: Any = None) -> None:
        calls.append(Decided(action, reason, values, cell))

    monkeypatch.setattr(otel_replay, "decision", decision)
    return calls


@pytest.fixture(autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the test's own; nothing from the environment of whoever runs the tests gets in its way."""
    path = tmp_path_factory.mktemp("store")
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_REPLAY_STORE", str(path))
    return path
