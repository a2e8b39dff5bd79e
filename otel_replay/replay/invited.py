"""A program whose environment names a recording is answered from it, and leaves a report of what came of it.

`otel-replay replay RUN -- command` puts a plan into `OTEL_REPLAY_REPLAY`; a run's id or directory alone will
do where a person sets it. Each process of the program has a replay of its own.
"""

from __future__ import annotations

import atexit
import os
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from otel_replay.errors import FormatError, UsageError
from otel_replay.orjson_loading import orjson
from otel_replay.replay.cursor import Match
from otel_replay.replay.network import watch_network
from otel_replay.replay.player import Player, Tools, new_requests, replay_run
from otel_replay.replay.recorded import Recording
from otel_replay.settings import REPLAY_VARIABLE
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.store import LATEST

__all__ = ["Plan", "accept", "merged", "player_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a program is replayed with; the arguments of `replay_run`.

    Attributes
    ----------
    run:
        A run's directory, or another file that `reader` reads.
    reader:
        `module:function` that makes a recording of such a file; empty for a run.
    report:
        The folder into which each process puts its report.
    """

    run: str
    match: Match = "strict"
    ignore: list[str] = field(default_factory=list)
    until: int | None = None
    tools: str | list[str] = "recorded"
    damaged: Literal["refuse", "skip"] = "refuse"
    reader: str = ""
    report: str = ""

    def text(self) -> str:
        """The plan as it stands in the environment."""
        return orjson.dumps(self).decode()


def _recording_of(plan: Plan) -> Recording | str:
    """What `replay_run` is to replay.

    Raises
    ------
    UsageError, FormatError, StoreError
        If it cannot be read.
    """
    if not plan.reader:
        return plan.run
    module, _, name = plan.reader.partition(":")
    recording = getattr(import_module(module), name)(
        Path(plan.run), new_requests(plan.ignore), damaged=plan.damaged
    )
    assert isinstance(recording, Recording)
    return recording


def player_of(plan: Plan) -> Player:
    """The replay that a plan asks for; it is not active yet."""
    tools: Tools = plan.tools if plan.tools in ("recorded", "live") else list(plan.tools)
    return replay_run(
        _recording_of(plan),
        match=plan.match,
        ignore=plan.ignore,
        until=plan.until,
        tools=tools,
        damaged=plan.damaged,
    )


def accept(text: str) -> Player:
    """The replay that the environment asks for; its report is written when the process ends.

    Raises
    ------
    UsageError
        If the environment makes no sense.
    """
    plan = _plan(text)
    player = player_of(plan)
    watch_network()
    if plan.report:
        report = _Report(player, Path(plan.report))
        player.on_stop = report.write
        player.on_process = report.write_at_the_end
        report.write_at_the_end()
    return player


def _plan(text: str) -> Plan:
    if text == LATEST:
        raise UsageError(
            f"{REPLAY_VARIABLE} says `{LATEST}`, which the program's own run would be",
            hint="name the run by its id, or use `otel-replay replay latest -- …`",
        )
    if not text.lstrip().startswith("{"):
        return Plan(run=text)
    try:
        return Plan(**orjson.loads(text))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise UsageError(
            f"{REPLAY_VARIABLE} is no plan for a replay: {error}",
            hint="it is set by `otel-replay replay`; by hand, a run's id or directory will do",
        ) from None


class _Report:
    """A process's report, in a file of its own; a forked child has another one than its parent."""

    def __init__(self, player: Player, folder: Path) -> None:
        self._player = player
        self._folder = folder

    def write_at_the_end(self) -> None:
        """Write when this process ends."""
        multiprocessing_util = sys.modules.get("multiprocessing.util")
        if multiprocessing_util is not None and sys.modules["multiprocessing"].parent_process() is not None:
            # Children of multiprocessing leave by os._exit, which asks nobody but these.
            multiprocessing_util.Finalize(None, self.write, exitpriority=100)
        else:
            atexit.register(self.write)

    def write(self) -> None:
        """Write how it stands."""
        document = self._player.report.as_json()
        data = orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS)
        try:
            write_atomically(self._folder / f"{os.getpid()}.json", data, durable=False)
        except Exception as error:
            raise FormatError(f"the report of the replay was not written: {error}") from error


def merged(reports: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The reports of a program's processes as one: what one of them asked for was asked for."""
    if not reports:
        return None
    whole = dict(reports[0])
    for report in reports[1:]:
        for name in ("calls", "answered", "made"):
            whole[name] += report[name]
        for name in ("divergences", "drifts"):
            whole[name] = [*whole[name], *report[name]]
        whole["error"] = whole["error"] or report["error"]
        left = {one["step"] for one in report["not_asked_for"]}
        whole["not_asked_for"] = [one for one in whole["not_asked_for"] if one["step"] in left]
    if len(reports) > 1:
        whole["out_of_order"] = []  # processes go on side by side
        text = [
            f"{whole['answered']} of {whole['recorded']} recorded calls answered by {len(reports)} processes"
        ]
        text += [
            line
            for report in reports
            for line in report["text"][1:]
            if not line.startswith("not asked for") and " was asked for before " not in line
        ]
        text += [
            f"not asked for: step {one['step']} {one['kind']} {one['name']}" for one in whole["not_asked_for"]
        ]
        whole["text"] = text
    whole["ok"] = not whole["divergences"] and not whole["not_asked_for"] and not whole["error"]
    return whole
