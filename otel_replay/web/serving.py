"""An ASGI application on a socket: loopback unless there is a token, errors in words, a clean end."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from otel_replay.errors import UsageError
from otel_replay.web.guard import is_loopback

__all__ = ["bind", "serve"]

GRACE_SECONDS = 20
"""How long requests that are under way may take when the server is asked to end."""


def bind(host: str, port: int, *, token: str | None) -> socket.socket:
    """A listening socket.

    Raises
    ------
    UsageError
        If others could reach it and there is no token; if it cannot be had.
    """
    if token is not None and (not token.isascii() or not token.isprintable() or len(token) < 8):
        raise UsageError("a token has at least 8 printable ASCII characters")
    if token is None and not is_loopback(host):
        raise UsageError(
            f"others could reach {host}, and everything that is recorded",
            hint="say --token, or listen on 127.0.0.1",
        )
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, number)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot listen on {host}:{port}: {reason}", hint="choose another port: --port 0 takes a free one"
        ) from None
    return listening


def serve(application: object, listening: socket.socket, *, ready: Callable[[str], None]) -> None:
    """Serve until the process is asked to end.

    Parameters
    ----------
    application:
        The ASGI application.
    listening:
        Made by :func:`bind`; closed at the end.
    ready:
        Is told the URL once the server answers.
    """

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready(_url(listening))

    config = uvicorn.Config(
        application,  # type: ignore[arg-type]  # uvicorn's own type of an application is narrower
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with listening:
        Server(config).run(sockets=[listening])


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
