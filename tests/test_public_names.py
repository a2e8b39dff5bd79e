"""The public names: few, listed by hand, imported when they are used."""

import importlib
import importlib.resources
import inspect
import pkgutil

import pytest

import otel_replay

PUBLIC = (
    "start_run",
    "Run",
    "task",
    "tool",
    "generation",
    "agent",
    "decision",
    "checkpoint",
    "artifact",
    "file_read",
    "file_write",
    "heartbeat",
    "child_environment",
    "record_libraries",
    "ReplaySpanProcessor",
    "ReplaySpanExporter",
    "replay_run",
    "ReplayDivergence",
)


def test_these_are_the_public_names_and_there_are_no_others():
    assert tuple(otel_replay.__all__) == PUBLIC
    assert dir(otel_replay) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there_is_documented_and_says_where_it_comes_from(name):
    value = getattr(otel_replay, name)
    assert value is getattr(otel_replay, name)
    assert inspect.getdoc(value)
    assert value.__module__.startswith("otel_replay.")


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module `otel_replay` has no attribute `nothing`"):
        _ = otel_replay.nothing


def test_a_star_import_brings_the_public_names_alone():
    found = {}
    exec("from otel_replay import *", found)
    assert set(PUBLIC) == set(found) - {"__builtins__"}


def _modules():
    return [
        module.name
        for module in pkgutil.walk_packages(otel_replay.__path__, "otel_replay.")
        if not module.name.endswith("__main__")
    ]


@pytest.mark.parametrize("name", _modules())
def test_what_a_module_says_it_has_it_has(name):
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.__all__ names {public}"


def test_every_public_name_has_types(python):
    """`py.typed` is there, and the names are known to type checkers, who do not see the lazy import."""
    source = inspect.getsource(otel_replay)
    for name in PUBLIC:
        assert f"        {name},\n" in source or f"import {name}\n" in source or f" {name}" in source
    assert (importlib.resources.files("otel_replay") / "py.typed").is_file()


def test_importing_the_package_imports_none_of_its_modules(python):
    python(
        """
        import sys, otel_replay
        loaded = sorted(name for name in sys.modules if name.startswith("otel_replay"))
        assert loaded == ["otel_replay"], loaded
        """
    )
