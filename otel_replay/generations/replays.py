"""Replays of albums: each goes through its own list of images, one at a time, and none knows another."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from otel_replay.generations.albums import Album, Picture, validate_name
from otel_replay.generations.refusals import Conflict, NoSuch

__all__ = ["UNNAMED", "Replay", "Replays"]

MOST_REPLAYS = 1_000
UNNAMED = ""
"""The replay of those who name none: there is one, the latest that was begun."""


@dataclass(slots=True)
class Replay:
    """Where one replay is: the album as it was when the replay began, and the number of the next image."""

    album: Album
    position: int = 0


class Replays:
    """The replays of one server, in memory. Those that were idle longest go when there are too many."""

    def __init__(self, most: int = MOST_REPLAYS) -> None:
        self._most = most
        self._replays: OrderedDict[str, Replay] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, album: Album, replay_id: str = UNNAMED) -> Replay:
        """Begin a replay, or begin it again.

        Raises
        ------
        Unusable
            If `replay_id` is not an id.
        """
        if replay_id != UNNAMED:
            validate_name(replay_id)
        with self._lock:
            self._replays.pop(replay_id, None)
            while len(self._replays) >= self._most:
                self._replays.popitem(last=False)
            replay = self._replays[replay_id] = Replay(album)
        return replay

    def next(self, replay_id: str = UNNAMED) -> tuple[Album, Picture | None]:
        """The next image of a replay, each once however many ask; None when all have been had.

        Raises
        ------
        NoSuch, Conflict
            If there is no such replay; if none was begun.
        """
        with self._lock:
            replay = self._found(replay_id)
            self._replays.move_to_end(replay_id)
            if replay.position >= len(replay.album.pictures):
                return replay.album, None
            picture = replay.album.pictures[replay.position]
            replay.position += 1
            return replay.album, picture

    def stop(self, replay_id: str = UNNAMED) -> Replay:
        """Forget a replay; returns how far it came.

        Raises
        ------
        NoSuch, Conflict
            As :meth:`next`.
        """
        with self._lock:
            replay = self._found(replay_id)
            del self._replays[replay_id]
            return replay

    def _found(self, replay_id: str) -> Replay:
        replay = self._replays.get(replay_id)
        if replay is not None:
            return replay
        if replay_id == UNNAMED:
            raise Conflict("no replay has been started", hint="start one, or name yours")
        raise NoSuch(f"there is no replay {replay_id!r:.200}")
