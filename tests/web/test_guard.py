"""Who may ask a server of ours: programs and pages of this machine, or whoever has the token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from generation_kit import ThreadServer

from otel_replay.errors import UsageError
from otel_replay.web.guard import is_loopback
from otel_replay.web.serving import bind

TOKEN = "a good token"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadServer]:
    """A server without a token that lets one more origin in."""
    with ThreadServer(tmp_path_factory.mktemp("open"), origins=["https://studio.example/"]) as server:
        yield server


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadServer]:
    """A server with a token."""
    with ThreadServer(tmp_path_factory.mktemp("locked"), token=TOKEN) as server:
        yield server


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8001"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "[::1]:8001"}, 200),
        ({"Host": "127.8.9.1"}, 200),
        ({"Host": "studio.localhost"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "localhost.example"}, 403),
        ({"Host": "127.0.0.1.example"}, 403),
        ({"Host": "192.168.1.5:8001"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "http://127.0.0.1:3000"}, 200),
        ({"Origin": "https://studio.example"}, 200),
        ({"Origin": "https://studio.example.evil.example"}, 403),
        ({"Origin": "http://studio.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:1"}, 200),
    ],
)
def test_requests_are_taken_from_this_machine_alone(
    server: ThreadServer, headers: dict[str, str], status: int
) -> None:
    """By the name that they ask for, and by the page that they come from."""
    for method, path in (("GET", "/session/list"), ("POST", "/session/stop")):
        answer = server.ask(method, path, headers=headers)
        assert answer.status == (409 if status == 200 and method == "POST" else status)
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed == (headers.get("Origin") if status == 200 else None)


def test_a_page_that_asks_whether_it_may_is_told(server: ThreadServer) -> None:
    """As browsers do before they send JSON from another port."""
    asks = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    answer = server.ask("OPTIONS", "/generate", headers=asks)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "Content-Type" in answer.headers["access-control-allow-headers"]
    assert server.ask("OPTIONS", "/generate", headers={**asks, "Origin": "http://evil.example"}).status == 403


def test_every_answer_says_what_browsers_may_do_with_it(server: ThreadServer) -> None:
    """Errors too."""
    for path in ("/", "/session/list", "/nothing"):
        headers = server.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "Origin" in headers["vary"]
        assert "server" not in headers
    assert "script-src 'self'" in server.get("/").headers["content-security-policy"]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer a bad token",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        "Bearer \xe4",
    ],
)
def test_without_the_token_nothing_is_told(locked: ThreadServer, given: str) -> None:
    """Not even which routes there are; the page is no secret."""
    headers = {"Authorization": given} if given else {}
    for method, path in (
        ("GET", "/session/list"),
        ("POST", "/session/start"),
        ("GET", "/nothing"),
        ("POST", "/"),
    ):
        answer = locked.ask(method, path, headers=headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert locked.ask("GET", "/", headers=headers).status == 200


def test_with_the_token_any_name_will_do(locked: ThreadServer) -> None:
    """A server that others reach has a name of its own; pages of other origins are refused all the same."""
    headers = {"Authorization": f"bearer {TOKEN}", "Host": "studio.example"}
    assert locked.ask("GET", "/session/list", headers=headers).status == 200
    own = {**headers, "Origin": "https://studio.example"}
    assert locked.ask("GET", "/session/list", headers=own).status == 200
    other = {**headers, "Origin": "https://evil.example"}
    assert locked.ask("GET", "/session/list", headers=other).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "a.localhost"])
def test_these_are_this_machine(host: str) -> None:
    """And nobody else reaches them."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost.example", "1"])
def test_these_may_be_others(host: str) -> None:
    """Or everybody."""
    assert not is_loopback(host)


def test_a_server_that_others_reach_has_a_token() -> None:
    """One that can be guessed is none."""
    with pytest.raises(UsageError, match=r"others could reach 0\.0\.0\.0"):
        bind("0.0.0.0", 0, token=None)
    for token in ("", "short", "line\nbreak!", "grüner Käfer"):
        with pytest.raises(UsageError, match="8 printable"):
            bind("127.0.0.1", 0, token=token)
    bind("0.0.0.0", 0, token=TOKEN).close()


def test_a_port_that_cannot_be_had_is_told() -> None:
    """It is taken; or there is no such address."""
    with bind("127.0.0.1", 0, token=None) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*in use"):
            bind("127.0.0.1", port, token=None)
    with pytest.raises(UsageError, match="cannot listen on nobody"):
        bind("nobody.localhost.invalid", 1, token=TOKEN)
