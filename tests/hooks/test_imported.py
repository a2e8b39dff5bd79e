"""Hooks are called when a module has been imported, and what they raise stays with them."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from otel_replay.hooks import imported
from otel_replay.hooks.guard import FAILURES
from otel_replay.hooks.imported import after_each_import, stop_watching, when_imported


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported, and are forgotten at the end."""
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    stop_watching()
    for name in set(sys.modules) - known:
        del sys.modules[name]
    FAILURES.clear()


def test_a_hook_gets_the_module_when_it_has_been_executed(folder: Path) -> None:
    (folder / "tuner.py").write_text("limit = 7\n")
    seen: list[int] = []
    when_imported("tuner", lambda module: seen.append(module.limit))
    assert seen == []
    importlib.import_module("tuner")
    assert seen == [7]


def test_a_module_that_is_there_is_hooked_at_once(folder: Path) -> None:
    seen: list[ModuleType] = []
    when_imported("pathlib", seen.append)
    assert seen == [sys.modules["pathlib"]]


def test_what_a_hook_raises_is_counted_and_the_import_succeeds(folder: Path) -> None:
    (folder / "tuner.py").write_text("limit = 7\n")
    when_imported("tuner", lambda module: module.nothing_of_this_name)
    assert importlib.import_module("tuner").limit == 7
    assert FAILURES == {"hooking into tuner": 1}


def test_each_import_can_be_watched_until_watching_stops(folder: Path) -> None:
    for name in ("one", "two", "three"):
        (folder / f"{name}.py").write_text("")
    seen: list[str] = []
    after_each_import(lambda module: seen.append(module.__name__))
    importlib.import_module("one")
    importlib.import_module("two")
    stop_watching()
    importlib.import_module("three")
    assert seen == ["one", "two"]
    assert "exec_module" not in vars(SourceFileLoader)


def test_the_traceback_of_a_failing_import_has_no_line_of_ours(folder: Path) -> None:
    (folder / "broken.py").write_text("limit = 1 / 0\n")
    when_imported("something_else", print)
    with pytest.raises(ZeroDivisionError) as caught:
        import broken  # noqa: F401 - it cannot be
    text = "".join(traceback.format_exception(caught.value))
    assert "broken.py" in text
    assert imported.__file__ not in text
    assert "importlib" not in text
