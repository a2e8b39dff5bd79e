"""A fork in one thread, while another is importing what records."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

import pytest

from otel_replay.hooks import forks

OURS = "otel_replay.one_that_takes_its_time"


class Slow:
    """Finds a module whose import goes on until somebody says that it may end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun, self.may_end = threading.Event(), threading.Event()

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        return ModuleSpec(name, cast(Any, self)) if name == self.name else None

    def create_module(self, _: ModuleSpec) -> None:
        return None

    def exec_module(self, _: ModuleType) -> None:
        self.begun.set()
        assert self.may_end.wait(60)


@pytest.fixture
def importing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """Another thread that is importing a module."""
    slow = Slow(request.param)
    monkeypatch.setattr(sys, "meta_path", [slow, *sys.meta_path])
    thread = threading.Thread(target=__import__, args=(slow.name,))
    thread.start()
    assert slow.begun.wait(60)
    yield slow
    slow.may_end.set()
    thread.join(60)
    sys.modules.pop(slow.name, None)


@pytest.mark.parametrize("importing", [OURS], indirect=True)
def test_waits_until_another_thread_has_imported_what_is_ours(
    importing: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            importing.may_end.set()
        threading.Event().wait(seconds)

    monkeypatch.setattr(forks.time, "sleep", sleep)
    forks.wait_for_imports()
    assert len(looks) >= 3
    assert OURS in sys.modules


@pytest.mark.parametrize("importing", [OURS], indirect=True)
def test_does_not_wait_for_ever(importing: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """That thread may be waiting for a module that this one is importing."""
    looks: list[float] = []
    monkeypatch.setattr(forks.time, "sleep", looks.append)
    forks.wait_for_imports()
    assert sum(looks) == pytest.approx(0.5)
    assert not importing.may_end.is_set()


@pytest.mark.parametrize("importing", ["one_of_the_programs_own"], indirect=True)
def test_what_the_program_imports_is_not_waited_for(importing: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks.time, "sleep", lambda _: pytest.fail("it waited"))
    forks.wait_for_imports()
    assert not importing.may_end.is_set()
