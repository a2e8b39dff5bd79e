"""Starts a command as a recorded run, waits for it, and ends with it as it ended.

The run is made by a process of its own (`apart`), while the command starts. The command stays in our process
group, with our terminal, streams and working directory.
"""

from __future__ import annotations

import os
import sys
import time

from otel_replay.zero_code.apart import Ended, Recorder
from otel_replay.zero_code.leaving import leave
from otel_replay.zero_code.plan import Plan
from otel_replay.zero_code.started import TAKEN, Started
from otel_replay.zero_code.waiting import exit_code, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Iterable, Mapping

    from otel_replay.zero_code.asked import Asked
    from otel_replay.zero_code.capturing import Capture
else:
    import _signal  # what `signal` is made of, without its enumerations: the command waits for this

__all__ = ["launch"]

_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "path")
_YES = {"true", "1", "yes", "on"}

_TURN_TRIES, _TURN_SECONDS = 200, 0.01
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as a shell and `env` say it


def launch(asked: Asked) -> int:
    """Run a command as a recorded run; returns its exit code.

    Where a signal ended the command, the same signal ends this process. With recording switched off the
    command takes this process's place.
    """
    if os.environ.get("OTEL_REPLAY_DISABLED", "").strip().lower() in _YES:
        return _exec(asked.command)
    turn = -1
    try:
        store = os.path.abspath(asked.store or os.environ.get("OTEL_REPLAY_STORE") or ".otel-replay")
        if asked.run_id is not None:
            turn = _taken_turn(os.path.dirname(store))
        refusal = _refusal(store, asked)
        rules = _rules(asked) if not refusal and (asked.rules or _project_has_rules()) else ()
    except OSError as error:
        store, refusal, rules = f"this folder ({error.strerror or error})", None, ()
    if refusal:
        return _tell(*refusal, code=2)
    if _cannot_write(store):
        _tell(f"the run is not recorded: {store} cannot be written", "choose another with --store", code=0)
        return _exec(asked.command)
    started = Started(asked, store)
    started.notes, started.rules, started.turn = _folder_for_notes(), rules, turn
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, TAKEN)
    try:
        recorder = Recorder(started)
    except OSError as error:
        os.rmdir(started.notes)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
        _tell("the run is not recorded", f"no process can be made for it: {error.strerror}", code=0)
        return _exec(asked.command)
    started.end_turn()  # the recorder's own lasts until the run is there
    capture = _capture() if asked.capture else None
    try:
        pid = _spawn(asked.command, _environment(started, recorder.pid), before, capture)
    except OSError as error:
        recorder.dismiss()
        os.rmdir(started.notes)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
        return _cannot_start(asked.command[0], error)
    recorder.command_runs(pid)
    return _until_it_ends(pid, recorder, capture, started)


def _until_it_ends(pid: int, recorder: Recorder, capture: Capture | None, started: Started) -> int:
    status = wait_for(pid, TAKEN, capture.resized if capture is not None else None, recorder.pid)
    ended_ns = time.time_ns()
    code, number = exit_code(status)
    tails = {}
    if capture is not None:
        capture.finish()
        tails = capture.attributes()
    if not recorder.command_ended(Ended(code, number, ended_ns, tails)):
        _tell_of_the_recorder(started)
    leave(code, number)


def _tell_of_the_recorder(started: Started) -> None:
    from otel_replay.zero_code.leftovers import forget

    forget(started.notes)
    _tell(
        f"run {started.run_id} may not be whole: what recorded it has died",
        f"what there is of it is closed by `otel-replay recover {started.run_id}`",
        code=0,
    )


def _taken_turn(folder: str) -> int:
    """Waits until no other start is about to make a run whose id was asked for; a descriptor to close, or -1.

    Two that ask for one id at once would both find it free, and their programs would record into one run.
    """
    import fcntl

    fd = -1
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        for _ in range(_TURN_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return fd
            except BlockingIOError:
                time.sleep(_TURN_SECONDS)
    except OSError:
        pass  # nothing there yet, or a file system without locks
    if fd >= 0:
        os.close(fd)
    return -1


def _refusal(store: str, asked: Asked) -> tuple[str, str] | None:
    if asked.run_id is None:
        return None
    if os.path.lexists(os.path.join(store, "runs", asked.run_id)):
        return (
            f"run {asked.run_id} exists already in {store}",
            f"choose another id, or away with it: `otel-replay delete {asked.run_id}`",
        )
    letters = asked.run_id.replace(".", "a").replace("_", "a").replace("-", "a")
    if letters.isascii() and letters.isalnum() and asked.run_id[0].isalnum() and len(letters) <= 128:
        return (
            None if asked.run_id != "latest" else ("`latest` is not a run id", "it stands for the newest run")
        )
    return (
        f"{asked.run_id!r:.200} is not a run id",
        "a run id has 1 to 128 letters, digits, `.`, `_` or `-`, and begins with a letter or digit",
    )


def _cannot_write(store: str) -> bool:
    place = store
    while not os.path.lexists(place) and os.path.dirname(place) != place:
        place = os.path.dirname(place)
    return not (os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK))


def _rules(asked: Asked) -> tuple[str, ...]:
    from pathlib import Path

    from otel_replay.rules.reading import rule_texts

    return rule_texts(asked.rules, Path.cwd())


def _project_has_rules() -> bool:
    """Whether the nearest `pyproject.toml` names us, which is read in full only then."""
    try:
        folder = os.getcwd()
    except OSError:
        return False  # it was deleted
    while True:
        try:
            with open(os.path.join(folder, "pyproject.toml"), "rb") as stream:
                return b"otel_replay" in stream.read()
        except OSError:
            above = os.path.dirname(folder)
            if above == folder:
                return False
            folder = above


def _folder_for_notes() -> str:
    place = os.environ.get("TMPDIR") or "/tmp"
    folder = os.path.join(place, f"otel-replay-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        os.mkdir(folder, 0o700)
    except OSError:
        folder = os.path.join("/tmp", os.path.basename(folder))
        os.mkdir(folder, 0o700)
    return folder


def _environment(started: Started, recorder: int) -> Mapping[str, str]:
    environment = dict(os.environ)
    before = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([_PATH, before] if before else [_PATH])
    environment["OTEL_REPLAY_HOOKS"] = Plan(notes=started.notes, rules=started.rules).text()
    environment["OTEL_REPLAY_RUN_ID"] = started.run_id
    environment["OTEL_REPLAY_RUN_OWNER"] = str(recorder)
    environment["OTEL_REPLAY_STORE"] = started.store
    environment["TRACEPARENT"] = f"00-{started.trace_id}-{started.span_id}-01"
    return environment


def _capture() -> Capture:
    from otel_replay.zero_code.capturing import Capture

    return Capture()


def _spawn(
    command: list[str],
    environment: Mapping[str, str],
    mask: Iterable[int],
    capture: Capture | None,
) -> int:
    # Python ignores these two for itself; without us the command would find them as they are by default.
    defaults = [_signal.SIGPIPE, _signal.SIGXFSZ]
    actions = capture.file_actions() if capture is not None else []
    try:
        pid = os.posix_spawnp(
            command[0], command, environment, setsigmask=mask, setsigdef=defaults, file_actions=actions
        )
    except OSError as error:
        import errno

        if error.errno != errno.ENOEXEC:
            raise
        # A script without its `#!` line, which shells and `env` give to sh.
        import shutil

        words = ["/bin/sh", shutil.which(command[0]) or command[0], *command[1:]]
        pid = os.posix_spawn(
            words[0], words, environment, setsigmask=mask, setsigdef=defaults, file_actions=actions
        )
    if capture is not None:
        capture.begin()
    return pid


def _exec(command: list[str]) -> int:
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        return _cannot_start(command[0], error)


def _cannot_start(program: str, error: OSError) -> int:
    is_there = not isinstance(error, FileNotFoundError | NotADirectoryError)
    return _tell(
        f"`{program}` cannot be started: {error.strerror or error}",
        "the command comes after `--`: otel-replay run -- python your_program.py; nothing was recorded",
        code=NOT_EXECUTABLE if is_there else NOT_FOUND,
    )


def _tell(message: str, hint: str, *, code: int) -> int:
    lines = [("error: " if code else "warning: ") + message, *([f"hint: {hint}"] if hint else [])]
    for line in lines:
        shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)
        print(shown.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
    return code
