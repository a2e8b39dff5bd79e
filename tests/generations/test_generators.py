"""Generators: the built-in one, an OpenAI-compatible endpoint, a command; alone and behind the server."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from generation_kit import ThreadServer
from PIL import Image
from store_kit import Recorded

from generations.images_server import JSON, ImagesServer, images_server
from otel_replay.errors import UsageError
from otel_replay.generations.asking import ImageAnswer, ImageRequest
from otel_replay.generations.choosing import generator_from
from otel_replay.generations.command import CommandImages
from otel_replay.generations.drawn import drawn
from otel_replay.generations.images_endpoint import EndpointImages
from otel_replay.generations.refusals import NoImage, TooSlow


def ask(generator: EndpointImages | CommandImages, prompt: str = "a ladybug", **fields) -> ImageAnswer:
    """What a generator answers."""
    return asyncio.run(generator.generate(ImageRequest(prompt=prompt, **fields)))


def png(size: tuple[int, int] = (9, 9), kind: str = "PNG") -> bytes:
    """An image of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", size, (200, 30, 40)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    "text",
    ["", "nothing", "builtin:x", "openai:", "openai:ftp://x/", "openai:http://x/v1", "command:", 'command:"'],
)
def test_a_text_that_means_no_generator_is_refused(text: str) -> None:
    """With what one looks like."""
    with pytest.raises(UsageError):
        generator_from(text)


# -- the built-in one ----------------------------------------------------------------------------------------


def test_drawing_depends_on_seed_and_prompt_and_stays_in_its_region() -> None:
    """Pixels outside of a canvas's region are those of the canvas."""
    request = ImageRequest(prompt="a", seed=1, size=(64, 64))
    assert drawn(request) == drawn(ImageRequest(prompt="a", seed=1, size=(64, 64)))
    assert len({drawn(ImageRequest(prompt=p, seed=s, size=(64, 64))) for p in "ab" for s in (1, 2)}) == 4
    whole = Image.new("RGB", (90, 60), (1, 2, 3))
    stream = io.BytesIO()
    whole.save(stream, "PNG")
    for seed in range(30):
        edited = ImageRequest(
            prompt="b", seed=seed, canvas=stream.getvalue(), region=(1 / 3, 0.5, 2 / 3, 1.0)
        )
        image = Image.open(io.BytesIO(drawn(edited)))
        image.paste((1, 2, 3), (30, 30, 60, 60))
        assert image.getcolors() == [(90 * 60, (1, 2, 3))], seed


def test_drawing_takes_the_smallest_image() -> None:
    """One pixel."""
    assert Image.open(io.BytesIO(drawn(ImageRequest(prompt="a", seed=1, size=(1, 1))))).size == (1, 1)


# -- an endpoint ---------------------------------------------------------------------------------------------


@pytest.fixture
def images() -> Iterator[ImagesServer]:
    """An endpoint that speaks the protocol."""
    with images_server() as server:
        yield server


@pytest.mark.parametrize("as_url", [False, True])
def test_an_endpoint_is_asked_as_openai_is(images: ImagesServer, as_url: bool) -> None:
    """Only what the request has is sent: endpoints refuse what they do not know."""
    images.as_url = as_url
    generator = EndpointImages(images.url + "/", model="gpt-image-1", api_key="sk-key")
    answer = ask(generator, parameters={"quality": "low", "n": 7})
    path, headers, fields = images.asked[0]
    assert path == "/v1/images/generations"
    assert headers["authorization"] == "Bearer sk-key"
    assert fields == {"quality": "low", "n": 1, "model": "gpt-image-1", "prompt": "a ladybug"}
    assert Image.open(io.BytesIO(answer.image)).size == (16, 16)
    assert answer.revised_prompt == "a ladybug, revised"
    assert answer.usage == {"input_tokens": 5, "output_tokens": 100}
    for _, others, _ in images.asked[1:]:
        assert "authorization" not in others  # images may lie on other machines


def test_an_endpoint_is_given_the_canvas_and_a_mask(images: ImagesServer) -> None:
    """The mask is transparent where the image is to be changed."""
    ask(
        EndpointImages(images.url, model="m"),
        'a "quoted"\r\nprompt, grün',
        canvas=png((90, 60)),
        region=(0.0, 0.5, 1 / 3, 1.0),
        size=(90, 60),
        seed=5,
        parameters={"strength": 0.5, 'a"\r\nX: y': "z"},
    )
    path, _, fields = images.asked[0]
    assert path == "/v1/images/edits"
    assert fields["image"] == png((90, 60))
    assert (fields["prompt"], fields["size"], fields["seed"]) == ('a "quoted"\r\nprompt, grün', "90x60", "5")
    assert fields["strength"] == "0.5"
    mask = Image.open(io.BytesIO(fields["mask"]))
    alpha = mask.getchannel("A")
    assert (alpha.getpixel((10, 50)), alpha.getpixel((10, 10)), alpha.getpixel((50, 50))) == (0, 255, 255)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            (400, JSON, b'{"error": {"message": "Unknown parameter: \'seed\'."}}'),
            "400: Unknown parameter: 'seed'.",
        ),
        ((429, JSON, b'{"error": "slow down"}'), "429: slow down"),
        ((500, {}, b"<html>oops</html>"), "500: <html>oops"),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), "302"),
        ((200, JSON, b"not json"), "not a JSON object"),
        ((200, JSON, b"[]"), "not a JSON object"),
        ((200, JSON, b"{}"), "without an image"),
        ((200, JSON, b'{"data": []}'), "without an image"),
        ((200, JSON, b'{"data": [{"b64_json": "!"}]}'), "not base64"),
        ((200, JSON, b'{"data": [{"url": "file:///etc/hostname"}]}'), "without an image"),
    ],
)
def test_an_endpoint_that_gives_no_image_is_told(images: ImagesServer, reply, told: str) -> None:
    """In its own words, where it has any; a redirect is not followed, it would take the key along."""
    images.reply = lambda *_: reply
    with pytest.raises(NoImage, match="http://127") as caught:
        ask(EndpointImages(images.url, model="m", api_key="sk-key"))
    assert told in caught.value.message
    assert "sk-key" not in caught.value.message


def test_an_endpoint_that_does_not_answer_is_told(images: ImagesServer) -> None:
    """In time; and one that nobody listens at."""
    images.go_on.clear()
    with pytest.raises(TooSlow, match=r"0\.05 seconds"):
        ask(EndpointImages(images.url, model="m", timeout_seconds=0.05))
    with pytest.raises(NoImage, match="cannot be reached"):
        ask(EndpointImages("http://127.0.0.1:9/v1", model="m"))


def test_a_model_that_is_waited_for_keeps_nobody_else_waiting(images: ImagesServer, tmp_path: Path) -> None:
    """However many wait for it."""
    images.go_on.clear()
    generator = EndpointImages(images.url, model="m")
    with ThreadServer(tmp_path, generator=generator) as server, ThreadPoolExecutor(48) as pool:
        server.started("one")
        waiting = [pool.submit(server.generate) for _ in range(48)]
        while len(images.asked) < len(waiting):
            assert server.get("/session/list").json == {"sessions": ["one"]}
        assert not any(one.done() for one in waiting)
        images.go_on.set()
        indexes = sorted(int(one.result().headers["x-index"]) for one in waiting)
    assert indexes == list(range(48))


def test_what_an_endpoint_said_stands_in_the_run(images: ImagesServer, tmp_path: Path) -> None:
    """Model, tokens and the prompt as it was revised; a JPEG is kept as PNG."""
    images.image = png((16, 16), "JPEG")
    with ThreadServer(tmp_path, generator=EndpointImages(images.url, model="gpt-image-1")) as server:
        server.post("/session/start?session_id=one")
        assert server.generate(size=None).png
        server.post("/session/stop")
    span = Recorded(tmp_path / "store" / "runs" / "one").span("generate_content gpt-image-1")
    assert span.attributes["gen_ai.provider.name"] == "openai"
    assert span.attributes["gen_ai.usage.output_tokens"] == 100
    assert span.attributes["gen_ai.response.image_format"] == "jpeg"
    [message] = span.attributes["gen_ai.output.messages"]
    assert message["parts"][1]["content"] == "a ladybug, revised"


@pytest.mark.parametrize("image", [b"no image", png()[:-1], b""], ids=["text", "cut", "nothing"])
def test_a_generation_that_failed_is_an_error_and_a_failed_span(
    images: ImagesServer, tmp_path: Path, image: bytes
) -> None:
    """What is no image, or not all of one, is never a file; the numbers of the others have no gap."""
    with ThreadServer(tmp_path, generator=EndpointImages(images.url, model="m")) as server:
        server.started("one", "good")
        images.reply = lambda path, _: (200, {}, image) if path.endswith("/picture") else None
        images.as_url = True
        answer = server.generate()
        assert (answer.status, "what the generator gave" in answer.json["detail"]) == (502, True)
        images.as_url = False
        assert server.generate().headers["x-index"] == "1"
        server.post("/session/stop")
        assert len(list((server.sessions / "one").glob("*.png"))) == 2
    spans = [
        span for span in Recorded(tmp_path / "store" / "runs" / "one").spans if span.name != "run generations"
    ]
    assert [span.status for span in spans] == ["unset", "error", "unset"]


# -- a command -----------------------------------------------------------------------------------------------


def command(tmp_path: Path, program: str, **options: float) -> CommandImages:
    """A generator that runs a program of Python."""
    path = tmp_path / "a generator.py"
    path.write_text("import sys, json, base64, os, time\n" + program)
    return CommandImages(f"{sys.executable} '{path}'", **options)


def test_a_command_is_given_the_request_and_gives_the_image(tmp_path: Path) -> None:
    """As JSON, and as bytes."""
    program = f"""
asked = json.load(sys.stdin)
open({str(tmp_path / "asked.json")!r}, "w").write(json.dumps(asked))
sys.stdout.buffer.write(base64.b64decode(asked["canvas"]))
"""
    answer = ask(
        command(tmp_path, program),
        seed=3,
        size=(5, 6),
        canvas=png(),
        region=(0, 0, 1, 0.5),
        parameters={"a": [1]},
    )
    assert answer.image == png()
    asked = json.loads((tmp_path / "asked.json").read_bytes())
    assert {key: asked[key] for key in ("prompt", "seed", "width", "height", "region", "parameters")} == {
        "prompt": "a ladybug",
        "seed": 3,
        "width": 5,
        "height": 6,
        "region": [0, 0, 1, 0.5],
        "parameters": {"a": [1]},
    }


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("sys.exit('no ink')", "ended with 1: no ink"),
        ("os.kill(os.getpid(), 9)", "ended with -9"),
        ("print('x' * 100_000, file=sys.stderr); sys.exit(3)", "ended with 3: xxx"),
    ],
)
def test_a_command_that_fails_is_told_in_its_own_words(tmp_path: Path, program: str, told: str) -> None:
    """Whether or not it has read what it was asked."""
    with pytest.raises(NoImage) as caught:
        ask(command(tmp_path, program), canvas=os.urandom(1 << 20))
    assert told in caught.value.message
    assert len(caught.value.message) < 3_000


def test_a_command_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    """With whatever it has started."""
    pid = tmp_path / "pid"
    program = f"open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(TooSlow, match="took more than 2 seconds"):
        ask(command(tmp_path, program, timeout_seconds=2))
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_command_that_is_not_there_is_told() -> None:
    """By its name."""
    with pytest.raises(NoImage, match="`/no/such/program` cannot be started: No such file"):
        ask(CommandImages("/no/such/program --fast"))


def test_a_command_that_records_joins_the_run_below_its_generation(tmp_path: Path) -> None:
    """Its decisions stand beside the image."""
    program = f"""
import otel_replay
with otel_replay.task("mix colours"):
    otel_replay.decision("RED", "ladybugs are")
sys.stdout.buffer.write({png()!r})
"""
    with ThreadServer(tmp_path, generator=command(tmp_path, program)) as server:
        server.started("one")
        server.started("two")
        assert server.generate("?session_id=one").png
        server.post("/session/stop?session_id=one")
        server.post("/session/stop?session_id=two")
    run = Recorded(tmp_path / "store" / "runs" / "one")
    [generation] = [span for span in run.spans if span.name.startswith("generate_content")]
    assert [decision.action for decision in run.decisions] == ["RED"]
    parents = run.parents()
    process = parents["task mix colours"]
    assert parents[process] == generation.name
