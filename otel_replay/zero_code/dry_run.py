"""What would be hooked into in a program, found without starting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from otel_replay.libraries.table import LIBRARIES
from otel_replay.rules.listing import list_functions
from otel_replay.rules.reading import read_rules

__all__ = ["what_would_be_hooked"]


def what_would_be_hooked(command: Sequence[str], rules: Sequence[str]) -> dict[str, Any]:
    """Libraries, functions and problems, as plain values.

    Parameters
    ----------
    command:
        The command and its arguments.
    rules:
        Files with function rules; those of the project come by themselves.

    Returns
    -------
    dict
        `libraries` (`name`, `module`, `records`), `functions` (`function`, `kind`, `place`, `rule`) and
        `problems`, a sentence each.

    Raises
    ------
    OtelReplayError
        If a file of rules cannot be read.
    """
    here = Path.cwd()
    listing = list_functions(command, read_rules([Path(one) for one in rules], here), here)
    libraries = [{"name": one.name, "module": one.module, "records": one.records} for one in LIBRARIES]
    return {
        "command": list(command),
        "libraries": libraries,
        "functions": [asdict(one) for one in listing.functions],
        "problems": list(listing.problems),
    }
