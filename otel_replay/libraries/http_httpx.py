"""HTTP requests of httpx, and of httpx2, which has the same shape: each that is sent, redirects as well."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from otel_replay.hooks.wrapping import watch
from otel_replay.libraries import http
from otel_replay.libraries.elsewhere import recorded_elsewhere

__all__ = ["install"]


def install(module: ModuleType) -> None:
    """Hook into the clients of `httpx` or `httpx2`."""
    elsewhere = recorded_elsewhere(module.__name__)
    propagates = http.propagates()

    def begin(client: Any, request: Any) -> _HttpxCall | None:  # noqa: ARG001 - httpx's signature
        span = None if elsewhere() else http.begin(request.method, str(request.url))
        if span is None:
            return None
        call = _HttpxCall(span)
        if propagates:
            request.headers.update(http.context_headers())
        return call

    for client in (module.Client, module.AsyncClient):
        watch(client, "_send_single_request", begin, http.DOING)


class _HttpxCall(http.HttpCall):
    def returned(self, value: Any) -> None:
        self.answered(value.status_code, value.http_version.rpartition("/")[2])
