"""Which runs a command is asked about: names, patterns of names, files, all runs, those since a moment.

All commands that take several runs mean the same by these. What cannot be read does not stop the others: it
is told, and the command ends with 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from otel_replay.errors import OtelReplayError, UsageError

if TYPE_CHECKING:
    from otel_replay.loading import RunRecords
    from otel_replay.storage.listing import RunSummary
    from otel_replay.storage.run_files import Located
    from otel_replay.storage.store import Store

__all__ = ["ReadRuns", "choose_runs", "is_pattern", "runs_like", "since_ns", "tell_unreadable"]

_PATTERN = re.compile(r"[*?\[]")
_OF_PATHS = ("./", "../", "/")
_DAYS = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(d|w)")
_DAY_NS = 86_400_000_000_000


def choose_runs(names: Sequence[str], store: Store, *, all_runs: bool, since: str | None) -> list[str]:
    """What is to be loaded, each once: as it was named, or the ids of the store's runs, the oldest first.

    Parameters
    ----------
    names:
        What `otel_replay.loading.load_items` takes, or a pattern (`*`, `?`, `[…]`) that the id or the name of
        runs of the store fits, else the paths of files; one that begins with `./`, `../` or `/` means paths.
    all_runs:
        All runs of the store; nothing is named besides.
    since:
        Of all runs and of patterns only those that began then or later, as :func:`since_ns` reads it; alone
        it means all of these. What is named in full is meant, whenever it began.

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
    moment = _moment(since)
    runs = list(reversed(store.runs())) if all_runs or moment is not None or _any_pattern(names) else []
    young = [run for run in runs if moment is None or _started_ns(run, store) >= moment]
    if not names:
        if not young:
            raise UsageError(f"the store {store.root} has no such runs", hint="`otel-replay list` shows all")
        return [_name(run, store) for run in young]
    found = [one for name in names for one in _meant(name, young, store, since)]
    return list(dict.fromkeys(found))


def runs_like(
    runs: Sequence[RunSummary], patterns: Sequence[str], store: Store, *, since: str | None
) -> list[RunSummary]:
    """Those of `runs` whose id or name is or fits one of `patterns` (all, where there is none), begun since.

    Raises
    ------
    UsageError
        If `since` is no moment.
    """
    moment = _moment(since)
    return [
        run
        for run in runs
        if (not patterns or any(_fits(run, pattern) for pattern in patterns))
        and (moment is None or _started_ns(run, store) >= moment)
    ]


@dataclass(slots=True)
class ReadRuns:
    """The runs that were chosen, one after the other as streams; none of them is held in memory.

    Attributes
    ----------
    names:
        What :func:`choose_runs` gave.
    unreadable:
        What could not be read, or not to its end: as it was named, and why. Complete after the last run.
    """

    names: Sequence[str]
    store: Store
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def __iter__(self) -> Iterator[RunRecords]:
        """Each run once. A stream that breaks off ends there, and the run is one of `unreadable`."""
        from otel_replay.cli.progress import Progress
        from otel_replay.loading import stream_runs

        seen: set[str] = set()
        with Progress("runs read") as progress:
            for name in self.names:
                try:
                    for run in stream_runs(name, store=self.store):
                        if run.source == run.run_id:  # a run of the store, which may have several names
                            if run.run_id in seen:
                                continue
                            seen.add(run.run_id)
                        run.records = self._guarded(name, run.records)
                        yield run
                except OtelReplayError as error:
                    self.unreadable.append((name, error.message))
                progress.count += 1
                progress.look(f" of {len(self.names):,}")

    def _guarded(self, name: str, records: Iterator[Located]) -> Iterator[Located]:
        try:
            yield from records
        except OtelReplayError as error:
            self.unreadable.append((name, error.message))

    def as_json(self) -> list[dict[str, str]]:
        """What could not be read, for programs."""
        return [{"run": name, "error": why} for name, why in self.unreadable]

    def tell(self) -> int:
        """As :func:`tell_unreadable`."""
        return tell_unreadable(self.unreadable)


def tell_unreadable(unreadable: Sequence[tuple[str, str]]) -> int:
    """Tell a person what could not be read, and why; gives the exit code: 2 where there is any, else 0."""
    from otel_replay.cli.terminal import stderr

    screen = stderr()
    for name, why in unreadable:
        screen.print(("not read: ", "failed"), f"{name}: {why}")
    return 2 if unreadable else 0


def is_pattern(name: str) -> bool:
    """Whether a name may mean several runs; the path of a file, with or without a run of it, does not."""
    from os.path import lexists

    return bool(_PATTERN.search(name)) and not lexists(name) and not lexists(name.rpartition("#")[0])


def _any_pattern(names: Sequence[str]) -> bool:
    return any(map(is_pattern, names))


def _meant(name: str, runs: Sequence[RunSummary], store: Store, since: str | None) -> Iterator[str]:
    from glob import glob

    if not is_pattern(name):
        yield name
        return
    fitting = [] if name.startswith(_OF_PATHS) else [_name(run, store) for run in runs if _fits(run, name)]
    fitting = fitting or sorted(glob(name, recursive=True))
    if not fitting:
        begun = f" of a run begun since {since}" if since else ""
        raise UsageError(
            f"no run's id or name{begun}, and no file, fits `{name}`",
            hint="`otel-replay list` shows the runs",
        )
    yield from fitting


def _fits(run: RunSummary, pattern: str) -> bool:
    # A name may have brackets in it, and is no pattern of itself then.
    return run.name == pattern or fnmatchcase(run.run_id, pattern) or fnmatchcase(run.name, pattern)


def _started_ns(run: RunSummary, store: Store) -> int:
    """When it began; of one whose run.json cannot be read when its directory changed last."""
    if run.status != "damaged":
        return run.started_ns
    try:
        return store.directory(run.run_id).stat().st_mtime_ns
    except OSError:
        return 0


def _name(run: RunSummary, store: Store) -> str:
    # A run whose run.json is damaged is known by its directory alone; and where a file is called as a run is,
    # the name alone would mean the file.
    from os.path import lexists

    by_place = run.status == "damaged" or lexists(run.run_id)
    return str(store.directory(run.run_id)) if by_place else run.run_id


def _moment(since: str | None) -> int | None:
    from otel_replay.clock import SYSTEM_CLOCK

    return None if since is None else since_ns(since, SYSTEM_CLOCK())


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
