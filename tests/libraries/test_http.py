"""Every HTTP client that is hooked records its requests as client spans, and the program gets what it got."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

import otel_replay
from libraries.conftest import Recording, Server
from otel_replay.formats.spans import Span
from otel_replay.hooks import guard


@dataclass(frozen=True)
class Client:
    """How a program asks with one library: what it gets is (status, body); `stream` gives chunks."""

    name: str
    get: Callable[..., tuple[int, bytes]]
    stream: Callable[[str], Iterator[bytes]]
    redirects: int
    """How many spans a request has that is redirected once."""


def _requests_get(url: str, timeout: float = 30) -> tuple[int, bytes]:
    answer = requests.get(url, timeout=timeout)
    return answer.status_code, answer.content


def _requests_stream(url: str) -> Iterator[bytes]:
    with requests.get(url, stream=True, timeout=30) as answer:
        yield from answer.iter_content(None)


def _urllib3_get(url: str, timeout: float = 30) -> tuple[int, bytes]:
    with urllib3.PoolManager() as pool:
        answer = pool.request(
            "GET", url, timeout=timeout, retries=urllib3.Retry(connect=0, read=0, redirect=2)
        )
        return answer.status, answer.data


def _urllib3_stream(url: str) -> Iterator[bytes]:
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", url, preload_content=False, timeout=30)
        yield from answer.stream(None)
        answer.release_conn()


def _httpx(library: Any) -> tuple[Callable[..., tuple[int, bytes]], Callable[[str], Iterator[bytes]]]:
    def get(url: str, timeout: float = 30) -> tuple[int, bytes]:
        answer = library.get(url, timeout=timeout, follow_redirects=True, trust_env=False)
        return answer.status_code, answer.content

    def stream(url: str) -> Iterator[bytes]:
        with library.stream("GET", url, timeout=30, trust_env=False) as answer:
            yield from answer.iter_bytes()

    return get, stream


def _httpx_async(library: Any) -> tuple[Callable[..., tuple[int, bytes]], Callable[[str], Iterator[bytes]]]:
    async def asked(url: str, timeout: float) -> tuple[int, bytes]:
        async with library.AsyncClient(trust_env=False) as client:
            answer = await client.get(url, timeout=timeout, follow_redirects=True)
            return answer.status_code, answer.content

    async def streamed(url: str) -> Any:
        async with library.AsyncClient(trust_env=False) as client, client.stream("GET", url) as answer:
            async for chunk in answer.aiter_bytes():
                yield chunk

    def get(url: str, timeout: float = 30) -> tuple[int, bytes]:
        return asyncio.run(asked(url, timeout))

    return get, lambda url: _step_by_step(streamed(url))


async def _aiohttp_asked(url: str, timeout: float) -> tuple[int, bytes]:
    limit = aiohttp.ClientTimeout(timeout)
    async with aiohttp.ClientSession() as session, session.get(url, timeout=limit) as answer:
        return answer.status, await answer.read()


def _aiohttp_get(url: str, timeout: float = 30) -> tuple[int, bytes]:
    return asyncio.run(_aiohttp_asked(url, timeout))


async def _aiohttp_streamed(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        async for chunk in answer.content.iter_any():
            yield chunk


def _step_by_step(chunks: Any) -> Iterator[bytes]:
    """An async generator's items, each when it comes."""
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                yield loop.run_until_complete(chunks.__anext__())
            except StopAsyncIteration:
                return
    finally:
        loop.run_until_complete(chunks.aclose())
        loop.close()


CLIENTS = (
    Client("requests", _requests_get, _requests_stream, redirects=2),
    Client("urllib3", _urllib3_get, _urllib3_stream, redirects=2),
    Client("httpx", *_httpx(httpx), redirects=2),
    Client("httpx async", *_httpx_async(httpx), redirects=2),
    Client("httpx2", *_httpx(httpx2), redirects=2),
    Client("httpx2 async", *_httpx_async(httpx2), redirects=2),
    Client("aiohttp", _aiohttp_get, lambda url: _step_by_step(_aiohttp_streamed(url)), redirects=1),
)


@pytest.fixture(params=CLIENTS, ids=[client.name for client in CLIENTS])
def client(request: pytest.FixtureRequest) -> Client:
    """Each client in turn."""
    made: Client = request.param
    return made


def requests_in(run: Any) -> list[Span]:
    """The spans of HTTP requests."""
    return [span for span in run.spans if "http.request.method" in span.attributes]


def test_a_request_is_one_client_span(client: Client, server: Server, recorded: Recording) -> None:
    got: list[Any] = []
    run = recorded(lambda: got.append(client.get(f"{server.url}/ok?a=1&token=s3cr3ts3cr3t")))
    assert got == [(200, b"yes")]
    (span,) = requests_in(run)
    assert (span.name, span.span_kind, span.status) == ("GET", 3, "unset")
    assert span.attributes["url.full"] == f"{server.url}/ok?a=1&token=[redacted]"
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["server.address"] == "127.0.0.1"
    assert span.attributes["server.port"] == server.port
    assert span.attributes["network.protocol.version"] == "1.1"
    assert run.parents()["GET"] == "run libraries"
    assert b"s3cr3t" not in run.bytes()


def test_it_is_a_child_of_what_asks(client: Client, server: Server, recorded: Recording) -> None:
    def program() -> None:
        with otel_replay.generation("gpt-x"):
            client.get(f"{server.url}/ok")

    assert recorded(program).parents()["GET"] == "chat gpt-x"


def test_nothing_is_added_to_the_request(
    client: Client, server: Server, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get(f"{server.url}/ok")
    recorded(lambda: client.get(f"{server.url}/ok"))
    plain, with_us = server.headers
    assert with_us == plain


def test_a_setting_lets_requests_carry_the_context(
    client: Client, server: Server, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_REPLAY_PROPAGATE", "true")
    (span,) = requests_in(recorded(lambda: client.get(f"{server.url}/ok")))
    assert server.headers[0]["traceparent"].startswith(f"00-{span.trace_id}-{span.span_id}-")


def test_a_refused_request_says_with_which_status(
    client: Client, server: Server, recorded: Recording
) -> None:
    (span,) = requests_in(recorded(lambda: client.get(f"{server.url}/status/404")))
    assert (span.status, span.attributes["error.type"]) == ("error", "404")
    assert span.attributes["http.response.status_code"] == 404


def test_redirects_are_told(client: Client, server: Server, recorded: Recording) -> None:
    spans = requests_in(recorded(lambda: client.get(f"{server.url}/again")))
    assert len(spans) == client.redirects
    assert spans[-1].attributes["http.response.status_code"] == 200
    if client.redirects == 1:
        assert spans[0].attributes["http.request.resend_count"] == 1
    else:
        assert [span.attributes["http.response.status_code"] for span in spans] == [302, 200]


def _raised(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_timeout_is_its_outcome(client: Client, server: Server, recorded: Recording) -> None:
    errors: list[BaseException] = []
    run = recorded(lambda: errors.append(_raised(lambda: client.get(f"{server.url}/never", timeout=0.1))))
    (span,) = requests_in(run)
    assert span.status == "error"
    assert "timeout" in span.attributes["error.type"].lower()
    assert "http.response.status_code" not in span.attributes


def test_a_server_that_is_not_there_is_its_outcome(client: Client, recorded: Recording) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        plain = _raised(lambda: client.get(url))
        errors: list[BaseException] = []
        run = recorded(lambda: errors.append(_raised(lambda: client.get(url))))
    (span,) = requests_in(run)
    assert span.status == "error"
    assert "Connect" in span.attributes["error.type"]
    assert (type(errors[0]), frames(errors[0])) == (type(plain), frames(plain))


def frames(error: BaseException) -> list[str]:
    """The functions that an exception went through, below the test's own."""
    return [
        frame.name for frame in traceback.extract_tb(error.__traceback__) if "/tests/" not in frame.filename
    ]


def test_a_stream_is_not_held_back(client: Client, server: Server, recorded: Recording) -> None:
    def program() -> None:
        chunks = client.stream(f"{server.url}/stream")
        assert next(chunks) == b"first"
        server.go_on.set()  # the server sends no more before that
        assert b"".join(chunks) == b"second"

    (span,) = requests_in(recorded(program))
    assert span.attributes["http.response.status_code"] == 200


def test_a_cancelled_request_says_so(server: Server, recorded: Recording) -> None:
    async def program() -> None:
        asking = asyncio.ensure_future(_aiohttp_asked(f"{server.url}/never", 30))
        while not server.headers:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    (span,) = requests_in(recorded(lambda: asyncio.run(program())))
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_each_try_of_a_retried_request_is_a_span(server: Server, recorded: Recording) -> None:
    def program() -> None:
        with urllib3.PoolManager() as pool:
            retry = urllib3.Retry(2, status_forcelist=[503], raise_on_status=False)
            pool.request("GET", f"{server.url}/status/503", retries=retry)

    spans = requests_in(recorded(program))
    assert [span.attributes.get("http.request.resend_count", 0) for span in spans] == [0, 1, 2]
    assert {span.attributes["error.type"] for span in spans} == {"503"}


def test_who_asks_is_left_out_of_the_url(server: Server, recorded: Recording) -> None:
    url = server.url.replace("//", "//me:s3cr3t@")
    (span,) = requests_in(recorded(lambda: httpx.get(f"{url}/ok", trust_env=False)))
    assert span.attributes["url.full"] == f"{server.url.replace('//', '//[redacted]@')}/ok"


def test_requests_at_the_same_time_have_their_own_parents(server: Server, recorded: Recording) -> None:
    async def one(number: int) -> None:
        with otel_replay.task(f"{number}"):
            await _aiohttp_asked(f"{server.url}/ok?{number}", 30)

    async def program() -> None:
        await asyncio.gather(*(one(number) for number in range(5)))

    run = recorded(lambda: asyncio.run(program()))
    names = {span.span_id: span.name for span in run.spans}
    found = {names[span.parent_id]: span.attributes["url.full"][-1] for span in requests_in(run)}
    assert found == {f"task {number}": str(number) for number in range(5)}


@pytest.mark.parametrize("given", [None, 12, "nonsense", "http://[::1"])
def test_a_url_that_is_none_is_the_programs_own_trouble(given: Any, recorded: Recording) -> None:
    plain = _raised(lambda: _aiohttp_get(given))
    raised: list[BaseException] = []
    recorded(lambda: raised.append(_raised(lambda: _aiohttp_get(given))))
    assert (type(raised[0]), str(raised[0])) == (type(plain), str(plain))
    assert "recording an HTTP request" not in guard.FAILURES


def test_headers_in_pairs_stay_with_the_context_among_them(
    server: Server, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def program() -> None:
        pairs = [("X-Cell", "3"), ("X-Note", "a")]
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/ok", headers=pairs):
            pass

    monkeypatch.setenv("OTEL_REPLAY_PROPAGATE", "true")
    recorded(lambda: asyncio.run(program()))
    (got,) = server.headers
    assert (got["x-cell"], got["x-note"]) == ("3", "a")
    assert "traceparent" in got


@pytest.mark.parametrize("method", ["begin", "HttpCall.answered", "HttpCall.raised"])
def test_a_hook_that_fails_changes_nothing(
    client: Client, server: Server, recorded: Recording, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(f"otel_replay.libraries.http.{method}", broken)
    got: list[Any] = []

    def program() -> None:
        got.append(client.get(f"{server.url}/ok"))
        got.append(type(_raised(lambda: client.get("http://127.0.0.1:1/"))))

    plain_error = type(_raised(lambda: client.get("http://127.0.0.1:1/")))
    recorded(program)
    assert got == [(200, b"yes"), plain_error]
    assert guard.FAILURES.pop("recording an HTTP request") >= 1
