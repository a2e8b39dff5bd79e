"""This package's modules are found as Python finds them, in fewer steps."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import py_compile
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import otel_replay
from otel_replay import own_modules

PACKAGE = Path(otel_replay.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if "path" not in path.parts and path.parent != PACKAGE.parent
)
DETAILS: Any = ((importlib.machinery.SourceFileLoader, [".py"]),)


@pytest.fixture
def finders(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What finds in each folder, in a process whose modules are found quickly."""
    cache: dict[str, Any] = {}
    monkeypatch.setattr(sys, "path_importer_cache", cache)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    own_modules.find_quickly()
    return cache


def test_each_module_is_found_as_python_finds_it(finders: dict[str, Any]) -> None:
    """Name, file, byte code and the folder of what is below it: all that a module says of its place."""
    assert len(MODULES) > 300
    for name in MODULES[1:]:
        folder = str(PACKAGE.joinpath(*name.split(".")[1:-1]))
        own = finders[folder].find_spec(name)
        usual = importlib.machinery.FileFinder(folder, *DETAILS).find_spec(name)
        assert usual is not None
        assert isinstance(own.loader, importlib.machinery.SourceFileLoader)
        for said in ("name", "origin", "cached", "has_location", "parent", "submodule_search_locations"):
            assert getattr(own, said) == getattr(usual, said), f"{said} of {name}"


def test_a_module_that_is_not_there_is_not_found(finders: dict[str, Any]) -> None:
    """So `import` says what it always says."""
    assert finders[str(PACKAGE)].find_spec("otel_replay.nothing") is None


def loader(folder: Path) -> Any:
    """Loads `folder/some.py`."""
    finder = own_modules._Finder(str(folder), *DETAILS)
    found: Any = finder.find_spec("some")
    return found.loader


def value(code: Any) -> object:
    """What `some.py` says."""
    space: dict[str, object] = {}
    exec(code, space)
    return space["value"]


@pytest.fixture
def some(tmp_path: Path, finders: dict[str, Any]) -> Path:
    """A module with its byte code, which says something else, so that it shows which of them is taken."""
    assert finders
    path = tmp_path / "some.py"
    path.write_text("value = 2\n")
    told = path.stat()
    py_compile.compile(str(path), doraise=True)
    path.write_text("value = 1\n")
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    return path


def cached(path: Path) -> Path:
    """Where the byte code of a module is."""
    return Path(importlib.util.cache_from_source(str(path)))


def test_byte_code_that_is_as_new_as_the_source_is_taken(some: Path) -> None:
    """As Python does it: by the time and the size of the source."""
    assert value(loader(some.parent).get_code("some")) == 2


@pytest.mark.parametrize("change", ["time", "size", "cut", "version", "hashed", "none", "large"])
def test_other_byte_code_goes_pythons_own_way(some: Path, change: str) -> None:
    """The source is what counts, where Python would say so."""
    data = cached(some).read_bytes()
    if change == "time":
        os.utime(some, (1, 1))
    elif change == "size":
        told = some.stat()
        some.write_text("value = 1  # more\n")
        os.utime(some, ns=(told.st_atime_ns, told.st_mtime_ns))
    elif change == "none":
        cached(some).unlink()
    elif change == "hashed":
        py_compile.compile(str(some), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    elif change == "large":
        some.write_text(f"value = 1\nlong = {'x' * 70_000!r}\n")
        py_compile.compile(str(some), doraise=True)
    else:
        cached(some).write_bytes(data[:30] if change == "cut" else b"\0\0\r\n" + data[4:])
    load = loader(some.parent)
    if change == "cut":
        with pytest.raises(EOFError):  # so does Python's
            importlib.machinery.SourceFileLoader("some", str(some)).get_code("some")
        with pytest.raises(EOFError):
            load.get_code("some")
    else:
        assert value(load.get_code("some")) == 1


def test_code_says_the_file_that_it_was_found_in(some: Path, tmp_path: Path) -> None:
    """A package that was moved with its byte code has tracebacks with the new place."""
    new = tmp_path / "moved"
    new.mkdir()
    cached(new / "some.py").parent.mkdir()
    cached(some).rename(cached(new / "some.py"))
    told = some.stat()
    some.rename(new / "some.py")
    os.utime(new / "some.py", ns=(told.st_atime_ns, told.st_mtime_ns))
    code = loader(new).get_code("some")
    assert value(code) == 2
    assert code.co_filename == str(new / "some.py")


def test_what_a_test_puts_in_the_place_of_the_systems_calls_is_not_asked(
    some: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may say that all files are there, or give a descriptor that is another's, which was closed then."""
    with tempfile.TemporaryFile() as others:
        monkeypatch.setattr(os, "stat", lambda *_, **__: None)
        monkeypatch.setattr(os, "open", lambda *_, **__: others.fileno())
        load = loader(some.parent)
        read = value(load.get_code("some"))
        monkeypatch.undo()
        os.fstat(others.fileno())
    assert read == 2


PROGRAM = """
import importlib, inspect, pkgutil, sys
from otel_replay.own_modules import find_quickly
find_quickly()
import otel_replay.storage.journal as journal
from otel_replay import storage
print(type(journal.__loader__).__name__, journal.__spec__.name, inspect.getsource(journal)[:3])
print("journal" in [one.name for one in pkgutil.iter_modules(storage.__path__)])
importlib.invalidate_caches()
print(importlib.reload(journal) is journal)
try:
    import otel_replay.nothing
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_python_does_with_modules_it_does_with_these(tmp_path: Path, elsewhere: bool) -> None:
    """Their source is read, they are listed and loaded again; with byte code elsewhere, all by Python."""
    env = {**os.environ, **({"PYTHONPYCACHEPREFIX": str(tmp_path)} if elsewhere else {})}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env=env,
        cwd=PACKAGE.parent,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f'{"SourceFileLoader" if elsewhere else "_Loader"} otel_replay.storage.journal """',
        "True",
        "True",
        "No module named 'otel_replay.nothing'",
    ]
