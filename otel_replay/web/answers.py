"""Answers as JSON, errors as status codes, and bodies that are read only as far as they may be long."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from otel_replay.errors import FormatError, OtelReplayError, StoreError, UsageError
from otel_replay.formats.deep_json import dumps
from otel_replay.orjson_loading import orjson

__all__ = ["Refused", "Statuses", "chunks", "json_answer", "problem", "problem_handlers", "read_body"]

Statuses = Sequence[tuple[type[OtelReplayError], int]]
"""Which error means which status; the first that fits counts."""

_STATUSES: Statuses = ((UsageError, 400), (StoreError, 500), (FormatError, 500))
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Refused(OtelReplayError):
    """A request that is answered with a status of its own."""

    def __init__(self, status: int, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


def json_answer(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document as an answer."""
    body = dumps(document, orjson.OPT_NON_STR_KEYS)
    return Response(body, status, headers=dict(headers or {}), media_type="application/json")


def problem(
    status: int, message: str, hint: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An error as an answer: `{"detail": …}` with a hint where there is one."""
    document = {"detail": message} if hint is None else {"detail": message, "hint": hint}
    return json_answer(document, status=status, headers=headers)


def problem_handlers(statuses: Statuses) -> dict[Any, Any]:
    """What an application answers to each kind of error; `statuses` come before the general ones."""
    table = (*statuses, *_STATUSES)

    async def known(_: Request, error: Exception) -> Response:
        assert isinstance(error, OtelReplayError)
        return problem(_status_of(error, table), error.message, error.hint)

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, str(error.detail), headers=error.headers)

    async def unexpected(_: Request, error: Exception) -> Response:
        # What it was goes to the log with its traceback, by way of the server.
        return problem(500, f"the server failed, which it should not: {type(error).__name__}")

    return {OtelReplayError: known, HTTPException: http, Exception: unexpected}


def _status_of(error: OtelReplayError, table: Statuses) -> int:
    if isinstance(error, Refused):
        return error.status
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in _FULL:
        return 507
    return next((status for kind, status in table if isinstance(error, kind)), 500)


async def chunks(request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
    """A request's body, piece by piece.

    Raises
    ------
    Refused
        413 as soon as it is longer than it may be; 400 if the client went away.
    """
    too_large = Refused(413, f"the body is larger than {limit_bytes:,} bytes")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit_bytes:
        raise too_large
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit_bytes:
                raise too_large
            yield chunk
    except ClientDisconnect:
        raise Refused(400, "the client went away") from None


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """A request's body.

    Raises
    ------
    Refused
        As :func:`chunks`.
    """
    return b"".join([chunk async for chunk in chunks(request, limit_bytes)])
