"""Prompts in headers, and many sessions and replays at the same time, on a generation server."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest
from generation_kit import ThreadServer

from otel_replay.generations.asking import ImageAnswer, ImageRequest
from otel_replay.generations.drawn import DrawnImages

# -- headers -------------------------------------------------------------------------------------------------

PROMPTS = (
    "plain words, 100% plain",
    "grüne Käfer, 虫, 🐞",
    "two\r\nX-Injected: yes\r\n\r\n<html>",
    "  blanks at both ends  ",
    "tab\tnul\0 bell\a del\x7f",
    "\u2028 \u202e \ufeff",
)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_any_prompt_comes_back_in_its_header_exactly(generation_server: ThreadServer, prompt: str) -> None:
    """Percent-encoded; it never breaks the answer and adds no header."""
    generation_server.started("one")
    made = generation_server.generate(prompt=prompt)
    generation_server.post("/session/replay/one")
    replayed = generation_server.get("/session/replay/next")
    for answer in (made, replayed):
        assert answer.png == made.body
        assert unquote(answer.headers["x-prompt"]) == prompt
        assert "x-injected" not in answer.headers
        assert "x-prompt-truncated" not in answer.headers


def test_a_prompt_that_no_header_can_hold_is_cut_and_that_is_said(generation_server: ThreadServer) -> None:
    """Behind a whole character; the session has all of it."""
    generation_server.started("one")
    answer = generation_server.generate(prompt="虫" * 32_000)
    assert len(answer.headers["x-prompt"]) <= 4_096
    assert set(unquote(answer.headers["x-prompt"], errors="strict")) == {"虫"}
    assert answer.headers["x-prompt-truncated"] == "true"
    assert generation_server.get("/session/one").json["sequence"][0]["prompt"] == "虫" * 32_000


def test_a_session_of_somebody_else_breaks_no_header(generation_server: ThreadServer) -> None:
    """A sector may be any text there."""
    generation_server.recorded("one", "a prompt")
    path = generation_server.sessions / "one" / "metadata.json"
    document = json.loads(path.read_bytes())
    document["sequence"][0].update(target_sector="(3,0)\r\nX-Injected: yes", prompt=None, index="0")
    path.write_text(json.dumps(document))
    generation_server.post("/session/replay/one")
    answer = generation_server.get("/session/replay/next")
    assert answer.png
    assert unquote(answer.headers["x-sector"]) == "(3,0)\r\nX-Injected: yes"
    assert (answer.headers["x-prompt"], answer.headers["x-index"]) == ("", "0")
    assert "x-injected" not in answer.headers


# -- many at once --------------------------------------------------------------------------------------------


def test_many_sessions_grow_at_once_without_gaps(generation_server: ThreadServer) -> None:
    """Images that are made at the same time are numbered as they are finished, each in its own session."""
    names = [f"s{number}" for number in range(4)]
    for name in names:
        generation_server.started(name)
    asked = [(name, f"{name} prompt {number}") for number in range(6) for name in names]
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda one: generation_server.generate(f"?session_id={one[0]}", prompt=one[1]), asked)
        )
    for name in names:
        sequence = generation_server.get(f"/session/{name}").json["sequence"]
        assert [entry["index"] for entry in sequence] == list(range(6))
        given = {
            int(answer.headers["x-index"]): (prompt, answer.png)
            for (session, prompt), answer in zip(asked, answers, strict=True)
            if session == name
        }
        for entry in sequence:
            kept = generation_server.sessions / name / entry["filename"]
            assert given[entry["index"]] == (entry["prompt"], kept.read_bytes())


def test_who_names_no_session_means_the_latest(generation_server: ThreadServer) -> None:
    """The original's one current session; those before it go on for whoever names them."""
    generation_server.started("one")
    generation_server.started("two")
    generation_server.generate(prompt="unnamed")
    generation_server.generate("?session_id=one", prompt="named")
    assert [entry["prompt"] for entry in generation_server.get("/session/one").json["sequence"]] == ["named"]
    assert [entry["prompt"] for entry in generation_server.get("/session/two").json["sequence"]] == [
        "unnamed"
    ]
    stopped = generation_server.post("/session/stop").json
    assert stopped == {"session_id": "two", "status": "stopped", "total_generations": 1}
    assert "x-session" not in generation_server.generate(prompt="kept nowhere").headers
    assert generation_server.generate("?session_id=two").status == 409


def test_replays_go_side_by_side_and_each_image_comes_once(generation_server: ThreadServer) -> None:
    """However many ask the same replay."""
    generation_server.recorded("one", *(f"prompt {number}" for number in range(8)))
    for replay in ("a", "b"):
        begun = generation_server.post(f"/session/replay/one?replay_id={replay}").json
        assert (begun["replay_id"], begun["total_generations"]) == (replay, 8)
    with ThreadPoolExecutor(4) as pool:
        paths = [f"/session/replay/next?replay_id={replay}" for replay in "ab" for _ in range(9)]
        answers = list(pool.map(generation_server.get, paths))
    for part in (answers[:9], answers[9:]):
        indexes = [answer.headers.get("x-index", "complete") for answer in part]
        assert sorted(indexes) == [*map(str, range(8)), "complete"]
    assert generation_server.post("/session/replay/stop?replay_id=a").json["replay_id"] == "a"
    assert generation_server.get("/session/replay/next?replay_id=a").status == 404
    assert generation_server.get("/session/replay/next?replay_id=b").json["status"] == "complete"


def test_a_session_is_replayed_while_it_grows(generation_server: ThreadServer) -> None:
    """The replay goes over what there was when it began; recording does not notice."""
    generation_server.started("one", "first", "second")
    assert generation_server.post("/session/replay/one").json["total_generations"] == 2
    generation_server.generate(prompt="third")
    assert [generation_server.get("/session/replay/next").headers.get("x-prompt") for _ in range(3)] == [
        "first",
        "second",
        None,
    ]
    assert generation_server.post("/session/replay/one").json["total_generations"] == 3


def test_looking_at_the_head_of_next_is_not_taking_it(generation_server: ThreadServer) -> None:
    """A proxy that asks first must not lose an image."""
    generation_server.recorded("one", "first")
    generation_server.post("/session/replay/one")
    assert generation_server.ask("HEAD", "/session/replay/next").status == 405
    assert generation_server.get("/session/replay/next").headers["x-index"] == "0"


def test_who_takes_images_only_never_gets_json(generation_server: ThreadServer) -> None:
    """At the end there is no body at all."""
    generation_server.recorded("one", "first")
    generation_server.post("/session/replay/one")
    assert generation_server.get("/session/replay/next", Accept="image/png").png
    done = generation_server.get("/session/replay/next", Accept="image/png")
    assert (done.status, done.body) == (204, b"")
    for accept in ("*/*", "application/json", "image/png, */*;q=0.1"):
        assert generation_server.get("/session/replay/next", Accept=accept).json["status"] == "complete"


def test_stopping_waits_for_what_is_under_way(tmp_path: Path) -> None:
    """The image that was asked for before is in the session, and the run is whole."""
    asked, go_on = threading.Event(), threading.Event()

    class Waiting(DrawnImages):
        async def generate(self, request: ImageRequest) -> ImageAnswer:
            if not asked.is_set():  # the first one only: what is asked for later is drawn at once
                asked.set()
                await asyncio.to_thread(go_on.wait, 100)
            return await super().generate(request)

    with ThreadServer(tmp_path, generator=Waiting()) as server, ThreadPoolExecutor(2) as pool:
        server.started("one")
        generation = pool.submit(server.generate)
        assert asked.wait(60)
        stop = pool.submit(server.post, "/session/stop?session_id=one")
        drawn = 1
        while server.generate("?session_id=one").status != 409:
            drawn += 1  # until the stop has been taken in
        assert not stop.done()
        go_on.set()
        assert generation.result().png
        assert stop.result().json["total_generations"] == drawn
