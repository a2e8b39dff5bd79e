"""What `otel-replay run` was asked for, read from its words without loading anything for it.

Each program that is run waits for this. What is not plain here (`--help`, a mistake, an option that only
lists) is left to the command itself, which knows the same options and tells what is wrong.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Asked", "quickly"]


class Asked:
    """One call of `otel-replay run`.

    Attributes
    ----------
    command:
        The command to run, and its arguments.
    name, run_id, store:
        What the run is called, its id, and the folder of its store; None where they were not said.
    rules:
        Files with function rules.
    capture:
        Whether the ends of the program's output are kept.
    quiet:
        Whether nothing is said at the end.
    """

    __slots__ = ("capture", "command", "name", "quiet", "rules", "run_id", "store")

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str | None = None,
        run_id: str | None = None,
        store: str | None = None,
        rules: Sequence[str] = (),
        capture: bool = False,
        quiet: bool = False,
    ) -> None:
        self.command = list(command)
        self.name = name
        self.run_id = run_id
        self.store = store
        self.rules = tuple(rules)
        self.capture = capture
        self.quiet = quiet


_WITH_VALUE = {"--name": "name", "--run-id": "run_id", "--store": "store", "--rules": "rules"}
_FLAGS = {"--capture": "capture", "--quiet": "quiet"}


def quickly(words: Sequence[str]) -> Asked | None:
    """What the words after `otel-replay` ask for, if that is a plain `run`; else None."""
    given: dict[str, Any] = {}
    rules: list[str] = []
    left = list(words)
    seen_run = False
    while left:
        word = left.pop(0)
        option, has_value, value = word.partition("=")
        if word == "run" and not seen_run:
            seen_run = True
        elif seen_run and (word == "--" or not word.startswith("-")):
            command = left if word == "--" else [word, *left]
            return Asked(command, rules=rules, **given) if command else None
        elif option in _WITH_VALUE and (seen_run or option == "--store"):
            if not has_value:
                if not left:
                    return None
                value = left.pop(0)
            if option == "--rules":
                rules.append(value)
            else:
                given[_WITH_VALUE[option]] = value
        elif seen_run and word in _FLAGS:
            given[_FLAGS[word]] = True
        else:
            return None
    return None
