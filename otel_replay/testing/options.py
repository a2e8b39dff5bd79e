"""How a test's run is recorded and compared: the options of the marker and of `recorded_run`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from otel_replay.errors import UsageError

__all__ = ["Options", "options"]

_CHOICES = {
    "keep": ("failed", "always", "never"),
    "clock": ("system", "stepping"),
    "ids": ("random", "stable"),
    "content": ("full", "hashes", "none"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What :func:`options` checked.

    Attributes
    ----------
    name:
        What the run is called; by default the test's name.
    store:
        Folder of the store that it is recorded into.
    keep:
        When a run stays in the store: of `failed` tests (of all others it is removed), `always`, `never`.
    clock:
        `stepping`: each time in the run is a millisecond after the one before, from the same moment on.
    ids:
        `stable`: the run's id and those of its trace and spans are the same each time.
    content:
        As `OTEL_REPLAY_CONTENT`; None: what the environment says.
    tolerances, identity, ignore, only, strict:
        How `otel_golden` compares; as those of `otel_replay.diffing.diff`.
    """

    name: str = ""
    store: str | os.PathLike[str] | None = None
    keep: str = "failed"
    clock: str = "system"
    ids: str = "random"
    content: str | None = None
    tolerances: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ignore: Iterable[str] = ()
    only: Iterable[str] = ()
    strict: bool = False

    @property
    def comparison(self) -> dict[str, Any]:
        """The options that say how runs are compared."""
        return {name: getattr(self, name) for name in COMPARISON}

    def keeps(self, failed: bool) -> bool:
        """Whether the run of a test stays in the store."""
        return self.keep == "always" or (self.keep == "failed" and failed)


COMPARISON = ("tolerances", "identity", "ignore", "only", "strict")
"""Options that say how a run is compared with its golden run."""


def options(given: Mapping[str, Any]) -> Options:
    """The options that these arguments mean.

    Raises
    ------
    UsageError
        If there is no such option, or it cannot be that.
    """
    known = [one.name for one in fields(Options)]
    for name, value in given.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise UsageError(
                f"there is no option `{name}`",
                hint=f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}",
            )
        choices = _CHOICES.get(name)
        if choices is not None and value not in choices and not (name == "content" and value is None):
            raise UsageError(f"{name}={value!r:.60} is none of {', '.join(choices)}")
    return Options(**given)
