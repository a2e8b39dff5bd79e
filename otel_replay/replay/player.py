"""Replays a run: while it is active, calls of models and tools are answered from the recording.

    with otel_replay.replay_run("latest"):
        answer = my_agent("How rich is 3500/95?")

What the recording does not have is a divergence: it is raised where the call is made, again with every later
call, and once more at the end should the program have swallowed it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

from otel_replay import answering
from otel_replay.answering import Answer
from otel_replay.errors import OtelReplayError, UsageError, told
from otel_replay.redaction import redactor_for
from otel_replay.replay.answers import answer_of, value_of
from otel_replay.replay.causes import Cause, Drift, cause_of
from otel_replay.replay.cursor import Cursor, Found, Match
from otel_replay.replay.divergence import Divergence, ReplayDivergence, names_of
from otel_replay.replay.network import watch_network
from otel_replay.replay.paths import differences
from otel_replay.replay.recorded import RecordedCall, Recording, read_recording
from otel_replay.replay.report import ReplayReport
from otel_replay.replay.requests import Request, Requests
from otel_replay.settings import Settings, read_settings
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.screen import Screen
from otel_replay.storage.store import Store
from otel_replay.values import normalise

__all__ = ["Player", "Tools", "new_requests", "replay_run"]

Tools = Literal["recorded", "live"] | Collection[str]
"""Which tools are run: none, all, or those of these names. What is run is compared with what was recorded."""


def new_requests(ignore: Sequence[str] = (), settings: Settings | None = None) -> Requests:
    """What makes requests comparable, with the redaction that the settings ask for."""
    given = settings or read_settings()
    return Requests(Screen(redactor_for(given.redact, given.redact_keys)), ignore)


def replay_run(
    run: str | os.PathLike[str] | RunFiles | Recording,
    *,
    match: Match = "strict",
    ignore: Sequence[str] = (),
    until: int | None = None,
    tools: Tools = "recorded",
    damaged: Literal["refuse", "skip"] = "refuse",
    store: str | os.PathLike[str] | None = None,
) -> Player:
    """A replay of a recorded run, to be used as a context manager, `with` or `async with`.

    Parameters
    ----------
    run:
        Its id, a beginning of it, `latest`, or its directory.
    match:
        `strict`: a call is answered by a recorded one that asked for just the same. `nearest`: else by the
        most similar that is left, and reported. `ordered`: else by the next one, and reported.
    ignore:
        Places in requests that differ in every run: `input_messages[*].id`, `request.seed`, `**.created_at`.
    until:
        The last step that is answered; the calls behind it are made.
    tools:
        `recorded`: tools are answered too. `live`: they are run. Or the names of those that are to be run.
    damaged:
        Whether a damaged line of the recording refuses the replay or is skipped.
    store:
        Folder of the store; `OTEL_REPLAY_STORE` or `.otel-replay` by default.

    Raises
    ------
    UsageError
        If there is no such run, or it was recorded without what its calls ask for.
    FormatError
        If the recording is damaged.
    """
    requests = new_requests(ignore)
    if isinstance(run, Recording):
        recording = run
    else:
        files = run if isinstance(run, RunFiles) else _resolve(os.fspath(run), store)
        recording = read_recording(files, requests, damaged=damaged)
    return Player(recording, requests, match=match, until=until, tools=tools)


def _resolve(run: str, store: str | os.PathLike[str] | None) -> RunFiles:
    return Store(read_settings(store=store).store).resolve(run)


class Player:
    """An active replay. Made by :func:`replay_run`.

    Parameters
    ----------
    recording, requests:
        The recorded calls, and what made their requests comparable.
    match, until, tools:
        See :func:`replay_run`.
    """

    def __init__(
        self,
        recording: Recording,
        requests: Requests,
        *,
        match: Match = "strict",
        until: int | None = None,
        tools: Tools = "recorded",
    ) -> None:
        _check(recording, match, until)
        self.recording = recording
        self._requests = requests
        self._match = match
        self._tools = tools if isinstance(tools, str) else frozenset(tools)
        self._cursor = Cursor(recording, match, until)
        self._report = ReplayReport(recording=recording)
        self._lock = threading.Lock()
        self._first: Exception | None = None
        self.on_stop: Callable[[], None] | None = None
        """Called when the first call goes another way: the program may not live to its end."""
        self.on_process: Callable[[], None] | None = None
        """Called with the first call in a forked child."""
        self._pid = os.getpid()

    @property
    def report(self) -> ReplayReport:
        """What came of it so far."""
        self._report.left = self._cursor.left()
        return self._report

    # -- its life --------------------------------------------------------------------------------------------

    def __enter__(self) -> Player:
        watch_network()
        answering.install(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        answering.withdraw(self)
        if self._first is not None:
            if error is not self._first and (error is None or isinstance(error, Exception)):
                raise self._first from error
        elif error is None and self._match == "strict":
            self.verify()

    async def __aenter__(self) -> Player:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, where)

    def verify(self) -> None:
        """Raise what the replay has found wrong so far: calls not as recorded, recorded calls not made.

        Raises
        ------
        ReplayDivergence
            If anything is.
        """
        report = self.report
        if report.first is not None:
            raise self._error(report.first)
        if report.left:
            raise ReplayDivergence(
                f"the program did not make {len(report.left)} of the recorded calls: {names_of(report.left)}",
                hint="look at why it ends earlier; `report.left` has all of them",
                report=report.as_json(),
            )

    # -- what the recording side asks ------------------------------------------------------------------------

    def answer(self, attributes: Mapping[str, Any], site: tuple[str, ...]) -> Answer | None:
        """What was recorded for a call; None where it is to be made, or is no call."""
        request = self._requests.live(attributes)
        if request is None:
            return None
        if self._first is not None:
            raise self._first
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._report.restart()
            if self.on_process is not None:
                self.on_process()
        step = self._report.count_call()
        cleaned: list[dict[str, Any]] = []

        def clean() -> dict[str, Any]:
            if not cleaned:
                cleaned.append(self._requests.clean(request))
            return cleaned[0]

        found = self._cursor.take(request, site, made=self._is_made, clean=clean)
        if found.beyond:
            self._report.note_made()
            return None
        if found.call is not None and found.exact:
            self._report.note_answer(found.call, found.late)
        else:
            self._diverge(step, request, site, found, clean())
        assert found.call is not None
        return self._answer(found.call, step)

    def not_taken(self, answer: Answer) -> None:
        """A block made a call itself that the recording answers."""
        raise self._stop(
            ReplayDivergence(
                f"a block was left without its answer from {answer.source}: it has made the call itself",
                hint="`recorded()` of the block gives the answer, `perform()` does all of it",
            )
        )

    def asked_beyond(self, answer: Answer) -> None:
        """A call is to go on where the recorded one was left or cancelled."""
        what = "left" if answer.cancelled_after_s is None else "cancelled"
        raise self._stop(
            ReplayDivergence(
                f"the recorded call {answer.source} was {what} before its end, and is asked for more now",
                hint="record the run anew",
            )
        )

    # -- inside ----------------------------------------------------------------------------------------------

    def _is_made(self, call: RecordedCall) -> bool:
        if call.kind != "tool call" or self._tools == "recorded":
            return False
        return self._tools == "live" or call.name in self._tools

    def _answer(self, call: RecordedCall, step: int) -> Answer:
        if self._is_made(call):
            self._report.note_made()
            return Answer(check=lambda value: self._compare(call, value))
        if call.outcome == "open":
            raise self._stop(
                ReplayDivergence(
                    f"call {step}, {call.kind} {call.name}, has no recorded answer:"
                    f" the recording ends inside of it (step {call.step})",
                    hint=f"replay with until={call.step - 1} to go on from here with calls that are made",
                    report=self.report.as_json(),
                )
            )
        try:
            return answer_of(call, self.recording)
        except Exception as error:
            raise self._stop(error) from None

    def _compare(self, call: RecordedCall, value: Any) -> None:
        recorded, now = value_of(call), normalise(value)
        differing = differences(recorded, now, ("result",))
        if differing:
            self._report.drifts.append(
                Drift(step=call.step, name=f"{call.kind} {call.name}", differences=tuple(differing))
            )

    def _diverge(
        self, step: int, request: Request, site: tuple[str, ...], found: Found, now: Mapping[str, Any]
    ) -> None:
        near = found.call or found.nearest
        differing = differences(near.request.fields, now) if near is not None else []
        left = len(self._cursor.left())
        nearest = Found(nearest=near, used=found.used)
        one = Divergence(
            step=step,
            kind=request.kind,
            name=request.name,
            run_id=self.recording.run_id,
            cause=_with_notes(
                cause_of(request, nearest, differing, self._report.drifts, left), self.recording
            ),
            site=site,
            caller=_caller(),
            nearest=near,
            similarity=found.score,
            differences=tuple(differing),
            answered=found.call is not None,
            so_far=self._report.so_far(),
        )
        self._report.divergences.append(one)
        if found.call is None:
            raise self._stop(self._error(one))

    def _error(self, one: Divergence) -> ReplayDivergence:
        return ReplayDivergence(
            "\n".join(one.lines()), hint=one.cause.hint, first=one, report=self.report.as_json()
        )

    def _stop(self, error: Exception) -> Exception:
        with self._lock:
            first, self._first = self._first, self._first or error
        if first is None:
            self._report.error = error.message if isinstance(error, OtelReplayError) else told(error)
            if self.on_stop is not None:
                self.on_stop()
        return error


def _check(recording: Recording, match: str, until: int | None) -> None:
    if match not in ("strict", "nearest", "ordered"):
        raise UsageError(f"{match!r} is no way to match", hint="it is `strict`, `nearest` or `ordered`")
    if until is not None and not 0 <= until <= len(recording.calls):
        raise UsageError(
            f"there is no step {until} in {recording.run_id}: it has {len(recording.calls)} calls",
            hint="`otel-replay replay RUN` lists them",
        )
    if recording.unchecked and match != "ordered":
        raise UsageError(
            f"{recording.unchecked} of {len(recording.calls)} calls in {recording.run_id} were recorded"
            " without what they ask for: nobody can say whether the program asks for the same",
            hint="say match=`ordered` to have them answered in their order, unchecked",
        )


def _with_notes(cause: Cause, recording: Recording) -> Cause:
    """The recording may be the cause: it is not whole."""
    if not recording.notes:
        return cause
    return Cause(name=cause.name, text=f"{cause.text}; besides, {recording.notes[0]}", hint=cause.hint)


def _caller() -> str:
    """Where in the program the call is made: the innermost frame that is not ours or Python's own."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(_OURS):
            return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        if frame.f_back is None:
            return ""
        frame = frame.f_back
    return ""


_OURS = (
    *(f"otel_replay.{part}" for part in ("replay", "recording", "answering", "compat")),
    *("contextlib", "functools", "asyncio", "threading", "concurrent"),
)
