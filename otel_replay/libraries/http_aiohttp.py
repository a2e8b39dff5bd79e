"""HTTP requests of aiohttp's client: one span with the redirects that it follows by itself."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from otel_replay.hooks.wrapping import watch
from otel_replay.libraries import http
from otel_replay.libraries.elsewhere import recorded_elsewhere

__all__ = ["install"]


def install(module: ModuleType) -> None:
    """Hook into `aiohttp.client`."""
    elsewhere = recorded_elsewhere("aiohttp")
    propagates = http.propagates()

    def begin(session: Any, method: str, str_or_url: Any, **kwargs: Any) -> _AiohttpCall | None:
        span = None if elsewhere() else http.begin(method, _url(session, str_or_url, kwargs))
        if span is None:
            return None
        call = _AiohttpCall(span)
        if propagates:
            # A mapping or pairs, and a name may be there twice.
            headers = module.CIMultiDict(kwargs.get("headers") or ())
            headers.update(http.context_headers())
            call.keywords = {"headers": headers}
        return call

    watch(module.ClientSession, "_request", begin, http.DOING)


def _url(session: Any, given: Any, kwargs: dict[str, Any]) -> str:
    try:
        url = session._build_url(given)
        return str(url.extend_query(kwargs["params"]) if kwargs.get("params") else url)
    except (TypeError, ValueError):
        return str(given)  # aiohttp is about to say that it is none


class _AiohttpCall(http.HttpCall):
    def returned(self, value: Any) -> None:
        version = f"{value.version.major}.{value.version.minor}" if value.version is not None else ""
        self.answered(value.status, version, resends=len(value.history))
