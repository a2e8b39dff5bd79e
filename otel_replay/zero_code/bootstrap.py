"""What happens in each Python process of a recorded program before its own first line. It never raises."""

from __future__ import annotations

import os

from otel_replay.hooks.guard import guarded
from otel_replay.settings import HOOKS_VARIABLE
from otel_replay.zero_code.plan import plan_of

__all__ = ["begin"]


@guarded("hooking into the program")
def begin() -> None:
    """Hook into what the program is going to import. The run is joined with the first thing to record."""
    from otel_replay.libraries.installing import install

    plan = plan_of(os.environ[HOOKS_VARIABLE])
    install(plan.disabled)
