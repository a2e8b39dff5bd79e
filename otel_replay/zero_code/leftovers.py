"""Folders of notes that nobody took away: each names the process that would have, and who comes later looks.

Where the launcher is killed, its recorder takes the folder away. Where both are, the next recorder beside it
does: of folders of this user whose recorder ran on this machine and is gone, and of no others.
"""

from __future__ import annotations

import os
import stat

from otel_replay import json_bytes
from otel_replay.orjson_loading import orjson
from otel_replay.storage.liveness import is_process_alive, process_identity

__all__ = ["OWNER", "claim", "clear", "forget"]

OWNER = "owner"
"""The file that names the process: pid, start time, machine and its start (`process_identity`)."""

_BEGINS = "otel-replay-"
_MOST = 1_000
"""So many are looked at: nobody waits for this, and others' folders may stand before."""


def claim(folder: str) -> None:
    """Say in the folder that this process takes it away. Never raises."""
    try:
        fd = os.open(os.path.join(folder, OWNER), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, json_bytes.dumps(process_identity()))
        finally:
            os.close(fd)
    except OSError:
        return  # nobody will know, and leave it


def clear(folder: str) -> None:
    """Take away the folders beside this one whose process is gone. Never raises."""
    around = os.path.dirname(folder)
    try:
        names = [name for name in os.listdir(around) if name.startswith(_BEGINS)]
    except OSError:
        return
    for name in names[:_MOST]:
        place = os.path.join(around, name)
        if place != folder and _is_left_over(place):
            forget(place)


def _is_left_over(place: str) -> bool:
    try:
        told = os.lstat(place)
        if not stat.S_ISDIR(told.st_mode) or told.st_uid != os.geteuid():
            return False
        fd = os.open(os.path.join(place, OWNER), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            owner = orjson.loads(os.read(fd, 65_536))
        finally:
            os.close(fd)
    except (OSError, ValueError):
        return False  # it is no folder of notes, or was made this moment
    return isinstance(owner, dict) and is_process_alive(owner) is False


def forget(folder: str) -> None:
    """Take the notes away. Never raises."""
    try:
        for name in os.listdir(folder):
            try:
                os.unlink(os.path.join(folder, name))
            except OSError:
                continue
        os.rmdir(folder)
    except OSError:
        return  # a process that lives longer has just written one: what cleans up temporary files finds it
