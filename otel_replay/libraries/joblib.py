"""joblib: what the workers of a `Parallel` do stands below the span that called it, whatever the backend."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from otel_replay.hooks.calls import Looking
from otel_replay.hooks.carrying import Inside, Place, place_here, title_of
from otel_replay.hooks.guard import failed
from otel_replay.hooks.imported import when_imported
from otel_replay.hooks.wrapping import replace, watch
from otel_replay.libraries.multiprocessing import carry_into_children

__all__ = ["install"]

DOING = "recording the work of joblib"
_MARK = "_otel_replay_place"

_places: WeakKeyDictionary[Any, Place] = WeakKeyDictionary()
"""Where each `Parallel` was called: its batches are sent off from threads of its own."""


def install(module: ModuleType) -> None:
    """Hook into joblib's batches, which all its backends send to their workers."""
    parallel = module.parallel
    watch(parallel.Parallel, "__call__", _called, DOING)
    watch(parallel.Parallel, "_dispatch", _dispatched, DOING)
    replace(parallel.BatchedCalls, "__reduce__", _with_place)
    watch(parallel.BatchedCalls, "__call__", _working, DOING)
    when_imported("joblib.externals.loky.backend.spawn", carry_into_children)


def _called(self: Any, *_: Any, **__: Any) -> None:
    place = place_here()
    if place is None:
        _places.pop(self, None)
    else:
        _places[self] = place


def _dispatched(self: Any, batch: Any) -> None:
    place = _places.get(self)
    if place is not None:
        setattr(batch, _MARK, place)


def _with_place(plain: Any) -> Any:
    # The place goes as state, and as text: a worker that knows nothing of us is not asked to import anything.
    @functools.wraps(plain)
    def reduced(self: Any) -> Any:
        made = plain(self)
        try:
            place = self.__dict__.get(_MARK)
            traceparent = place.traceparent if isinstance(place, Place) else place
            return (*made, {_MARK: traceparent}) if traceparent and len(made) == 2 else made
        except Exception as error:
            failed(DOING, error)
            return made

    return reduced


def _working(self: Any) -> _Batch | None:
    place = self.__dict__.get(_MARK)
    if not place:
        return None
    return _Batch(place if isinstance(place, Place) else Place(place), title_of(self.items[0][0]))


class _Batch(Looking):
    """Some calls that a worker makes one after the other."""

    def __init__(self, place: Place, title: str) -> None:
        self.inside = Inside(place, title)

    def returned(self, _value: Any) -> None:
        self.inside.leave()

    def raised(self, error: BaseException) -> None:
        self.inside.leave(error)
