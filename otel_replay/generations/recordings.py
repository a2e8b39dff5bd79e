"""Generations that are recorded: each into an album and a run, many of these at the same time.

An image is made, kept in its album, and its bytes as a blob of the run, before anybody is given it.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import otel_replay
from otel_replay.attributes import (
    BLOB,
    GEN_AI_REQUEST_PREFIX,
    GENERATION_DETAILS_PREFIX,
    GENERATION_INDEX,
    GENERATION_LABEL,
)
from otel_replay.clock import SYSTEM_CLOCK, Clock
from otel_replay.generations.albums import Albums, AlbumWriter, Picture, validate_label
from otel_replay.generations.asking import Generator, ImageAnswer, ImageRequest
from otel_replay.generations.pictures import Png, as_png
from otel_replay.generations.refusals import Conflict, NoImage, Unusable
from otel_replay.recording.run import Run, start_run
from otel_replay.recording.spans import Generation
from otel_replay.redaction import redactor_for
from otel_replay.settings import read_settings

__all__ = ["Made", "Recording", "Recordings"]

MOST_RECORDINGS = 64
_IMAGE = "image/png"


@dataclass(frozen=True, slots=True)
class Made:
    """An image, and where it was recorded; `recording` is None where nothing is."""

    png: bytes
    picture: Picture
    recording: Recording | None


@dataclass(slots=True)
class Recording:
    """One album and one run that grow together."""

    name: str
    run: Run
    writer: AlbumWriter
    under_way: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class Recordings:
    """What is being recorded, by name. The latest that was begun is the current one.

    It lives on one event loop; what waits for a disk does so in threads.

    Parameters
    ----------
    albums:
        Where the images go.
    generator:
        Who makes them.
    new_name:
        A name for a recording, from the time in seconds.
    store:
        The store of the runs; as settings say where it is None.
    most:
        Recordings at the same time; the one that was used longest ago is ended when there is one more.
    """

    def __init__(
        self,
        albums: Albums,
        generator: Generator,
        *,
        new_name: Callable[[float], str],
        store: Path | None = None,
        clock: Clock = SYSTEM_CLOCK,
        most: int = MOST_RECORDINGS,
    ) -> None:
        self.albums = albums
        self.generator = generator
        self._new_name = new_name
        self._store = store
        self._clock = clock
        self._most = most
        self._open: OrderedDict[str, Recording] = OrderedDict()
        self._current = ""

    # -- what is recorded ------------------------------------------------------------------------------------

    async def start(self, name: str | None = None) -> Recording:
        """Begin a recording, which is the current one from then on. Others go on.

        Raises
        ------
        Unusable, Conflict, StoreError
            If the name is none, or taken; if the album cannot be made.
        """
        recording = await asyncio.to_thread(self._begin, name)
        self._open[recording.name] = recording
        self._current = recording.name
        idle = [one for one in self._open.values() if not one.under_way and one is not recording]
        for one in idle[: max(0, len(self._open) - self._most)]:
            await self.stop(one.name)
        return recording

    def _begin(self, name: str | None) -> Recording:
        writer = self._new_album(name, self._clock() / 1e9)
        made = writer.album.name
        run = start_run("generations", run_id=made, store=self._store)
        run.detach()  # nobody's current run: many are recorded side by side
        if run.run_id:
            writer.belongs_to(run.run_id)
        return Recording(made, run, writer)

    def _new_album(self, name: str | None, now_s: float) -> AlbumWriter:
        if name is not None:
            return self.albums.begin(name, created_s=now_s)
        wanted = self._new_name(now_s)
        for number in range(2, 10_000):
            try:
                return self.albums.begin(wanted, created_s=now_s)
            except Conflict:
                wanted = f"{self._new_name(now_s)}-{number}"
        raise Conflict(f"`{wanted}` is there already, and thousands before it")

    async def find(self, name: str | None) -> Recording | None:
        """The recording of this name; without one the current one, or None.

        Raises
        ------
        NoSuch, Conflict, Unusable
            If there is no such album; if it is not recorded now; if the name is none.
        """
        wanted = self._current if name is None else name
        found = self._open.get(wanted)
        if found is not None:
            self._open.move_to_end(wanted)
        if found is not None or name is None:
            return found
        await asyncio.to_thread(self.albums.document, name)  # says it if there is none
        raise Conflict(f"`{name}` is not being recorded", hint="it is over: start another one")

    async def stop(self, name: str | None = None) -> Recording:
        """End a recording, without a name the current one, when what is under way in it is done.

        Raises
        ------
        Conflict, Unusable
            If nothing is recorded; as :meth:`find`.
        """
        found = await self.find(name)
        if found is None:
            raise Conflict("nothing is being recorded", hint="start it first")
        del self._open[found.name]
        if self._current == found.name:
            self._current = ""
        if found.under_way:
            await found.idle.wait()
        await asyncio.to_thread(found.run.end)
        return found

    async def stop_all(self) -> None:
        """End everything."""
        for name in list(self._open):
            await self.stop(name)

    # -- generations -----------------------------------------------------------------------------------------

    async def generate(
        self,
        request: ImageRequest,
        *,
        name: str | None = None,
        label: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> Made:
        """Make an image, and record it where a recording is named or current.

        Raises
        ------
        NoImage, TooSlow
            If the generator gave none; the run holds the failure.
        StoreError
            If it could not be kept; nobody is given an image that was not.
        NoSuch, Conflict, Unusable
            As :meth:`find`; if the label cannot stand in a file's name.
        """
        validate_label(label)
        recording = await self.find(name)
        if request.seed is None and self.generator.seeded:
            request = replace(request, seed=secrets.randbits(32))
        asked = Picture(
            index=-1,
            filename="",
            prompt=request.prompt,
            label=label,
            details=dict(details or {}),
            seed=request.seed,
            model=request.model or self.generator.model,
            provider=self.generator.provider,
            parameters=_clean(request.parameters),
        )
        if recording is None:
            _, png, picture = await self._made(request, asked)
            return Made(png.content, picture, None)
        recording.under_way += 1
        recording.idle.clear()
        try:
            return await self._recorded(recording, request, asked)
        finally:
            recording.under_way -= 1
            if not recording.under_way:
                recording.idle.set()

    async def _recorded(self, recording: Recording, request: ImageRequest, asked: Picture) -> Made:
        with _span(recording.run, request, asked) as span:
            if request.canvas is not None:
                await asyncio.to_thread(_keep_image, "canvas.png", request.canvas)
            answer, png, picture = await self._made(
                request, replace(asked, span_id=span.span_id if span.recording else "")
            )
            kept = await asyncio.to_thread(self._kept, recording, png, picture)
            await asyncio.to_thread(_tell, span, answer, png, kept)
        return Made(png.content, kept, recording)

    async def _made(self, request: ImageRequest, asked: Picture) -> tuple[ImageAnswer, Png, Picture]:
        began = time.perf_counter()
        answer = await self.generator.generate(request)
        latency_ms = round((time.perf_counter() - began) * 1e3, 3)
        try:
            png = await asyncio.to_thread(as_png, answer.image, "what the generator gave")
        except Unusable as error:
            raise NoImage(error.message, hint=error.hint) from None
        made = replace(
            asked,
            model=answer.model or asked.model,
            latency_ms=latency_ms,
            width=png.width,
            height=png.height,
        )
        return answer, png, made

    def _kept(self, recording: Recording, png: Png, picture: Picture) -> Picture:
        return recording.writer.add(png.content, replace(picture, time_s=self._clock() / 1e9))


def _clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without secrets: they go into a file."""
    settings = read_settings()
    clean, _ = redactor_for(settings.redact, settings.redact_keys).redact(dict(parameters))
    return cast("dict[str, Any]", clean)


def _span(run: Run, request: ImageRequest, asked: Picture) -> Generation:
    """The span of a generation, with what is asked."""
    parts: list[dict[str, Any]] = [{"type": "text", "content": request.prompt}]
    if request.canvas is not None:
        parts.append(_image_part(hashlib.sha256(request.canvas).hexdigest(), len(request.canvas)))
    given: dict[str, Any] = {**request.parameters, "seed": request.seed}
    if request.size is not None:
        given["size"] = "{}x{}".format(*request.size)
    attributes = {f"{GEN_AI_REQUEST_PREFIX}{key}": value for key, value in given.items() if value is not None}
    attributes.update({f"{GENERATION_DETAILS_PREFIX}{key}": value for key, value in asked.details.items()})
    if asked.label:
        attributes[GENERATION_LABEL] = asked.label
    return run.generation(
        asked.model,
        provider=asked.provider,
        operation="generate_content",
        input_messages=[{"role": "user", "parts": parts}],
        attributes=attributes,
    )


def _keep_image(name: str, data: bytes) -> None:
    """An image as an artifact of the current span; its bytes are a blob of the run."""
    otel_replay.artifact(name, data, media_type=_IMAGE)


def _image_part(sha256: str, size_bytes: int) -> dict[str, Any]:
    """An image in a message, as the conventions have it, with a blob in place of its bytes."""
    content = {BLOB: sha256, "size_bytes": size_bytes, "media_type": _IMAGE}
    return {"type": "blob", "modality": "image", "mime_type": _IMAGE, "content": content}


def _tell(span: Generation, answer: ImageAnswer, png: Png, kept: Picture) -> None:
    """What came of it, into the span, which is the current one."""
    _keep_image(kept.filename, png.content)
    parts: list[dict[str, Any]] = [_image_part(kept.sha256, len(png.content))]
    if answer.revised_prompt:
        parts.append({"type": "text", "content": answer.revised_prompt})
    span.set(GENERATION_INDEX, kept.index)
    span.output(
        [{"role": "assistant", "parts": parts, "finish_reason": "stop"}],
        finish_reasons=["stop"],
        usage=answer.usage,
        response_id=answer.response_id or None,
        response_model=answer.model or None,
        **({"image_format": png.came_as} if png.came_as else {}),
    )
