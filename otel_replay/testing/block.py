"""A block of a test as a run of its own: recorded, then asked, checked and compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import items_of
from otel_replay.assertions.checks import CheckFailed, Checks, text_of
from otel_replay.assertions.checks import check as check_run
from otel_replay.clock import SYSTEM_CLOCK, SteppingClock
from otel_replay.errors import OtelReplayError, UsageError
from otel_replay.queries.indexed import Indexed
from otel_replay.recording.run import Run, start_run
from otel_replay.settings import read_settings
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store
from otel_replay.testing.golden import Rewritten, compare_with_golden, file_name
from otel_replay.testing.options import Options, options

__all__ = ["RecordedBlock", "recorded_run"]


class _Told(Checks):
    """Checks that know whether somebody has been told of their failures."""

    def __init__(self, run: Indexed, root: Path | None) -> None:
        super().__init__(run, root=root)
        self.told = 0

    def raise_failures(self) -> None:
        """As in :class:`Checks`; once for each failure."""
        __tracebackhide__ = True
        self.told = len(self.failures)
        super().raise_failures()


class RecordedBlock:
    """A block that is recorded as a run of its own, by the OpenTelemetry provider that is set.

    What happens in it, spans of instrumented libraries included, belongs to the run; the run that is around
    it, if there is one, gets none of it. The places of checks are told from the folder `root`.
    """

    def __init__(self, name: str, wanted: Options, *, root: Path | None = None) -> None:
        self.options = wanted
        self._root = root
        self.name = wanted.name or name
        self._checks: list[_Told] = []
        self._stack = ExitStack()
        self._ended = False
        self.run = self._begin()

    def _begin(self) -> Run:
        settings = read_settings(store=self.options.store, content=self.options.content)
        stable = self.options.ids == "stable"
        slug = file_name(self.name)
        run_id = slug if stable else f"{slug}-{os.urandom(4).hex()}"
        if stable:
            from otel_replay.testing.stable_ids import stable_ids

            self._stack.enter_context(stable_ids(self.name))
        clock = SteppingClock(spans=True) if self.options.clock == "stepping" else SYSTEM_CLOCK
        try:
            # What is derived is made of runs that stay; most do not.
            self._projections = bool(settings.projections)
            settings = replace(settings, projections=None, sync_seconds=-1.0, run_id=None)
            run = start_run(self.name, run_id=run_id, settings=settings, clock=clock)
        except BaseException:
            self._stack.close()
            raise
        if not run.run_id:
            self._stack.close()
            raise UsageError(
                "nothing can be recorded, and a test asks for what was",
                hint="OTEL_REPLAY_DISABLED or OTEL_SDK_DISABLED is set, or the log says why",
            )
        return run

    # -- its life

    def __repr__(self) -> str:
        return f"<run {self.run_id}>"

    def __enter__(self) -> RecordedBlock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """The run is over; it failed where an `error` is given. Ending twice does nothing."""
        if self._ended:
            return
        self._ended = True
        if error is not None:
            self.run.fail(error)
        self.run.end()
        with suppress(ValueError):  # ended in another context than it began in
            self._stack.close()

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self._ended

    def keep(self) -> None:
        """End the run and leave it in the store, with what is derived from it.

        Raises
        ------
        StoreError
            If that cannot be written.
        """
        self.end()
        from otel_replay.storage.finalise import finalise  # most runs do not stay

        finalise(self.directory, header=self.run.header, projections=self._projections, durable=False)

    def remove(self) -> None:
        """End the run and take it out of the store.

        Raises
        ------
        StoreError
            If another process still writes to it, or it cannot be removed.
        """
        self.end()
        Store(self.directory.parent.parent).discard(self.run_id)

    # -- what was recorded

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.run_id

    @property
    def directory(self) -> Path:
        """The run's directory."""
        return Path(self.run.directory)

    @property
    def items(self) -> Items:
        """What has been recorded so far: spans and what happened in them, for comparing and asserting."""
        files = RunFiles(self.directory, self.run.header)
        return items_of(files, status=None if self._ended else "running")

    @property
    def check(self) -> Checks:
        """Checks on what has been recorded so far (`otel_replay.assertions`).

        Their failures are raised at the end of a `with` block of theirs, by `raise_failures()`, or where the
        test ends.
        """
        checks = _Told(check_run(self.items).run, self._root)
        self._checks.append(checks)
        return checks

    def raise_failures(self) -> None:
        """Raise what checks have found and nobody has been told of yet.

        Raises
        ------
        CheckFailed
            If there is any; it tells of all of them.
        """
        __tracebackhide__ = True
        told = self.untold()
        if told is not None:
            raise told

    def untold(self) -> CheckFailed | None:
        """What checks have found and nobody has been told of yet; after this they have been."""
        some = [checks for checks in self._checks if len(checks.failures) > checks.told]
        if not some:
            return None
        results = [result for checks in some for result in checks.results]
        for checks in some:
            checks.told = len(checks.failures)
        failures = tuple(failure for checks in some for failure in checks.failures)
        return CheckFailed(text_of(some[0].run.run, results), failures)

    def compare_with(
        self, golden: str | os.PathLike[str], *, update: bool = False, **how: Any
    ) -> Rewritten | None:
        """End the run and compare it with a golden run.

        Parameters
        ----------
        golden:
            The file of the golden run.
        update:
            Write the file where it is not there or differs; what is returned tells of it.
        how:
            `tolerances`, `identity`, `ignore`, `only`, `strict`, instead of those of the options.

        Raises
        ------
        GoldenDiffers
            If it differs, or there is no golden run.
        """
        __tracebackhide__ = True
        self.end()
        return compare_with_golden(
            self.items, Path(golden), update=update, **{**self.options.comparison, **how}
        )

    def show(self) -> str:
        """The run as plain text, as `otel-replay show` prints it."""
        from otel_replay.testing.told import run_text

        return run_text(self.directory)


@contextmanager
def recorded_run(name: str = "test", **given: Any) -> Iterator[RecordedBlock]:
    """Record a block as a run of its own; in unittest, in scripts, in any framework.

    At the end of the block, failures of checks that nobody was told of are raised. With `keep="failed"`, the
    default, the run is removed unless the block failed.

    Parameters
    ----------
    name:
        What the run is called.
    given:
        `store`, `keep`, `clock`, `ids`, `content`, `tolerances`, `identity`, `ignore`, `only`, `strict`:
        see `otel_replay.testing.options.Options`.

    Raises
    ------
    UsageError
        If there is no such option, or nothing can be recorded.
    CheckFailed, GoldenDiffers
        As the block's checks and comparisons say.
    """
    __tracebackhide__ = True
    block = RecordedBlock(name, options({**given, "name": name}))
    failed = True
    try:
        try:
            yield block
        except BaseException as error:
            block.end(error)
            failed_before = block.untold()
            if failed_before is not None and hasattr(error, "add_note"):
                error.add_note(str(failed_before))
            raise
        block.end()
        block.raise_failures()
        failed = False
    finally:
        with suppress(OtelReplayError):  # the block has its outcome already
            block.keep() if block.options.keeps(failed) else block.remove()
