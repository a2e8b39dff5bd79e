"""The store: the directory in which runs live, one directory each. Reading commands never make it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from otel_replay.errors import StoreError, UsageError
from otel_replay.storage.atomic import make_private_directory, write_atomically
from otel_replay.storage.refusals import could_not, shown, told_as_store_error
from otel_replay.storage.run_header import HEADER_NAME, RunHeader, write_header

# What reads runs is imported where runs are read: a program that only records does without it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_replay.storage.listing import RunSummary
    from otel_replay.storage.run_files import RunFiles

__all__ = ["FORMAT", "LATEST", "RUNS_NAME", "VERSION", "Store", "looks_like_a_run", "validate_run_id"]

FORMAT = "otel-replay.store"
VERSION = 1
LATEST = "latest"
RUNS_NAME = "runs"

_MARK = "store.json"
_NEW = ".new-"
_LONGEST_MAKING_SECONDS = 86_400.0
_LONGEST_RUN_ID = 128
_IN_RUN_IDS = str.maketrans("._-", "aaa")


def validate_run_id(text: str) -> str:
    """`text`, if it can be the id of a run.

    Raises
    ------
    UsageError
        If it cannot: it might lead out of the store, or garble a terminal.
    """
    if not isinstance(text, str) or not _is_run_id(text):
        raise UsageError(
            f"{text!r:.200} is not a run id",
            hint="a run id has 1 to 128 letters, digits, `.`, `_` or `-`, and begins with a letter or digit",
        )
    if text == LATEST:
        raise UsageError(f"`{LATEST}` is not a run id: it stands for the newest run")
    return text


def _is_run_id(text: str) -> bool:
    # Without a pattern: each process of a program would compile it.
    plain = text.translate(_IN_RUN_IDS)
    return len(text) <= _LONGEST_RUN_ID and plain.isascii() and plain.isalnum() and text[0].isalnum()


class Store:
    """Runs in a local directory. Making the object does not touch the disk.

    Parameters
    ----------
    root:
        The directory, `.otel-replay` as a rule.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def ensure(self) -> None:
        """Make the store if it is not there.

        Raises
        ------
        StoreError
            If it cannot be made, or if a file stands in its place.
        FormatError
            If it was made by a newer version.
        """
        if self._is_there():
            return
        with told_as_store_error("use as a store", self.root):
            fresh = not self.root.exists() or not any(self.root.iterdir())
        make_private_directory(self.root)
        # Recorded values do not belong into the history of the project that the store lies in. A directory
        # that held something before is the user's, and stays visible to git.
        if fresh:
            write_atomically(self.root / ".gitignore", b"*\n", durable=False)
        make_private_directory(self.root / RUNS_NAME)
        write_atomically(self.root / _MARK, _AS_MADE, durable=False)

    def directory(self, run_id: str) -> Path:
        """Where a run of this id is, or would be."""
        return Path(f"{self.root}/{RUNS_NAME}/{validate_run_id(run_id)}")

    def create(self, header: RunHeader, fill: Callable[[Path], None] | None = None) -> Path:
        """Make the directory of a new run, with its `run.json` and an empty `journal/`, at one blow.

        Parameters
        ----------
        header:
            What `run.json` says.
        fill:
            Called with the directory before it stands in its place; what it writes is there with the rest.

        Raises
        ------
        StoreError
            If there is a run of this id, or if the directory cannot be made.
        """

        def whole(new: Path) -> None:
            write_header(new, header, durable=False)
            if fill is not None:
                fill(new)

        return self.make(header.run_id, whole)

    def make(self, run_id: str, fill: Callable[[Path], object]) -> Path:
        """Make the directory of a new run, which appears when `fill` has put into it what belongs there.

        Parameters
        ----------
        run_id:
            The run.
        fill:
            Called with the path that the directory has for now; it holds an empty `journal/`.

        Raises
        ------
        StoreError
            If there is a run of this id, or if the directory cannot be made.
        """
        final = self.directory(run_id)
        new = final.parent / f"{_NEW}{os.getpid()}-{os.urandom(4).hex()}"
        try:
            if os.path.lexists(final):
                raise FileExistsError
            from otel_replay.storage import spare  # who joins a run makes none

            if not spare.take(str(final.parent), str(new)):
                _make_pair(new)
            fill(new)
            # rename() would put the new directory in place of an empty one.
            if os.path.lexists(final):
                raise FileExistsError
            os.rename(new, final)
        except BaseException as error:
            if os.path.lexists(new):
                import shutil

                shutil.rmtree(new, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            if os.path.lexists(final):
                raise StoreError(
                    f"run {run_id} exists already in {shown(self.root)}",
                    hint=f"choose another id, or away with it: `otel-replay delete {run_id}`",
                ) from None
            raise could_not("make the directory", final, error) from error
        return final

    def record_end(self, header: RunHeader) -> None:
        """Note in the catalog how a run ended. If that fails it is no error: `run.json` says it too."""
        from otel_replay.storage.listing import record_end

        record_end(self.directory(header.run_id), header)

    def runs(self) -> list[RunSummary]:
        """All runs, newest first; none where there is no store.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        from otel_replay.storage.listing import list_runs

        return list_runs(self.root) if self._is_there() else []

    def resolve(self, name: str) -> RunFiles:
        """The run that `name` means: its id, a unique prefix of it, `latest`, or a path to a run's directory.

        Raises
        ------
        UsageError
            If there is no such run, or several.
        """
        from otel_replay.storage.run_files import RunFiles

        if os.sep in name and looks_like_a_run(name):
            return RunFiles(Path(name))
        if name == LATEST:
            runs = self.runs()
            if not runs:
                raise self._nothing_here()
            return RunFiles(self.root / RUNS_NAME / runs[0].run_id)
        validate_run_id(name)
        directory = self.root / RUNS_NAME / name
        if self._is_there() and directory.is_dir():
            return RunFiles(directory)
        return self._by_prefix(name)

    def _by_prefix(self, name: str) -> RunFiles:
        from otel_replay.storage.run_files import RunFiles

        ids = self._ids()
        if not ids:
            raise self._nothing_here()
        found = [run_id for run_id in ids if run_id.startswith(name)]
        if len(found) == 1:
            return RunFiles(self.root / RUNS_NAME / found[0])
        if found:
            raise UsageError(
                f"{len(found)} runs begin with `{name}`: {_some(found)}",
                hint="write more of the id, or all of it",
            )
        import difflib

        near = difflib.get_close_matches(name, ids[-2_000:], n=3, cutoff=0.5)
        called = [run.run_id for run in self.runs() if run.name == name]
        if called:
            hint = f"`{name}` is the name of {_some(called)}: say the id"
        elif near:
            hint = f"did you mean {' or '.join(f'`{run_id}`' for run_id in near)}?"
        else:
            hint = "`otel-replay list` shows the runs that there are"
        raise UsageError(f"there is no run `{name}` in {shown(self.root)}", hint=hint)

    def delete(self, run_id: str) -> None:
        """Remove a run and all its files. It is gone from the store at once, and then from the disk.

        Raises
        ------
        UsageError
            If there is no such run.
        StoreError
            If it is still being written, or cannot be removed.
        """
        from otel_replay.storage.run_files import RunFiles

        directory = self.directory(run_id)
        if not os.path.lexists(directory):
            raise UsageError(
                f"there is no run `{run_id}` in {shown(self.root)}",
                hint="`otel-replay list` shows the runs that there are",
            )
        if RunFiles(directory).is_written():
            raise StoreError(f"run {run_id} is still being written", hint="end its process first")
        with told_as_store_error("delete", directory):
            away = directory.parent / f".deleted-{os.getpid()}-{os.urandom(4).hex()}"
            os.rename(directory, away)
            if away.is_symlink():
                os.unlink(away)  # the link was the store's; what it points to is the user's
            else:
                import shutil

                shutil.rmtree(away)
            self.sweep()

    def discard(self, run_id: str) -> None:
        """As :meth:`delete`, for a run that this process began: the next one may get its directory.

        Raises
        ------
        UsageError, StoreError
            As there.
        """
        directory = self.directory(run_id)
        with told_as_store_error("delete", directory):
            if not self._has_one_closed_journal(directory):
                self.delete(run_id)
                return
            away = directory.parent / f"{_NEW}{os.getpid()}-{os.urandom(4).hex()}"
            os.rename(directory, away)
            for name in os.listdir(away / "journal"):
                os.unlink(away / "journal" / name)
        from otel_replay.storage import spare

        if not spare.keep(str(directory.parent), str(away)):
            import shutil

            shutil.rmtree(away, ignore_errors=True)

    def _has_one_closed_journal(self, directory: Path) -> bool:
        """Whether nothing else is in a run's directory."""
        from otel_replay.storage.liveness import is_alive

        try:
            if os.listdir(directory) != ["journal"]:
                return False
            names = os.listdir(directory / "journal")
        except OSError:
            return False
        return len(names) == 1 and not is_alive(directory / "journal" / names[0])

    def sweep(self) -> None:
        """Finish what processes have left behind that were killed while they made or deleted a run.

        Such a run has no name yet, or none any more: nobody was told that anything of it was kept.
        """
        import shutil

        for left in [*self._left(".deleted-"), *filter(_is_dead, self._left(_NEW))]:
            shutil.rmtree(left, ignore_errors=True)

    def _left(self, prefix: str) -> list[Path]:
        runs = self.root / RUNS_NAME
        try:
            return [runs / name for name in os.listdir(runs) if name.startswith(prefix)]
        except OSError:
            return []

    def _ids(self) -> list[str]:
        if not self._is_there():
            return []
        with told_as_store_error("read", self.root / RUNS_NAME):
            try:
                return sorted(name for name in os.listdir(self.root / RUNS_NAME) if not name.startswith("."))
            except FileNotFoundError:
                return []

    def _is_there(self) -> bool:
        """Whether there is a store that this version can use."""
        path = f"{self.root}/{_MARK}"
        try:
            status = os.stat(path)
        except FileNotFoundError:
            # A store whose mark was lost is a store all the same.
            return (self.root / RUNS_NAME).is_dir()
        except OSError as error:
            raise could_not("use as a store", self.root, error) from error
        # Read once: it is asked with every run.
        mark = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        if _good_marks.get(path) != mark:
            if not _is_as_made(self.root / _MARK):
                from otel_replay.storage.documents import read_document

                read_document(self.root / _MARK, FORMAT, VERSION)
            _good_marks[path] = mark
        return True

    def _nothing_here(self) -> UsageError:
        return UsageError(
            f"there are no runs in {shown(self.root)}",
            hint="record one with `otel-replay demo`, or name another store with --store",
        )


_good_marks: dict[str, tuple[int, ...]] = {}
_AS_MADE = f'{{\n  "format": "{FORMAT}",\n  "version": {VERSION}\n}}\n'.encode()


def _is_as_made(path: Path) -> bool:
    """Whether a store's mark is just what this version writes: then nothing is loaded to read it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False  # who reads it says why
    try:
        return os.read(fd, len(_AS_MADE) + 1) == _AS_MADE
    except OSError:
        return False
    finally:
        os.close(fd)


def looks_like_a_run(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds what a run's does."""
    # A run that goes on has no run.json yet.
    return os.path.isfile(os.path.join(path, HEADER_NAME)) or os.path.isdir(os.path.join(path, "journal"))


def _make_pair(new: Path) -> None:
    """The directory `new`, and `journal` in it."""
    try:
        os.mkdir(new, 0o700)
    except FileNotFoundError:
        make_private_directory(new)
    os.mkdir(f"{new}/journal", 0o700)


def _is_dead(new: Path) -> bool:
    """Whether the process that was making this directory has died. It may be one of another machine."""
    from otel_replay.storage.run_files import RunFiles

    try:
        age_seconds = time.time() - os.lstat(new).st_mtime
    except OSError:
        return False
    return age_seconds > _LONGEST_MAKING_SECONDS and not RunFiles(new).is_written()


def _some(ids: list[str]) -> str:
    shown_ids = ", ".join(f"`{run_id}`" for run_id in ids[:5])
    return shown_ids + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
