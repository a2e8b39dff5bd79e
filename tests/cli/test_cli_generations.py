"""`serve` and `compare-generations`: what they refuse, what they print, how they exit."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from generation_kit import ThreadServer
from PIL import Image

from cli.conftest import Call


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "others could reach 0.0.0.0"),
        (["--generations", "--generator", "magic"], "`magic` is not a generator"),
        (["--generations", "--generator", "openai:http://127.0.0.1/v1"], "asked for a model by its name"),
        (["--generations", "--host", "0.0.0.0"], "others could reach 0.0.0.0"),
        (["--generations", "--token", "short"], "at least 8"),
        (
            ["--generations", "--host", "nobody.invalid", "--token", "long enough"],
            "cannot listen on nobody.invalid",
        ),
        (["--generations", "--prompts", "/no/such/file"], "cannot read `/no/such/file`"),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_is(
    call: Call, arguments: list[str], told: str
) -> None:
    """In a sentence, and with exit code 2."""
    result = call("serve", "--port", "0", *arguments)
    assert result.code == 2
    assert told in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "PIL"])
@pytest.mark.parametrize(
    "command", [["serve", "--generations", "--port", "0"], ["compare-generations", "a", "a"]]
)
def test_what_is_not_installed_is_told_with_how_to_get_it(
    python, sessions: Path, missing: str, command: list[str]
) -> None:
    """Comparing needs no server."""
    arguments = [*command, "--sessions", str(sessions)]
    fails = command[0] == "serve" or missing == "PIL"
    done = python(
        f"""
        import sys
        sys.modules[{missing!r}] = None
        from otel_replay.cli.main import main
        sys.exit(main({arguments!r}))
        """,
        expect=2 if fails else 0,
    )
    assert ("pip install 'otel-replay[web]'" in done.stderr) == fails


def test_a_file_of_prompts_that_is_none_is_told(call: Call, tmp_path: Path) -> None:
    """With what one looks like."""
    path = tmp_path / "prompts.json"
    for text in ("{", "[]", '{"sectors": 5}', '{"sectors": {"TL": 5}}', '{"default": [5]}'):
        path.write_text(text)
        result = call("serve", "--generations", "--prompts", str(path))
        assert (result.code, "is not a file of prompts by sector" in result.err) == (2, True), text


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """Three sessions: `a` and `b` differ in one of two prompts, `c` has the first image alone."""
    with ThreadServer(tmp_path) as server:
        server.recorded("a", "same", "a ladybug")
        server.recorded("b", "same", "a beetle")
        server.recorded("c", "same")
    return tmp_path / "sessions"


def test_two_sessions_are_compared_in_a_table(call: Call, sessions: Path, tmp_path: Path) -> None:
    """With the prompts where they differ, and pictures of the differences."""
    pictures = tmp_path / "pictures"
    result = call("compare-generations", "a", "b", "--sessions", str(sessions), "-o", str(pictures))
    assert result.code == 1
    assert result.plain[0] == "a  and  b"
    assert result.plain[1].split() == ["✓", "0", "BR", "the", "same"]
    assert "pixels differ" in result.plain[2]
    assert [line.strip() for line in result.plain[3:5]] == ["a: a ladybug", "b: a beetle"]
    assert result.plain[-1] == "2 images: 1 differ"
    [picture] = pictures.iterdir()
    assert picture.name == "0001_difference.png"
    assert Image.open(io.BytesIO(picture.read_bytes())).getextrema() == (0, 255)


def test_a_session_is_the_same_as_itself(call: Call, sessions: Path) -> None:
    """Named by its folder as well as by its id."""
    result = call("compare-generations", "a", str(sessions / "a"), "--sessions", str(sessions), "--json")
    assert (result.code, result.json["same"], result.json["different"]) == (0, True, 0)


def test_images_that_only_one_session_has_are_differences(call: Call, sessions: Path) -> None:
    """As are those that cannot be read, and those of another size."""
    result = call("compare-generations", "a", "c", "--sessions", str(sessions))
    assert (result.code, result.plain[2].split(maxsplit=3)[3]) == (1, "only in a")
    Image.new("RGB", (5, 5)).save(sessions / "c" / "0000_BR.png")
    assert "damaged" in call("compare-generations", "a", "c", "--sessions", str(sessions)).out
    document = json.loads((sessions / "c" / "metadata.json").read_bytes())
    document["sequence"][0]["sha256"] = ""
    (sessions / "c" / "metadata.json").write_text(json.dumps(document))
    assert (
        "of different sizes: 32 x 32 and 5 x 5"
        in call("compare-generations", "a", "c", "--sessions", str(sessions)).out
    )


def test_a_session_that_is_not_there_cannot_be_compared(call: Call, sessions: Path) -> None:
    """Nor what is none."""
    for name in ("nobody", "../a", str(sessions)):
        result = call("compare-generations", "a", name, "--sessions", str(sessions))
        assert result.code == 2, name
        assert "Traceback" not in result.err


def test_prompts_are_escaped_for_the_terminal(call: Call, tmp_path: Path) -> None:
    """What was recorded cannot colour it, or worse."""
    with ThreadServer(tmp_path) as server:
        server.recorded("a", "\x1b]0;title\x07 x")
        server.recorded("b", "\x1b[2J y")
    result = call("compare-generations", "a", "b", "--sessions", str(tmp_path / "sessions"))
    assert "\x1b" not in result.out
    assert "\x07" not in result.out
