"""What takes the place of other recorders, each with calls to keep making and a way to read them back.

One row a facade. In the process that is killed, `keep_calling` makes the calls 0, 1, 2, … and tells of each
after it has returned. Afterwards `read_back` says which are there, by the same words as `label`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otel_replay.compat import harness, session_replay
from otel_replay.compat.generation_sessions import application
from otel_replay.compat.harness_runs import session_of_run
from otel_replay.compat.memvid import Memvid
from otel_replay.compat.session_logger import FileEvent, SessionLogger, TaskEvent
from otel_replay.compat.session_logger_events import events_in_records
from otel_replay.errors import StoreError
from otel_replay.generations.asking import ImageAnswer, ImageRequest
from otel_replay.records import Decision
from otel_replay.storage.run_files import RunFiles

Told = Callable[[], None]
"""Says that one more call has returned."""


@dataclass(frozen=True)
class Facade:
    """How one of them is called, and how its calls are found again."""

    keep_calling: Callable[[Path, Told], None]
    read_back: Callable[[Path, RunFiles], list[str]]
    label: Callable[[int], str]
    kills: int = 110
    calls: int = 15
    """How many calls return before a kill, on average."""


# -- session_replay: decisions -------------------------------------------------------------------------------


def _log_decisions(_: Path, told: Told) -> None:
    for number in _numbers():
        session_replay.log_decision(f"ACTION_{number % 5}", f"sample {number}", {"n": number}, {"rpm": 2000})
        told()


def _decisions(_: Path, run: RunFiles) -> list[str]:
    return [
        f"{item.record.action} {item.record.reason} {item.record.values} {item.record.cell}"
        for item in run.records()
        if isinstance(item.record, Decision)
    ]


def _decision(number: int) -> str:
    return f"ACTION_{number % 5} sample {number} { {'n': number} } { {'rpm': 2000} }"


# -- session_logger: tasks, files, tool calls ----------------------------------------------------------------


def _log_session(_: Path, told: Told) -> None:
    logger = SessionLogger("AGENT", "killed")
    calls: tuple[Callable[[int], object], ...] = (
        lambda number: logger.log_task_start(f"task {number}", {"number": number}),
        lambda number: logger.log_file_read(f"file {number}", size_bytes=number),
        lambda number: logger.log_tool_call(f"tool {number}", {"number": number}, duration_ms=number % 7),
        lambda number: logger.log_file_write(f"file {number}", size_bytes=number, lines=number),
        lambda number: logger.log_task_complete(f"task {number - 4}", number, {"done": number}),
    )
    for number in _numbers():
        calls[number % len(calls)](number)
        told()


def _session(_: Path, run: RunFiles) -> list[str]:
    calls = []
    for event in events_in_records(run.records()):
        if isinstance(event, TaskEvent):
            number = int(event.name.split()[1])
            calls.append((number, f"start {event.metadata['number']}"))
            if event.end_time is not None:
                assert abs(event.end_time - event.start_time - (number + 4) / 1e3) < 1e-5
                calls.append((number + 4, f"complete {event.metadata['done']}"))
        elif isinstance(event, FileEvent):
            calls.append(
                (
                    int(event.path.split()[1]),
                    f"{event.operation} {event.path} {event.size_bytes} {event.lines}",
                )
            )
        else:
            number = event.params["number"]
            calls.append((number, f"{event.name} took {event.duration_ms}"))
    # A task's start and its end are one event there: put where the end belongs.
    return [label for _, label in sorted(calls)]


def _session_call(number: int) -> str:
    return (
        f"start {number}",
        f"read file {number} {number} None",
        f"tool {number} took {number % 7}",
        f"write file {number} {number} {number}",
        f"complete {number}",
    )[number % 5]


# -- memvid: actions of a memory session ---------------------------------------------------------------------


def _record_actions(place: Path, told: Told) -> None:
    memory = Memvid(place / "notes.mv2")
    memory.start_session("killed")
    for number in _numbers():
        if number % 3 == 0:
            memory.record_put_action(number, f"put {number}".encode())
        elif number % 3 == 1:
            memory.record_find_action(f"find {number}", "lex", 2, [number])
        else:
            memory.record_ask_action(f"ask {number}", "p", "m", b"because", number, [number])
        told()


def _actions(place: Path, _: RunFiles) -> list[str]:
    with Memvid(place / "notes.mv2") as memory:
        assert memory.load_active_session()
        return [str(action.input) for action in memory.end_session().actions]


def _action(number: int) -> str:
    return f"{('put', 'find', 'ask')[number % 3]} {number}"


# -- harness: the events of an agent loop --------------------------------------------------------------------


def _fire_events(place: Path, told: Told) -> None:
    recorder = harness.SessionRecorder(place / "session.jsonl")
    recorder.fire(harness.Event.SessionStart())
    for number in _numbers():
        recorder.fire(_loop_event(number))
        told()


def _loop_event(number: int) -> object:
    turn, step = divmod(number, 5)
    action = harness.Action(tool="search", call_id=f"call_{turn}", args={"q": turn})
    answer = harness.ModelOutput(text=f"answer {turn}", stop_reason="tool-use")
    return (
        harness.Event.PreModel(harness.Context(history=["so far"] * (turn % 9), model="m")),
        harness.Event.PostModel(answer),
        harness.Event.PreToolUse(action),
        harness.Event.PostToolUse(action, harness.ToolResult(ok=True, content=f"found {turn}")),
        harness.Event.Heartbeat(turn),
    )[step]


def _loop_events(place: Path, run: RunFiles) -> list[str]:
    """What is in both, the log and the run; a kill may come between the two."""
    logged, recorded = (
        [_event_label(event) for event in session if not isinstance(event, harness.Start)]
        for session in (
            harness.read_session(place / "session.jsonl"),
            session_of_run(run.records(), "killed"),
        )
    )
    assert len(logged) - 1 <= len(recorded) <= len(logged)
    assert recorded == logged[: len(recorded)]
    return recorded


def _event_label(event: harness.SessionEvent) -> str:
    if isinstance(event, harness.PreModel):
        return f"asked after {event.history_len}"
    if isinstance(event, harness.PostModel):
        return f"{event.output.text} {event.output.stop_reason}"
    if isinstance(event, harness.PreTool):
        return f"{event.action.tool} {event.action.call_id} {event.action.args}"
    if isinstance(event, harness.PostTool):
        return f"{event.call_id} {event.result.ok} {event.result.content}"
    return f"turn {event.iter}" if isinstance(event, harness.Heartbeat) else event.kind


def _loop_label(number: int) -> str:
    turn, step = divmod(number, 5)
    return (
        f"asked after {turn % 9}",
        f"answer {turn} tool-use",
        f"search call_{turn} { {'q': turn} }",
        f"call_{turn} True found {turn}",
        f"turn {turn}",
    )[step]


# -- generation_sessions: images of a server -----------------------------------------------------------------


class _Dots:
    """Images of one dot, as quick as they can be."""

    provider, model, seeded = "test", "dot-1", True

    async def generate(self, request: ImageRequest) -> ImageAnswer:
        """A dot whose colour says the seed."""
        return ImageAnswer(image=_dot(request.seed or 0))


def _dot(seed: int) -> bytes:
    from PIL import Image

    from otel_replay.generations.pictures import encode

    return encode(Image.new("RGB", (1, 1), (seed & 255, seed >> 8 & 255, 7)))


def _generate(place: Path, told: Told) -> None:
    server = application(generator=_Dots(), sessions=place / "sessions")

    async def ask(path: str, query: str, body: bytes) -> int:
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": path, "query_string": query.encode()}
        about = {"http_version": "1.1", "scheme": "http", "raw_path": path.encode(), "root_path": ""}
        peers = {"client": ("127.0.0.1", 1), "server": ("localhost", 80)}
        await server({**scope, **about, **peers, "headers": headers}, receive, send)
        return status

    async def main() -> None:
        assert await ask("/session/start", "session_id=killed", b"") == 200
        for number in _numbers():
            asked = {"prompt": f"dot {number}", "seed": number, "target_sector": "BR", "size": "1x1"}
            assert await ask("/generate", "session_id=killed", json.dumps(asked).encode()) == 200
            told()

    asyncio.run(main())


def _images(place: Path, run: RunFiles) -> list[str]:
    folder = place / "sessions" / "killed"
    found = []
    for number, entry in enumerate(json.loads((folder / "metadata.json").read_bytes())["sequence"]):
        assert (folder / entry["filename"]).read_bytes() == _dot(number)
        try:
            assert run.blobs.read(entry["sha256"]) == _dot(number)
        except StoreError:
            break  # killed between the folder and the run: nobody was told of this one
        found.append(f"{entry['index']} {entry['prompt']}")
    return found


def _numbers() -> Iterator[int]:
    return iter(range(2**31))


FACADES: dict[str, Facade] = {
    "session_replay": Facade(_log_decisions, _decisions, _decision),
    "session_logger": Facade(_log_session, _session, _session_call),
    "harness": Facade(_fire_events, _loop_events, _loop_label),
    "memvid": Facade(_record_actions, _actions, _action),
    # An image is a request, a file and a run's blob: it takes its time.
    "generation_sessions": Facade(_generate, _images, lambda number: f"{number} dot {number}", 60, 5),
}
