"""A test's run compared with the golden run that is kept beside the test."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from otel_replay.analysis.items import Items
from otel_replay.diffing.compare import diff
from otel_replay.diffing.difference import Difference
from otel_replay.testing.golden_file import read_golden, write_golden
from otel_replay.testing.told import difference_text

__all__ = ["GoldenDiffers", "Rewritten", "compare_with_golden", "file_name", "golden_path"]

_LONGEST_NAME = 80
_UPDATE = "compare_with(…, update=True)"


class GoldenDiffers(AssertionError):
    """A run is not as its golden run says: `difference` tells it; None: there is no golden run."""

    def __init__(self, message: str, difference: Difference | None = None) -> None:
        super().__init__(message)
        self.difference = difference


class Rewritten(str):
    """What to tell of a golden run that was written: what it replaces, and how it differs."""

    __slots__ = ()


def compare_with_golden(
    items: Items, path: Path, *, update: bool = False, anew: str = _UPDATE, **how: Any
) -> Rewritten | None:
    """Compare a run with the golden run in a file.

    Parameters
    ----------
    items:
        The run.
    path:
        The golden file.
    update:
        Write it where it is not there or differs, and say so.
    anew:
        How a person writes it, for the message.
    how:
        `tolerances`, `identity`, `ignore`, `only`, `strict`, as `otel_replay.diffing.diff` has them.

    Raises
    ------
    GoldenDiffers
        If they differ, or there is no golden run.
    FormatError, StoreError
        If the file cannot be read.
    """
    __tracebackhide__ = True
    if not path.exists():
        if not update:
            raise GoldenDiffers(f"there is no golden run {path}\n`{anew}` writes this one there")
        write_golden(path, items)
        return Rewritten(f"{path}: new")
    found = diff(read_golden(path), items, **how)
    # A golden run knows no times of its own.
    found = replace(found, aggregates=tuple(one for one in found.aggregates if one.unit != "ns"))
    if found.equal:
        return None
    text = difference_text(found)
    if update:
        write_golden(path, items)
        return Rewritten(f"{path}: rewritten\n{text}")
    raise GoldenDiffers(
        f"the run differs from its golden run {path}\n{text}\n"
        f"If this is how it should be, `{anew}` rewrites the golden run.",
        found,
    )


def golden_path(test_file: Path, test: str, name: str = "") -> Path:
    """Where the golden run of a test is: `golden/test_module/test_name.jsonl` beside the test's file.

    Parameters
    ----------
    test_file, test:
        The file, and the test in it as pytest names it: `TestTuner::test_clamps[fast]`.
    name:
        Of a further golden run of the same test.
    """
    whole = f"{test}.{name}" if name else test
    return test_file.parent / "golden" / test_file.stem / f"{file_name(whole)}.jsonl"


def file_name(text: str) -> str:
    """`text` as the name of a file on any system, and of a run; different texts get different names."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text.replace("::", ".")).strip("-.")
    if plain == text.replace("::", ".") and len(plain) <= _LONGEST_NAME and plain:
        return plain
    return f"{plain[:_LONGEST_NAME] or 'test'}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
