"""What this process runs, as its records say it: found in what the interpreter knows already."""

from __future__ import annotations

import os
import sys

from otel_replay.attributes import (
    PROCESS_COMMAND_ARGS,
    PROCESS_EXECUTABLE_PATH,
    PROCESS_PID,
    PROCESS_RUNTIME_NAME,
    PROCESS_RUNTIME_VERSION,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["process_attributes", "program_name"]


def program_name() -> str:
    """What the program that runs is called, for a person: `tune.py`, or the module after `-m`."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return str(spec.name).removesuffix(".__main__")
    return os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"


def process_attributes() -> dict[str, Any]:
    """Attributes of the span of a process: its id, its command, its interpreter."""
    return {
        PROCESS_PID: os.getpid(),
        PROCESS_EXECUTABLE_PATH: sys.executable or "",
        PROCESS_COMMAND_ARGS: list(getattr(sys, "orig_argv", sys.argv)),
        PROCESS_RUNTIME_NAME: sys.implementation.name,
        PROCESS_RUNTIME_VERSION: ".".join(map(str, sys.version_info[:3])),
    }
