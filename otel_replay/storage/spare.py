"""The directory of a run that was thrown away, kept for the next run of this process.

Making and removing the two directories of a run takes most of what a short run costs on the disk: ext4 waits
for each that is removed, a millisecond and more. One is kept for each store, and removed when the process
ends; a process that is killed leaves it to :meth:`Store.sweep`.
"""

from __future__ import annotations

import atexit
import os
from contextlib import suppress

__all__ = ["keep", "take"]

_spares: dict[tuple[int, str], str] = {}
"""By process and folder: a forked child has none of its parent's."""
_promised = False


def keep(folder: str, spare: str) -> bool:
    """Keep a directory that holds an empty `journal/` and nothing else; False: there is one already."""
    global _promised
    if not _promised:
        _promised = True
        atexit.register(_remove_all)
    spare = os.path.abspath(spare)
    return _spares.setdefault((os.getpid(), os.path.abspath(folder)), spare) == spare


def take(folder: str, new: str) -> bool:
    """Give the one that was kept in this folder the path `new`; False: there is none."""
    spare = _spares.pop((os.getpid(), os.path.abspath(folder)), None)
    try:
        if spare is not None:
            os.rename(spare, new)
            return True
    except OSError:
        pass  # somebody has swept it away
    return False


def _remove_all() -> None:
    for key, spare in list(_spares.items()):
        if key[0] == os.getpid():
            del _spares[key]
            with suppress(OSError):
                os.rmdir(f"{spare}/journal")
                os.rmdir(spare)
