"""Switches on what others have made to record libraries of models and agents: exactly one way for each.

A library's own OpenTelemetry comes first, then the instrumentors in the order of the table. Entry points of
different makers carry the same names, so an instrumentor is found by the distribution that it comes from. A
program may switch one on by itself, before or after. Its own choice stands, and ours steps aside. Where
nothing is installed, a module of ours may stand in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from otel_replay.hooks.guard import failed
from otel_replay.hooks.joined import let_spans_in
from otel_replay.libraries import natives
from otel_replay.libraries.content_variables import ask_for_content
from otel_replay.libraries.table import LIBRARIES, Library, Other
from otel_replay.settings import read_settings

__all__ = ["ON", "install", "records_itself", "refuses", "ways"]

NATIVE = "its own OpenTelemetry"

ON: dict[str, Other | None] = {}
"""What is switched on in this process, by the library's name; None: its own telemetry."""

_MARK = "_otel_replay_steps_aside"
_PROOFS = {"openai-agents": "agents.tracing"}
"""Modules that only the library itself has: a program may well call a folder of its own `agents`."""


def install(module: ModuleType) -> str:
    """Record the library of `module` by the best way that is installed; by which, or why not."""
    row = next(row for row in LIBRARIES if row.module == module.__name__ and row.place == "instrumentors")
    proof = _PROOFS.get(row.name)
    if proof is not None and find_spec(proof) is None:
        return f"not recorded: `{row.module}` is a module of the program's own"
    complete = natives.COMPLETE.get(row.name)
    if complete is not None:
        complete()
    active = _switched_on_by_the_program(row)
    if active is not None:
        return _told(active)
    itself = records_itself(row)
    installed = [] if itself else ways(row)
    way = next((one for one in installed if not refuses(row, one)), None)
    if way is None and not itself:
        if row.fallback:
            import_module(f"otel_replay.libraries.{row.fallback}").install(module)
            return ""
        if installed:
            return f"not recorded: {installed[0].distribution} is not made for this version"
        return f"not recorded: no instrumentor is installed; pip install {row.others[0].distribution}"
    if not let_spans_in():
        return "not recorded: OpenTelemetry is switched off"
    content = read_settings().content
    if way is None:
        ask_for_content(content, row.package)
        natives.SWITCH_ON[row.name](module, content)
        ON[row.name] = None
        _watch_others()
        return NATIVE
    ask_for_content(content, way.distribution)
    _watch_others()
    _instrumentor_of(way).instrument(skip_dep_check=True)
    ON[row.name] = way
    return _told(way)


def records_itself(row: Library) -> bool:
    """Whether a library is installed in a version that records itself."""
    found = _version_of(row.package)
    return bool(row.native) and found is not None and _numbers(found) >= _numbers(row.native)


def ways(row: Library) -> list[Other]:
    """The instrumentors that are installed for a library, the one that is taken first."""
    return [way for way in row.others if _version_of(way.distribution) is not None]


def refuses(row: Library, way: Other) -> str:
    """Which versions of a library an instrumentor is made for, where the installed one is none; else empty.

    What its package says: nothing of it is imported.
    """
    found = _version_of(row.package)
    if found is None or (way.tried and _numbers(found)[:1] == _numbers(way.tried)):
        return ""
    from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts

    # What it does not find at all it only calls by another name: the library has just been imported
    # (langchain is, to whoever uses langchain-core alone).
    conflict = get_dist_dependency_conflicts(distribution(way.distribution))
    return "" if conflict is None or conflict.found is None else str(conflict.required)


def _told(way: Other) -> str:
    return f"{way.family}: {way.distribution} {_version_of(way.distribution)}"


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _instrumentor_of(way: Other) -> Any:
    return getattr(import_module(way.module), way.instrumentor)()


def _switched_on_by_the_program(row: Library) -> Other | None:
    for way in row.others:
        made = getattr(getattr(sys.modules.get(way.module), way.instrumentor, None), "_instance", None)
        if getattr(made, "is_instrumented_by_opentelemetry", False):
            return way
    return None


def _watch_others() -> None:
    """Notice when the program switches an instrumentor on: ours of the same library goes off before."""
    try:
        base = import_module("opentelemetry.instrumentation.instrumentor").BaseInstrumentor
    except ImportError:
        return  # there are none in this environment
    if not hasattr(base.instrument, _MARK):
        base.instrument = _stepping_aside(base.instrument)


def _stepping_aside(instrument: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(instrument)
    def around(self: Any, **kwargs: Any) -> Any:
        try:
            _step_aside_for(type(self).__module__, type(self).__name__)
        except Exception as error:
            failed("making room for an instrumentor of the program", error)
        return instrument(self, **kwargs)

    setattr(around, _MARK, True)
    return around


def _step_aside_for(module: str, instrumentor: str) -> None:
    for row in LIBRARIES:
        if row.name in ON and any(
            (way.module, way.instrumentor) == (module, instrumentor) for way in row.others
        ):
            mine = ON.pop(row.name)
            if mine is not None:
                _instrumentor_of(mine).uninstrument()
            elif row.name in natives.SWITCH_OFF:
                natives.SWITCH_OFF[row.name](os.environ)
