"""What would be hooked into in a program, found without starting it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otel_replay.libraries.table import LIBRARIES

__all__ = ["what_would_be_hooked"]


def what_would_be_hooked(command: Sequence[str], rules: Sequence[str]) -> dict[str, Any]:
    """Libraries and functions, as plain values: `libraries` (`name`, `module`, `records`).

    Parameters
    ----------
    command:
        The command and its arguments.
    rules:
        Files with function rules.
    """
    del rules
    libraries = [{"name": one.name, "module": one.module, "records": one.records} for one in LIBRARIES]
    return {"command": list(command), "libraries": libraries}
