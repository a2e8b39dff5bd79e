"""A fork waits until no other thread is importing what records.

In the child nobody would go on with that import: whatever records there would wait for it for ever.
"""

from __future__ import annotations

import time
from _frozen_importlib import _module_locks  # type: ignore[attr-defined]  # of modules that are being imported
from _thread import get_ident

__all__ = ["wait_for_imports"]

_OURS = frozenset({"otel_replay", "orjson"})
_STEP_SECONDS, _STEPS = 0.001, 500


def wait_for_imports() -> None:
    """Wait until what other threads import of ours is there, half a second at most. Never raises.

    It may be that one of them waits for a module that this thread is importing: hence the limit.
    """
    for _ in range(_STEPS):
        if not _is_another_at_it():
            return
        time.sleep(_STEP_SECONDS)


def _is_another_at_it() -> bool:
    nobody_else = None, get_ident()
    for name in list(_module_locks):
        if name.partition(".")[0] in _OURS:
            lock = _module_locks.get(name, bool)()
            if getattr(lock, "owner", None) not in nobody_else:
                return True
    return False
