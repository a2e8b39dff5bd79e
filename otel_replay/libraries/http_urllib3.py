"""HTTP requests of urllib3, each time that one is sent: what it sends again has a span of its own.

The library requests, boto3 and many others send theirs with urllib3, so they are recorded here, and once.
"""

from __future__ import annotations

from copy import copy
from types import ModuleType
from typing import Any

from otel_replay.hooks.wrapping import watch
from otel_replay.libraries import http
from otel_replay.libraries.elsewhere import recorded_elsewhere

__all__ = ["install", "url_of"]


def install(module: ModuleType) -> None:
    """Hook into `urllib3.connectionpool`."""
    elsewhere = recorded_elsewhere("urllib3", "requests")
    propagates = http.propagates()

    def begin(pool: Any, conn: Any, method: str, url: str, *args: Any, **kwargs: Any) -> _Urllib3Call | None:  # noqa: ARG001 - urllib3's signature
        if elsewhere():
            return None
        history = getattr(kwargs.get("retries"), "history", ())
        span = http.begin(method, url_of(pool, url), resends=len(history))
        if span is None:
            return None
        call = _Urllib3Call(span)
        if propagates:
            headers = copy(kwargs.get("headers")) or {}
            headers.update(http.context_headers())
            call.keywords = {"headers": headers}
        return call

    watch(module.HTTPConnectionPool, "_make_request", begin, http.DOING)


def url_of(pool: Any, target: str) -> str:
    """The whole URL of a request: a pool knows the server, and the request the rest."""
    if "://" in target.partition("?")[0]:
        return target  # through a proxy
    host = f"[{pool.host}]" if ":" in pool.host and not pool.host.startswith("[") else pool.host
    usual = {"http": 80, "https": 443}.get(pool.scheme)
    port = f":{pool.port}" if pool.port and pool.port != usual else ""
    return f"{pool.scheme}://{host}{port}{target}"


class _Urllib3Call(http.HttpCall):
    def returned(self, value: Any) -> None:
        version = {10: "1.0", 11: "1.1", 20: "2"}.get(getattr(value, "version", 0), "")
        self.answered(value.status, version)
