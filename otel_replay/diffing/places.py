"""What says where a run was made, and not what it did: machine, directories, environment, versions.

Two runs in two places (a laptop and CI, two checkouts) differ in it always. It is left out of a comparison
unless all attributes are asked for, and how much of it differs is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from otel_replay import attributes as names
from otel_replay.analysis.items import Items
from otel_replay.analysis.unmade_items import but_decisions
from otel_replay.orjson_loading import orjson

__all__ = ["COMMANDS", "differing_places", "is_place", "placeless"]

COMMANDS = frozenset({names.PROCESS_COMMAND_ARGS, names.PROCESS_COMMAND_LINE, "process.command"})
"""Compared without the directories and the id of their own run in them."""

_OUTCOMES = frozenset({names.PROCESS_EXIT_CODE, "process.exit.reason"})
_EXACT = frozenset({names.ENVIRONMENT, names.PYTHONS, names.PACKAGES, names.CODE_FILE_PATH, "code.filepath"})
_PREFIXES = (
    *("process.", "host.", "os.", "vcs.", "container.", "k8s.", "cloud."),
    *(f"{names.ENVIRONMENT}.", f"{names.PACKAGES}."),
)
_DIRECTORIES = re.compile(r"""(?<![\w./\\:~-])(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?:[^\s"'=,:;\[\]/\\]+[/\\])*""")
"""The directories of a path that does not begin with a name: `/a/b/` of `--out=/a/b/c.csv`; no URL's."""


_NUMBER = re.compile(r"[-+]?[\d.,_]+")


@lru_cache(maxsize=4096)
def is_place(name: str) -> bool:
    """Whether an attribute says where a run was made; what a command was does not, nor how it ended."""
    if name in COMMANDS or name in _OUTCOMES:
        return False
    return name in _EXACT or name.startswith(_PREFIXES)


def placeless(command: Any, run_id: str) -> Any:
    """A command (a text, or its arguments) without directories, and with `RUN` for the id of its own run.

    Of nothing else: another run's id is an argument like any other. An id that is a number is left alone,
    too, for it would hide the numbers that a program was given.
    """
    if isinstance(command, str) and command.startswith('["'):
        command = _read_list(command)
    if isinstance(command, list | tuple):
        return [placeless(part, run_id) for part in command]
    if not isinstance(command, str):
        return command
    if run_id and not _NUMBER.fullmatch(run_id):
        # As a word of its own: a run called tune is not the tune of fine-tuned.
        command = re.sub(rf"(?<!\w){re.escape(run_id)}(?!\w)", "RUN", command)
    return _DIRECTORIES.sub("", command)


def _read_list(text: str) -> Any:
    """Jaeger keeps lists as JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def differing_places(a: Items, b: Items) -> list[str]:
    """The names of what says where the runs were made and is not the same, sorted.

    The environment and the packages count one by one, a command where nothing but its directories differs.
    """
    left, right = _facts(a), _facts(b)
    found = []
    for name in left.keys() | right.keys():
        before, after = left.get(name), right.get(name)
        if before == after:
            continue
        if name not in COMMANDS or placeless(before, a.run_id) == placeless(after, b.run_id):
            found.append(name)
    return sorted(found)


def _facts(items: Items) -> dict[str, list[Any]]:
    facts: dict[str, list[Any]] = {}
    for item in but_decisions(items.items):
        if item.is_span:
            for name, value in _of(item.attributes):
                facts.setdefault(name, []).append(value)
    return facts


def _of(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in attributes.items():
        if name in COMMANDS:
            yield name, value
        elif is_place(name) and name != names.PROCESS_PID and name != "process.parent_pid":
            if isinstance(value, Mapping):
                for key, inner in value.items():
                    yield f"{name}.{key}", inner
            else:
                yield name, value
