"""The generation server's HTTP API, route by route: sessions are recorded, replayed, compared, archived.

A client that names no session means the one that was started last; one that names no replay, likewise. With
`?session_id=` and `?replay_id=` there are as many of both at once as one likes.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import IO

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from otel_replay.compat.generation_sessions_asking import SectorPrompts, read_asked
from otel_replay.compat.generation_sessions_files import (
    comparison,
    new_session_id,
    side,
    stored_sessions,
)
from otel_replay.generations.albums import Picture
from otel_replay.generations.archive import archive, restore
from otel_replay.generations.asking import Generator
from otel_replay.generations.comparison import pair_difference
from otel_replay.generations.recordings import Recordings
from otel_replay.generations.refusals import Conflict, NoImage, NoSuch, TooSlow, Unusable
from otel_replay.generations.replays import UNNAMED, Replays
from otel_replay.web.answers import (
    Refused,
    chunks,
    json_answer,
    problem,
    problem_handlers,
    read_body,
)
from otel_replay.web.guard import Guard
from otel_replay.web.header_text import header_text

__all__ = ["application"]

LARGEST_REQUEST_BYTES = 48 << 20
LARGEST_ARCHIVE_BYTES = 2 << 30
_BLOCK_BYTES = 1 << 20
_STATUSES = ((NoSuch, 404), (Conflict, 409), (Unusable, 422), (TooSlow, 504), (NoImage, 502))
_EXPOSED = ("X-Sector", "X-Prompt", "X-Prompt-Truncated", "X-Index", "X-Session", "X-Seed")
_PAGE = {
    "/": ("generation_sessions.html", "text/html"),
    "/page.js": ("generation_sessions.js", "text/javascript"),
    "/page.css": ("generation_sessions.css", "text/css"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Endpoint = Callable[[Request], Awaitable[Response]]


def application(
    *,
    generator: Generator,
    sessions: Path,
    store: Path | None = None,
    prompts: SectorPrompts | None = None,
    token: str | None = None,
    origins: Iterable[str] = (),
) -> ASGIApp:
    """The server as an ASGI application.

    Parameters
    ----------
    generator:
        Makes the images.
    sessions:
        Folder of the sessions, in the original's layout; made with the first.
    store:
        Store of the runs; as settings say where it is None.
    prompts:
        Prompts by sector, for requests that bring none.
    token, origins:
        Who may ask; see :class:`otel_replay.web.guard.Guard`.
    """
    server = _Server(generator, sessions, store, prompts or SectorPrompts())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await server.recordings.stop_all()

    routes = [_route(path, endpoints) for path, endpoints in server.routes().items()]
    inner = Starlette(routes=routes, exception_handlers=problem_handlers(_STATUSES), lifespan=lifespan)
    return Guard(inner, token=token, origins=origins, open_paths=_PAGE, exposed=_EXPOSED)


def _route(path: str, endpoints: Mapping[str, Endpoint]) -> Route:
    """One path with all its methods, so that a path with a name in it cannot take those of another."""

    async def by_method(request: Request) -> Response:
        endpoint = endpoints.get(request.method)
        if endpoint is not None:
            return await endpoint(request)
        allowed = ", ".join(endpoints)
        return problem(405, f"{path} takes {allowed}", headers={"Allow": allowed})

    return Route(path, by_method, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


def _reading(endpoint: Endpoint) -> dict[str, Endpoint]:
    return {"GET": endpoint, "HEAD": endpoint}


class _Server:
    """The endpoints, and what they share."""

    def __init__(
        self, generator: Generator, sessions: Path, store: Path | None, prompts: SectorPrompts
    ) -> None:
        self.sessions = stored_sessions(sessions)
        self.recordings = Recordings(self.sessions, generator, new_name=new_session_id, store=store)
        self.replays = Replays()
        self.prompts = prompts

    def routes(self) -> dict[str, Mapping[str, Endpoint]]:
        """Every path with its methods. What is read by HEAD must not move on: `next` does."""
        return {
            **{path: _reading(partial(_page, path)) for path in _PAGE},
            "/generate": {"POST": self.generate},
            "/session/start": {"POST": self.start},
            "/session/stop": {"POST": self.stop},
            "/session/list": _reading(self.list),
            "/session/restore": {"POST": self.restore},
            "/session/compare": _reading(self.compare),
            "/session/compare/image": _reading(self.compare_image),
            "/session/replay/next": {"GET": self.replay_next},
            "/session/replay/stop": {"POST": self.replay_stop},
            "/session/replay/{session_id}": {"POST": self.replay_start},
            "/session/{session_id}": _reading(self.get),
            "/session/{session_id}/archive": _reading(self.archive),
            "/session/{session_id}/image/{index:int}": _reading(self.image),
        }

    # -- recording -------------------------------------------------------------------------------------------

    async def start(self, request: Request) -> Response:
        recording = await self.recordings.start(request.query_params.get("session_id"))
        return json_answer({"session_id": recording.name, "status": "recording"})

    async def stop(self, request: Request) -> Response:
        stopped = await self.recordings.stop(request.query_params.get("session_id"))
        total = len(stopped.writer.album.pictures)
        return json_answer({"session_id": stopped.name, "status": "stopped", "total_generations": total})

    async def generate(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(415, "the body is to be JSON", hint="curl -H 'Content-Type: application/json' …")
        body = await read_body(request, LARGEST_REQUEST_BYTES)
        asked = await asyncio.to_thread(read_asked, body, self.prompts)
        try:
            made = await self.recordings.generate(
                asked.request,
                name=request.query_params.get("session_id"),
                label=asked.target_sector,
                details={"focus_sector": asked.focus_sector} if asked.focus_sector else {},
            )
        except asyncio.CancelledError:
            raise Refused(503, "the server ends, and waited long enough for this image") from None
        headers = _about(made.picture)
        if made.recording is not None:
            headers["X-Session"] = made.recording.name
        return _png(made.png, headers)

    # -- what was recorded -----------------------------------------------------------------------------------

    async def list(self, _: Request) -> Response:
        return json_answer({"sessions": await asyncio.to_thread(self.sessions.names)})

    async def get(self, request: Request) -> Response:
        return json_answer(await asyncio.to_thread(self.sessions.document, request.path_params["session_id"]))

    async def image(self, request: Request) -> Response:
        session_id, index = request.path_params["session_id"], request.path_params["index"]
        album = await asyncio.to_thread(self.sessions.read, session_id)
        picture = next((picture for picture in album.pictures if picture.index == index), None)
        if picture is None:
            raise NoSuch(f"`{session_id}` has no image {index}")
        data = await asyncio.to_thread(self.sessions.image, session_id, picture)
        return _png(data, _about(picture))

    async def archive(self, request: Request) -> Response:
        session_id = request.path_params["session_id"]
        stream = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            await asyncio.to_thread(archive, self.sessions, session_id, stream)
            size = stream.tell()
            stream.seek(0)
        except BaseException:
            stream.close()
            raise
        headers = {
            "Content-Disposition": f'attachment; filename="{session_id}.tar.gz"',
            "Content-Length": str(size),
        }
        return StreamingResponse(_blocks(stream), headers=headers, media_type="application/gzip")

    async def restore(self, request: Request) -> Response:
        with tempfile.TemporaryFile() as stream:
            async for chunk in chunks(request, LARGEST_ARCHIVE_BYTES):
                await asyncio.to_thread(stream.write, chunk)
            stream.seek(0)
            wanted = request.query_params.get("session_id")
            restored = await asyncio.to_thread(restore, self.sessions, stream, wanted)
        return json_answer({"session_id": restored, "status": "restored"}, status=201)

    # -- replays ---------------------------------------------------------------------------------------------

    async def replay_start(self, request: Request) -> Response:
        session_id = request.path_params["session_id"]
        album = await asyncio.to_thread(self.sessions.read, session_id)
        replay_id = request.query_params.get("replay_id", UNNAMED)
        self.replays.begin(album, replay_id)
        answer = {"session_id": session_id, "status": "replaying", "total_generations": len(album.pictures)}
        return json_answer(answer | ({"replay_id": replay_id} if replay_id else {}))

    async def replay_next(self, request: Request) -> Response:
        album, picture = self.replays.next(request.query_params.get("replay_id", UNNAMED))
        if picture is not None:
            data = await asyncio.to_thread(self.sessions.image, album.name, picture)
            return _png(data, _about(picture))
        if _takes_json(request):
            return json_answer({"status": "complete", "image": None})
        return Response(status_code=204)  # it wants an image, and there is none

    async def replay_stop(self, request: Request) -> Response:
        replay_id = request.query_params.get("replay_id", UNNAMED)
        self.replays.stop(replay_id)
        return json_answer({"status": "stopped"} | ({"replay_id": replay_id} if replay_id else {}))

    # -- two sessions ----------------------------------------------------------------------------------------

    async def compare(self, request: Request) -> Response:
        a, b = _both(request)
        return json_answer(await asyncio.to_thread(self._compared, a, b))

    def _compared(self, a: str, b: str) -> object:
        return comparison(side(self.sessions, a), side(self.sessions, b))

    async def compare_image(self, request: Request) -> Response:
        a, b = _both(request)
        index = request.query_params.get("index", "")
        if not index.isascii() or not index.isdigit() or len(index) > 9:
            raise Unusable("`index` is not the number of an image")
        data = await asyncio.to_thread(self._difference, a, b, int(index))
        if data is None:
            raise Conflict(f"image {index} has another size in `{a}` than in `{b}`")
        return _png(data, {"X-Index": index})

    def _difference(self, a: str, b: str, index: int) -> bytes | None:
        return pair_difference(side(self.sessions, a), side(self.sessions, b), index)


# -- answers -----------------------------------------------------------------------------------------------


def _about(picture: Picture) -> dict[str, str]:
    """The headers that go with an image; what a header cannot hold is percent-encoded."""
    prompt, cut = header_text(picture.prompt)
    headers = {"X-Sector": header_text(picture.label)[0], "X-Prompt": prompt}
    if cut:
        headers["X-Prompt-Truncated"] = "true"
    if picture.index >= 0:
        headers["X-Index"] = str(picture.index)
    if picture.seed is not None:
        headers["X-Seed"] = str(picture.seed)
    return headers


def _png(data: bytes, headers: Mapping[str, str]) -> Response:
    return Response(data, headers=dict(headers), media_type="image/png")


async def _page(path: str, _: Request) -> Response:
    name, media_type = _PAGE[path]
    content = await asyncio.to_thread(files("otel_replay.compat").joinpath(name).read_bytes)
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
    return Response(content, headers=headers, media_type=media_type)


async def _blocks(stream: IO[bytes]) -> AsyncIterator[bytes]:
    with stream:
        while block := await asyncio.to_thread(stream.read, _BLOCK_BYTES):
            yield block


def _takes_json(request: Request) -> bool:
    """Whether the client has not said that it takes something else only."""
    accepted = request.headers.get("accept", "*/*").lower()
    return not accepted.strip() or any(
        kind in accepted for kind in ("*/*", "application/json", "application/*")
    )


def _both(request: Request) -> tuple[str, str]:
    a, b = request.query_params.get("a"), request.query_params.get("b")
    if a is None or b is None:
        raise Unusable("two sessions are to be named", hint="/session/compare?a=test_A&b=test_B")
    return a, b
