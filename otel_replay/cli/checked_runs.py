"""Which runs `check` is asked about: names, patterns of names, files, all runs, those since a moment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from otel_replay.errors import UsageError

if TYPE_CHECKING:
    from otel_replay.storage.listing import RunSummary
    from otel_replay.storage.store import Store

__all__ = ["names_of_runs", "since_ns"]

_PATTERN = re.compile(r"[*?\[]")
_DAYS = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(d|w)")
_DAY_NS = 86_400_000_000_000


def names_of_runs(names: Sequence[str], store: Store, *, all_runs: bool, since: int | None) -> list[str]:
    """What is to be loaded, each once: as it was named, or the ids of the store's runs, the oldest first.

    Parameters
    ----------
    since:
        Only runs that began then or later, in nanoseconds since 1970; alone it means all of these.

    Raises
    ------
    UsageError
        If nothing is named, or a pattern fits nothing.
    """
    if all_runs and names:
        raise UsageError("--all means all runs of the store, so none is named besides")
    if not (names or all_runs or since is not None):
        raise UsageError(
            "no run is named", hint="such as latest, 'tune-*', a file of traces, --all, or --since 1d"
        )
    runs = list(reversed(store.runs())) if all_runs or since is not None or _any_pattern(names) else []
    young = [run for run in runs if since is None or run.started_ns >= since]
    if not names:
        if not young:
            raise UsageError(f"the store {store.root} has no such runs", hint="`otel-replay list` shows all")
        return [_name(run, store) for run in young]
    found = [one for name in names for one in _meant(name, young, store)]
    return list(dict.fromkeys(found))


def _any_pattern(names: Sequence[str]) -> bool:
    return any(_PATTERN.search(name) for name in names)


def _meant(name: str, runs: Sequence[RunSummary], store: Store) -> Iterator[str]:
    from glob import glob
    from os.path import lexists

    if not _PATTERN.search(name) or lexists(name):
        yield name
        return
    fitting = [_name(run, store) for run in runs if _fits(run, name)] or sorted(glob(name, recursive=True))
    if not fitting:
        raise UsageError(
            f"no run's id or name, and no file, fits `{name}`", hint="`otel-replay list` shows the runs"
        )
    yield from fitting


def _fits(run: RunSummary, pattern: str) -> bool:
    return fnmatchcase(run.run_id, pattern) or fnmatchcase(run.name, pattern)


def _name(run: RunSummary, store: Store) -> str:
    # A run whose run.json is damaged is known by its directory alone.
    return str(store.directory(run.run_id)) if run.status == "damaged" else run.run_id


def since_ns(text: str, now_ns: int) -> int:
    """The moment that `--since` names: so long ago (`90min`, `12h`, `7d`), or a date, or a time.

    Raises
    ------
    UsageError
        If it is none.
    """
    from datetime import datetime

    from otel_replay.queries.times import length_ns

    days = _DAYS.fullmatch(text.strip())
    if days is not None:
        return now_ns - round(float(days[1]) * _DAY_NS * (7 if days[2] == "w" else 1))
    try:
        return now_ns - length_ns(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(
            f"--since `{text}` is no moment", hint="such as 12h, 7d, 2026-11-20 or 2026-11-20T08:00:00Z"
        ) from None
    return round(moment.timestamp() * 1e9)
