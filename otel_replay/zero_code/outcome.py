"""What is known of a program when it has ended: its Pythons, their packages, and what was not hooked into."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from otel_replay.attributes import NOT_HOOKED, PACKAGES, PYTHONS
from otel_replay.libraries.deaf_children import DEAF_SUFFIX, deaf_option
from otel_replay.light import NamedTuple
from otel_replay.orjson_loading import orjson
from otel_replay.zero_code.packages import versions_of
from otel_replay.zero_code.presence import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["attributes_at_end", "not_recorded", "rule_problems"]

OTHER_SUFFIX = ".other"
"""Of the notes that `path/sitecustomize.py` leaves where the package cannot be imported."""

_MOST_TOLD = 8
"""What starts a Python in a new folder each time, such as an installer of packages, fills no screen."""


class _Python(NamedTuple):
    """One hooked process: what it ran, and its modules with the folders that they came from."""

    executable: str
    version: str
    modules: dict[str, str]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []  # somebody has cleaned up meanwhile


def _notes(folder: str, suffix: str) -> Iterator[list[str]]:
    for name in _names(folder):
        if name.endswith(suffix):
            with open(os.path.join(folder, name), "rb") as stream:
                yield stream.read().decode("utf-8", "replace").split("\n")


def _pythons(folder: str) -> list[_Python]:
    found = []
    for lines in _notes(folder, SUFFIX):
        pairs = (line.partition("\t") for line in lines[3:] if "\t" in line)
        if len(lines) > 1:
            found.append(_Python(lines[0], lines[1], {name: place for name, _, place in pairs}))
    return found


def attributes_at_end(folder: str, command: Sequence[str]) -> dict[str, Any]:
    """Attributes of the run from the notes that its Python processes left in `folder`.

    Raises
    ------
    OSError
        If they cannot be read.
    """
    pythons = _pythons(folder)
    told: dict[str, Any] = {}
    kinds: dict[tuple[str, str], int] = {}
    modules: dict[str, str] = {}
    for python in pythons:
        kinds[python.executable, python.version] = kinds.get((python.executable, python.version), 0) + 1
        modules.update(python.modules)
    if kinds:
        told[PYTHONS] = [
            {"executable": executable, "version": version, "processes": count}
            for (executable, version), count in kinds.items()
        ]
    packages = versions_of(modules)
    if packages:
        told[PACKAGES] = packages
    missing = not_recorded(folder)
    if not pythons and not missing:
        missing = [_why_nothing_was_hooked(command)]
    if missing:
        told[NOT_HOOKED] = "; ".join(missing)
    return told


def _any_problem(folder: str) -> bool:
    for name in _names(folder):
        if name.startswith("functions-"):
            with open(os.path.join(folder, name), "rb") as stream:
                if b'["problem"' in stream.read():
                    return True
    return False


def not_recorded(folder: str) -> list[str]:
    """A sentence for each Python that was not hooked into, with how often it was started; at most nine."""
    found: dict[tuple[str, str], int] = {}
    for lines in _notes(folder, OTHER_SUFFIX):
        why = lines[0], " ".join(lines[1:]).strip()
        found[why] = found.get(why, 0) + 1
    for lines in _notes(folder, DEAF_SUFFIX):
        for line in filter(None, lines):
            program, _, reason = line.partition("\t")
            found[program, reason] = found.get((program, reason), 0) + 1
    told = [
        f"{program} is not recorded{f' ({count} processes)' if count > 1 else ''}: {reason}"
        for (program, reason), count in found.items()
    ]
    more = len(told) - _MOST_TOLD
    return [*told[:_MOST_TOLD], f"{more} more are not recorded"] if more > 1 else told


def rule_problems(folder: str, command: Sequence[str], rules: Sequence[str]) -> list[str]:
    """What is wrong with function rules, a sentence each: functions that stay as they are, idle rules.

    Parameters
    ----------
    rules:
        Each as JSON.
    """
    if not rules and not _any_problem(folder):
        return []
    from otel_replay.rules.listing import problems_of_run
    from otel_replay.rules.rule import rule_of

    known = [rule_of(orjson.loads(text)) for text in rules]
    return list(problems_of_run(command, known, Path.cwd(), Path(folder)))


def _why_nothing_was_hooked(command: Sequence[str]) -> str:
    program = os.path.basename(command[0])
    if not program.startswith(("python", "pypy")):
        return "no Python process was hooked: none was started, or it was started without its PYTHONPATH"
    option = deaf_option(command)
    if option:
        return f"no Python process was hooked: {option}"
    return "no Python process was hooked: the interpreter did not look for sitecustomize"
