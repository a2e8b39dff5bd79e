"""A command as generator: the request as JSON on its standard input, the image on its standard output."""

from __future__ import annotations

import asyncio
import base64
import os
import shlex
import signal
from typing import Any

from otel_replay.errors import UsageError
from otel_replay.generations.asking import ImageAnswer, ImageRequest
from otel_replay.generations.refusals import NoImage, TooSlow
from otel_replay.orjson_loading import orjson
from otel_replay.recording.children import child_environment

__all__ = ["CommandImages", "request_json"]

LARGEST_IMAGE_BYTES = 64 << 20
_TOLD_BYTES = 2_000


def request_json(request: ImageRequest) -> bytes:
    """A request as one JSON document; the canvas in base64."""
    body: dict[str, Any] = {
        "prompt": request.prompt,
        "seed": request.seed,
        "model": request.model,
        "parameters": dict(request.parameters),
    }
    if request.size is not None:
        body["width"], body["height"] = request.size
    if request.region is not None:
        body["region"] = list(request.region)
    if request.canvas is not None:
        body["canvas"] = base64.b64encode(request.canvas).decode()
    return orjson.dumps(body)


class CommandImages:
    """Runs a program for each image.

    Parameters
    ----------
    command:
        The command line, as a shell would split it; no shell runs it.
    timeout_seconds:
        How long it may take; it is killed then.

    Raises
    ------
    UsageError
        If the command line cannot be split.
    """

    provider = "command"
    seeded = True

    def __init__(self, command: str, *, timeout_seconds: float = 300.0) -> None:
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"`{command}` is not a command line: {error}") from None
        if not self._arguments:
            raise UsageError("the generator's command is empty", hint="--generator 'command:draw --fast'")
        self.model = os.path.basename(self._arguments[0])
        self._timeout_seconds = timeout_seconds

    async def generate(self, request: ImageRequest) -> ImageAnswer:
        """What the program wrote. A program that fails, or takes too long, gave no image."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                env=child_environment(),  # a program that records joins the run, below its generation
            )
        except OSError as error:
            raise NoImage(
                f"the generator `{self._arguments[0]}` cannot be started: {error.strerror}"
            ) from None
        try:
            out, told = await asyncio.wait_for(
                _exchange(process, request_json(request)), self._timeout_seconds
            )
        except asyncio.TimeoutError:
            raise TooSlow(
                f"the generator `{self._arguments[0]}` took more than {self._timeout_seconds:g} seconds"
            ) from None
        finally:
            _kill(process)
            code = await process.wait()
        if code:
            said = told[-_TOLD_BYTES:].decode("utf-8", "replace").strip()
            raise NoImage(
                f"the generator `{self._arguments[0]}` ended with {code}" + (f": {said}" if said else "")
            )
        return ImageAnswer(image=out, model=request.model or self.model)


async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    out, told, _ = await asyncio.gather(
        _read(process.stdout, LARGEST_IMAGE_BYTES, whole=True),
        _read(process.stderr, _TOLD_BYTES, whole=False),
        _write(process.stdin, request),
    )
    return out, told


async def _write(stream: asyncio.StreamWriter, data: bytes) -> None:
    try:
        stream.write(data)
        await stream.drain()
        stream.close()
        await stream.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # a program need not read what it is asked


async def _read(stream: asyncio.StreamReader, limit_bytes: int, *, whole: bool) -> bytes:
    """All of a stream; of one that need not be `whole`, its end."""
    kept = b""
    chunks: list[bytes] = []
    size = 0
    while chunk := await stream.read(1 << 16):
        size += len(chunk)
        if not whole:
            kept = (kept + chunk)[-limit_bytes:]
            continue
        if size > limit_bytes:
            raise NoImage(f"the generator wrote more than {limit_bytes >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks) if whole else kept


def _kill(process: asyncio.subprocess.Process) -> None:
    """End the program and what it has started, should any of it still be there."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
