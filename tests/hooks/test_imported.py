"""Hooks are called when a module has been imported, and what they raise stays with them."""

from __future__ import annotations

import importlib
import importlib.util
import py_compile
import sys
import threading
import traceback
import zipfile
from collections.abc import Iterator
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
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


def test_a_module_written_in_c_is_seen(folder: Path) -> None:
    candidates = ("_ctypes_test", "_testbuffer", "_testimportmultiple", "_testmultiphase")
    specs = {name: importlib.util.find_spec(name) for name in candidates if name not in sys.modules}
    name = next(name for name, spec in specs.items() if spec and isinstance(spec.loader, ExtensionFileLoader))
    seen: list[str] = []
    when_imported(name, lambda module: seen.append(module.__name__))
    importlib.import_module(name)
    assert seen == [name]


def test_a_module_in_a_zip_file_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(folder / "packed.zip", "w") as packed:
        packed.writestr("zipped.py", "limit = 7\n")
    monkeypatch.syspath_prepend(folder / "packed.zip")
    seen: list[int] = []
    when_imported("zipped", lambda module: seen.append(module.limit))
    importlib.import_module("zipped")
    assert seen == [7]


def test_a_module_of_byte_code_alone_is_seen(folder: Path) -> None:
    (folder / "compiled.py").write_text("limit = 7\n")
    py_compile.compile(str(folder / "compiled.py"), str(folder / "compiled.pyc"))
    (folder / "compiled.py").unlink()
    seen: list[int] = []
    when_imported("compiled", lambda module: seen.append(module.limit))
    importlib.import_module("compiled")
    assert seen == [7]


def test_a_lazy_module_is_seen_when_it_is_used(folder: Path) -> None:
    (folder / "lazy.py").write_text("limit = 7\n")
    seen: list[str] = []
    when_imported("lazy", lambda module: seen.append(module.__name__))
    spec = importlib.util.find_spec("lazy")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["lazy"] = module
    spec.loader.exec_module(module)
    assert seen == []
    assert module.limit == 7
    assert seen == ["lazy"]


def test_a_module_that_is_executed_again_is_hooked_again(folder: Path) -> None:
    (folder / "tuner.py").write_text("limit = 7\n")
    seen: list[int] = []
    when_imported("tuner", lambda module: seen.append(module.limit))
    module = importlib.import_module("tuner")
    (folder / "tuner.py").write_text("limit = 1_000\n")
    importlib.invalidate_caches()
    importlib.reload(module)
    assert seen == [7, 1_000]


def test_a_module_that_pytest_rewrites_is_seen(folder: Path) -> None:
    rewriting = sys.modules["_pytest.assertion.rewrite"]
    when_imported("something_else", print)
    assert rewriting.AssertionRewritingHook.exec_module.__name__ == "exec_module"
    assert "imported" in rewriting.AssertionRewritingHook.exec_module.__module__
    stop_watching()
    assert "imported" not in rewriting.AssertionRewritingHook.exec_module.__module__


def test_threads_that_import_at_once_call_each_hook_once(folder: Path) -> None:
    names = [f"part_{number}" for number in range(20)]
    for name in names:
        (folder / f"{name}.py").write_text("limit = 7\n")
    seen: list[str] = []
    for name in names:
        when_imported(name, lambda module: seen.append(module.__name__))
    start = threading.Barrier(8)

    def importing() -> None:
        start.wait(30)
        for name in names:
            importlib.import_module(name)

    threads = [threading.Thread(target=importing) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(seen) == sorted(names)


def test_a_hook_for_a_module_that_is_being_imported_waits_for_it(folder: Path) -> None:
    (folder / "tuner.py").write_text("import second\nlimit = 7\n")
    (folder / "second.py").write_text("")
    seen: list[int] = []
    when_imported("second", lambda _: when_imported("tuner", lambda module: seen.append(module.limit)))
    importlib.import_module("tuner")
    assert seen == [7]


def test_the_traceback_of_a_failing_import_has_no_line_of_ours(folder: Path) -> None:
    (folder / "broken.py").write_text("limit = 1 / 0\n")
    when_imported("something_else", print)
    with pytest.raises(ZeroDivisionError) as caught:
        import broken  # noqa: F401 - it cannot be
    text = "".join(traceback.format_exception(caught.value))
    assert "broken.py" in text
    assert imported.__file__ not in text
    assert "importlib" not in text
