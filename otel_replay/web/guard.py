"""Who may ask: a bearer token, the names that a local server goes by, and pages of this machine only.

A server on loopback can be reached by every page that a browser has open. Such a page's requests say where
they come from (`Origin`, `Sec-Fetch-Site`); a name that was made to point here (DNS rebinding) is in `Host`.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otel_replay.web.answers import problem

__all__ = ["Guard", "is_loopback"]

_SHORTEST_KEPT = "600"


def is_loopback(host: str) -> bool:
    """Whether a host, by name or address, is this machine alone."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware that refuses who may not ask, and lets pages read what they may.

    Parameters
    ----------
    app:
        What stands behind it.
    token:
        Asked for as `Authorization: Bearer …`, where there is one.
    origins:
        Origins of pages that may ask besides those of this machine, e.g. `https://studio.example`.
    open_paths:
        Paths that need no token: pages, which hold nothing that was recorded.
    exposed:
        Headers of answers that pages of other origins may read.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str | None = None,
        origins: Iterable[str] = (),
        open_paths: Iterable[str] = (),
        exposed: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._token = token
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._open_paths = frozenset(open_paths)
        self._exposed = ", ".join(exposed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        # With a token, a page that cannot know it gets nothing: the server may go by any name.
        named = self._token is not None or is_loopback(_name_of(headers.get("host", "")))
        allowed = named and origin is not None and self._is_allowed(origin, headers)
        if named:
            refusal = self._refusal(scope, headers, allowed)
        else:
            refusal = problem(403, "this server answers under the names of this machine only")

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), origin if allowed else None)
            await send(message)

        await (refusal or self._app)(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Headers, allowed: bool) -> Response | None:
        foreign = (
            headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
        )
        if not allowed and ("origin" in headers or foreign):
            return problem(
                403,
                "pages of other origins may not ask",
                "allow one with --allow-origin, for example its URL",
            )
        method, path = scope["method"], scope["path"]
        if method == "OPTIONS" and "access-control-request-method" in headers:
            return Response(
                status_code=204,
                headers={
                    "Access-Control-Allow-Methods": "GET, HEAD, POST",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept",
                    "Access-Control-Max-Age": _SHORTEST_KEPT,
                },
            )
        if self._token is None or (path in self._open_paths and method in {"GET", "HEAD"}):
            return None
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token.encode()):
            return None
        return problem(401, "this server asks for a token", headers={"WWW-Authenticate": "Bearer"})

    def _is_allowed(self, origin: str, headers: Headers) -> bool:
        if origin.lower() in self._origins:
            return True
        try:
            parts = urlsplit(origin)
            host = parts.hostname or ""
        except ValueError:
            return False
        same = parts.netloc.lower() == headers.get("host", "").lower() != ""
        return parts.scheme in {"http", "https"} and (same or is_loopback(host))

    def _add_headers(self, headers: MutableHeaders, origin: str | None) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Cache-Control", "no-store")
        headers.add_vary_header("Origin")
        if origin is not None:
            headers["Access-Control-Allow-Origin"] = origin
            if self._exposed:
                headers["Access-Control-Expose-Headers"] = self._exposed


def _name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
