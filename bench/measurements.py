"""The measurements by name, in the order of the table. Each is a module with `measure(scale)`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from bench.rows import Row
from bench.scale import Scale

__all__ = ["NAMES", "measurement"]

NAMES = (
    "decision_call",
    "decision_variants",
    "hooked_call",
    "all_told",
    "span_write",
    "tuning_run",
    "unmodified",
    "imports",
    "hooks",
    "long_run",
    "many_runs",
    "journal_size",
    "replay",
    "alignment",
    "diff_runs",
    "rules",
    "pytest_plugin",
)


def measurement(name: str) -> Callable[[Scale], list[Row]]:
    """What measures it."""
    found: Callable[[Scale], list[Row]] = import_module(f"bench.{name}").measure
    return found
