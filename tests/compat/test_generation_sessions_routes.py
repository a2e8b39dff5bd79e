"""The generation server's API, route by route: what each takes, what it refuses, and with which status."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from generation_kit import ThreadServer
from PIL import Image


@pytest.fixture(scope="module")
def refusing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadServer]:
    """A server for all that is refused, and so changes nothing: it has the session `one` with one image."""
    with ThreadServer(tmp_path_factory.mktemp("refusing")) as server:
        server.recorded("one", "a prompt")
        yield server


READING, POSTING = "GET, HEAD", "POST"
METHODS = {
    "/": READING,
    "/page.js": READING,
    "/page.css": READING,
    "/generate": POSTING,
    "/session/start": POSTING,
    "/session/stop": POSTING,
    "/session/list": READING,
    "/session/restore": POSTING,
    "/session/compare": READING,
    "/session/compare/image": READING,
    "/session/replay/next": "GET",
    "/session/replay/stop": POSTING,
    "/session/replay/one": POSTING,
    "/session/one": READING,
    "/session/one/archive": READING,
    "/session/one/image/0": READING,
}


def test_a_route_takes_its_methods_and_no_others(generation_server: ThreadServer) -> None:
    """No path with a name in it stands in front of a path without: `stop` and `next` are no sessions."""
    generation_server.recorded("one", "a prompt")
    for path, methods in METHODS.items():
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"):
            answer = generation_server.ask(method, path)
            if method in methods.split(", "):
                assert answer.status not in (404, 405), (method, path, answer)
            else:
                assert answer.status == 405, (method, path, answer)
                assert answer.headers["allow"] == methods


def test_a_path_that_is_no_route_is_not_found(generation_server: ThreadServer) -> None:
    """And says so in JSON."""
    for path in ("/nothing", "/session", "/session/", "/session/one/two", "/session/one/image/x"):
        answer = generation_server.get(path)
        assert (answer.status, list(answer.json)) == (404, ["detail"])


# -- ids -----------------------------------------------------------------------------------------------------

BAD_IDS = (
    "..",
    "%2e%2e",
    "..%5Cx",
    ".hidden",
    "-rf",
    "a%20b",
    "a%0d%0aX:%20y",
    "%00",
    "%FF",
    "x" * 129,
    "a%E2%80%8B",
)
RESERVED = ("list", "start", "stop", "replay", "restore", "compare", "LIST")


@pytest.mark.parametrize("bad", [*BAD_IDS, *RESERVED, "", "..%2F..%2Fetc", "%2Fetc"])
def test_an_id_that_leads_elsewhere_starts_nothing(refusing_server: ThreadServer, bad: str) -> None:
    """Nor does one that means a route."""
    before = sorted(refusing_server.sessions.parent.rglob("*"))
    answer = refusing_server.post(f"/session/start?session_id={bad}")
    assert answer.status == 422
    assert "id" in answer.json["detail"]
    assert sorted(refusing_server.sessions.parent.rglob("*")) == before


@pytest.mark.parametrize("bad", BAD_IDS)
def test_an_id_that_leads_elsewhere_names_nothing(refusing_server: ThreadServer, bad: str) -> None:
    """Neither in a path nor in a query; what is next to the folder of sessions stays unseen."""
    outside = refusing_server.sessions.parent / "metadata.json"
    outside.write_text('{"session_id": "outside", "sequence": []}')
    for method, path in (
        ("GET", f"/session/{bad}"),
        ("GET", f"/session/{bad}/archive"),
        ("GET", f"/session/{bad}/image/0"),
        ("POST", f"/session/replay/{bad}"),
        ("POST", f"/session/stop?session_id={bad}"),
        ("GET", f"/session/compare?a={bad}&b={bad}"),
        ("POST", f"/session/replay/one?replay_id={bad}"),
    ):
        answer = refusing_server.ask(method, path)
        assert answer.status in (404, 422), (path, answer)
        assert answer.headers["content-type"] == "application/json"
        assert "outside" not in answer.body.decode()


def test_an_id_that_is_taken_is_refused_and_its_session_stays(generation_server: ThreadServer) -> None:
    """The original wrote its `metadata.json` over."""
    generation_server.recorded("one", "a prompt")
    assert generation_server.post("/session/start?session_id=one").status == 409
    assert len(generation_server.get("/session/one").json["sequence"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/session/nobody", 404),
        ("GET", "/session/nobody/archive", 404),
        ("GET", "/session/nobody/image/0", 404),
        ("GET", "/session/one/image/1", 404),
        ("POST", "/session/replay/nobody", 404),
        ("POST", "/session/stop?session_id=nobody", 404),
        ("POST", "/session/stop?session_id=one", 409),
        ("POST", "/session/stop", 409),
        ("GET", "/session/replay/next", 409),
        ("GET", "/session/replay/next?replay_id=nobody", 404),
        ("POST", "/session/replay/stop", 409),
        ("POST", "/session/replay/stop?replay_id=nobody", 404),
        ("GET", "/session/compare?a=one", 422),
        ("GET", "/session/compare?a=one&b=nobody", 404),
        ("GET", "/session/compare/image?a=one&b=one&index=x", 422),
        ("GET", "/session/compare/image?a=one&b=one&index=1", 404),
    ],
)
def test_what_cannot_be_done_is_told_by_its_status(
    refusing_server: ThreadServer, method: str, path: str, status: int
) -> None:
    """With a sentence that says what it is."""
    answer = refusing_server.ask(method, path)
    assert answer.status == status
    assert len(answer.json["detail"]) > 10


# -- generating ----------------------------------------------------------------------------------------------


def ask_with(server: ThreadServer, body: bytes, kind: str = "application/json") -> int:
    """The status of a request to generate."""
    return server.ask("POST", "/generate", body, {"Content-Type": kind} if kind else {}).status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"prompt": ""}',
        b'{"prompt": 7}',
        b'{"prompt": "x", "seed": -1}',
        b'{"prompt": "x", "seed": true}',
        b'{"prompt": "x", "seed": 1e99}',
        b'{"prompt": "x", "size": "0x5"}',
        b'{"prompt": "x", "size": "99999x99999"}',
        b'{"prompt": "x", "target_sector": "../x"}',
        b'{"prompt": "x", "target_row": 3, "target_col": 0}',
        b'{"prompt": "x", "focus_x": 2, "focus_y": 0}',
        b'{"prompt": "x", "image": "!"}',
        b'{"prompt": "x", "image": "AAAA"}',
        b'{"prompt": "x", "parameters": 5}',
        b'{"prompt": "x", "parameters": {"model": "other"}}',
        b'{"prompt": "x", "n": 2}',
        b'{"prompt": "x", "deep": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"prompt": "x", "a\\nb": 5}',
        b'{"prompt": "\\ud800"}',
        b"[" * 5000,
        json.dumps({"prompt": "x" * 32_001}).encode(),
    ],
)
def test_a_request_that_has_something_wrong_in_it_is_refused(
    refusing_server: ThreadServer, body: bytes
) -> None:
    """And nothing of it is recorded."""
    before = sorted(refusing_server.sessions.rglob("*"))
    assert ask_with(refusing_server, body) == 422
    assert sorted(refusing_server.sessions.rglob("*")) == before


def test_a_body_is_json_or_refused(generation_server: ThreadServer) -> None:
    """A form is what a page of another origin could send without asking."""
    for kind in ("", "text/plain", "application/x-www-form-urlencoded"):
        assert ask_with(generation_server, b'{"prompt": "x"}', kind) == 415


def test_a_body_that_is_too_large_is_refused_before_it_is_read(generation_server: ThreadServer) -> None:
    """By what it says of its length; and by what comes."""
    path, kind = "/generate", {"Content-Type": "application/json"}
    said = {**kind, "Content-Length": str(1 << 40)}
    assert generation_server.ask("POST", path, b"{", said).status == 413


def test_an_image_is_made_and_given_where_nothing_is_recorded(generation_server: ThreadServer) -> None:
    """As in the original; it has no number then."""
    answer = generation_server.generate(prompt="not kept")
    assert answer.png
    assert "x-index" not in answer.headers
    assert "x-session" not in answer.headers
    assert not generation_server.sessions.exists()


def test_the_originals_own_frontend_is_understood(generation_server: ThreadServer) -> None:
    """Rows and columns of a grid, where somebody looks, and the image that is to be changed there."""
    canvas = io.BytesIO()
    Image.new("RGB", (90, 90), (10, 20, 30)).save(canvas, "PNG")
    generation_server.started("one")
    answer = generation_server.generate(
        target_sector=None,
        image_base64="data:image/png;base64," + base64.b64encode(canvas.getvalue()).decode(),
        target_row=2,
        target_col=0,
        grid_size=3,
        focus_x=0.9,
        focus_y=0.1,
        strength=0.75,
    )
    [entry] = generation_server.get("/session/one").json["sequence"]
    assert (entry["filename"], entry["focus_sector"]) == ("0000_BL.png", "TR")
    assert entry["parameters"] == {"strength": 0.75}
    changed = Image.open(io.BytesIO(answer.png)).convert("RGB")
    assert changed.size == (90, 90)
    assert changed.crop((30, 0, 90, 90)).getcolors() == [(60 * 90, (10, 20, 30))]
    assert len(changed.crop((0, 60, 30, 90)).getcolors(900) or ()) > 1


def test_prompts_by_sector_come_from_a_file_one_after_the_other(tmp_path: Path) -> None:
    """The original's `sector_prompts.json`, for requests that bring none."""
    from otel_replay.compat.generation_sessions_asking import SectorPrompts

    path = tmp_path / "sector_prompts.json"
    path.write_text(json.dumps({"sectors": {"TL": ["first", "second"], "BR": "third"}, "default": "else"}))
    with ThreadServer(tmp_path, prompts=SectorPrompts.load(path)) as server:
        server.started("one")
        for sector in ("TL", "BR", "TL", "TL", "MC"):
            server.generate(prompt=None, target_sector=sector)
        server.generate(prompt="its own", target_sector="TL")
        prompts = [entry["prompt"] for entry in server.get("/session/one").json["sequence"]]
    assert prompts == ["first", "third", "second", "first", "else", "its own"]
