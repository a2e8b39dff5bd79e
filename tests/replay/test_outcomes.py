"""Errors, retries, cancellations and streams are outcomes too, and come again as they were."""

from __future__ import annotations

import asyncio

import pytest

import otel_replay
from otel_replay.errors import FormatError
from otel_replay.recording import wrapped
from otel_replay.replay.answers import RecordedError
from tests.replay import loop


class Local(Exception):
    """An exception whose class a later program may not have."""


@otel_replay.tool
def failing(error: Exception) -> None:
    """Raises what it is given."""
    raise error


class Odd(Exception):
    """Cannot be made without what it was made of."""

    def __new__(cls, *, secret_number: int) -> Odd:
        assert secret_number
        return super().__new__(cls)

    def __init__(self, *, secret_number: int) -> None:
        super().__init__(f"number {secret_number}")


def raised(error: Exception) -> BaseException:
    """What a call that raises `error` raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whatever it is
        failing(error)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        KeyError("nowhere"),
        ValueError("two", 2),
        TimeoutError(),
        FileNotFoundError(2, "No such file", "a.txt"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        loop.Busy("busy", wait_s=2.5),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_is_raised_again_as_it_was(store, error):
    with otel_replay.start_run("errors", run_id="errors"):
        first = raised(error)
    with otel_replay.replay_run("errors"):
        again = raised(error)
    assert again is not first
    assert (type(again), again.args, str(again)) == (type(first), first.args, str(first))
    own = {name: value for name, value in vars(first).items() if not name.startswith("_otel_replay")}
    assert {name: vars(again)[name] for name in own} == own


def test_an_exception_that_cannot_be_made_again_is_told_under_its_name(store, monkeypatch):
    with otel_replay.start_run("errors", run_id="errors"):
        raised(Local("gone"))
        raised(Odd(secret_number=7))
    monkeypatch.delitem(globals(), "Local")
    with otel_replay.replay_run("errors", ignore=["arguments"]):
        gone = raised(None)
        odd = raised(None)
    assert isinstance(gone, RecordedError)
    assert gone.type == f"{__name__}.Local"
    assert str(gone) == f"{__name__}.Local: gone"
    assert isinstance(odd, RecordedError)
    assert "number 7" in str(odd)


def test_what_is_secret_in_an_exception_is_not_recorded(store):
    with otel_replay.start_run("errors", run_id="errors"):
        error = loop.Busy("token=sk-abcdefghijklmnopqrstuvwx", wait_s=1)
        error.api_key = "hunter2hunter2"
        raised(error)
    assert b"hunter2" not in store.bytes()
    assert b"sk-abcdef" not in store.bytes()


# -- cancellation


@otel_replay.generation("slow")
async def slow(text: str) -> str:
    """Answers never."""
    loop.made["slow"] += 1
    await asyncio.Event().wait()
    return text


async def impatient() -> str:
    """Gives up after a moment."""
    try:
        return await asyncio.wait_for(slow("hi"), 0.02)
    except TimeoutError:
        return "gave up"
    except asyncio.TimeoutError:  # another class before Python 3.11
        return "gave up"


def test_a_call_that_was_cancelled_waits_until_it_is_cancelled_again(store):
    with otel_replay.start_run("slow", run_id="slow"):
        assert asyncio.run(impatient()) == "gave up"
    loop.made.clear()
    with otel_replay.replay_run("slow") as replay:
        assert asyncio.run(impatient()) == "gave up"
    assert not loop.made
    assert replay.report.ok


def test_a_call_that_nobody_cancels_any_more_is_a_divergence(store, monkeypatch):
    with otel_replay.start_run("slow", run_id="slow"):
        asyncio.run(impatient())
    monkeypatch.setattr("otel_replay.recording.answered._PATIENCE_S", 0)
    with pytest.raises(otel_replay.ReplayDivergence, match="was cancelled before its end"):
        with otel_replay.replay_run("slow"):
            asyncio.run(slow("hi"))


# -- streams


@otel_replay.generation("stream")
def stream(text: str):
    """Gives a word at a time, and says at the end how many."""
    words = text.split()
    for word in words:
        loop.made["word"] += 1
        if word == "stop":
            raise ConnectionError("cut off")
        yield {"word": word}
    return len(words)


@otel_replay.generation("later")
async def stream_later(text: str):
    """The same for asyncio."""
    for word in text.split():
        loop.made["word"] += 1
        yield word


def whole(text: str):
    """All of a stream, and what it returns."""
    words = []
    generator = stream(text)
    while True:
        try:
            words.append(next(generator))
        except StopIteration as end:
            return words, end.value


async def whole_later(text: str):
    """All of an asynchronous stream."""
    return [word async for word in stream_later(text)]


def test_a_stream_comes_again_item_by_item(store):
    with otel_replay.start_run("streams", run_id="streams"):
        first = whole("rich in 3500/95"), asyncio.run(whole_later("a b"))
    loop.made.clear()
    with otel_replay.start_run("again", run_id="again"), otel_replay.replay_run("streams") as replay:
        assert (whole("rich in 3500/95"), asyncio.run(whole_later("a b"))) == first
    assert first == (([{"word": "rich"}, {"word": "in"}, {"word": "3500/95"}], 3), ["a", "b"])
    assert not loop.made
    assert replay.report.ok
    chunks = [event.attributes["otel_replay.chunk"] for event in store.run("again").events]
    assert chunks == [{"word": "rich"}, {"word": "in"}, {"word": "3500/95"}, "a", "b"]


def test_a_stream_that_was_cut_off_is_cut_off_again(store):
    def read():
        words = []
        with pytest.raises(ConnectionError, match="cut off"):
            words.extend(stream("one two stop"))
        with pytest.raises(ConnectionError):
            for word in stream("three stop"):
                words.append(word)
        return words

    with otel_replay.start_run("streams", run_id="streams"):
        first = read()
    with otel_replay.replay_run("streams"):
        assert read() == first == [{"word": "one"}, {"word": "two"}, {"word": "three"}]


def test_a_stream_that_was_left_can_be_left_again_and_not_read_on(store):
    with otel_replay.start_run("streams", run_id="streams"):
        generator = stream("one two three")
        assert next(generator) == {"word": "one"}
        generator.close()
    with otel_replay.replay_run("streams") as replay:
        generator = stream("one two three")
        assert next(generator) == {"word": "one"}
        generator.close()
    assert replay.report.ok
    with pytest.raises(otel_replay.ReplayDivergence, match="was left before its end"):
        with otel_replay.replay_run("streams"):
            list(stream("one two three"))


def test_a_stream_too_long_to_be_recorded_whole_cannot_be_answered(store, monkeypatch):
    monkeypatch.setattr(wrapped, "MOST_CHUNKS", 2)
    with otel_replay.start_run("streams", run_id="streams"):
        assert whole("one two three") == ([{"word": "one"}, {"word": "two"}, {"word": "three"}], 3)
    with pytest.raises(FormatError, match="gave 3 items, of which 2 were recorded"):
        with otel_replay.replay_run("streams"):
            whole("one two three")


def test_chunks_of_a_block_are_recorded_as_they_come(store):
    with otel_replay.start_run("blocks", run_id="blocks") as run:
        with run.generation("gpt-x", input_messages=["hi"]) as generation:
            for word in ("it", "runs"):
                generation.chunk(word)
            generation.output(["it runs"])
    with otel_replay.replay_run("blocks"):
        with otel_replay.generation("gpt-x", input_messages=["hi"]) as generation:
            answer = generation.recorded()
    assert answer.chunks == ("it", "runs")
    assert answer.value == ["it runs"]


# -- what the program gets


class Point:
    """A value of the program's own."""

    def __init__(self, x: int) -> None:
        self.x = x

    def model_dump(self) -> dict[str, int]:
        """As pydantic's models do."""
        return {"x": self.x}


@otel_replay.tool(restore=lambda plain: Point(**plain))
def point(x: int) -> Point:
    """A tool that gives a value of a class."""
    return Point(x)


def test_restore_makes_of_the_recorded_value_what_the_function_returns(store):
    with otel_replay.start_run("points", run_id="points"):
        point(3)
    with otel_replay.replay_run("points"):
        again = point(3)
    assert isinstance(again, Point)
    assert again.x == 3


def test_large_values_come_back_from_their_blobs(store):
    text = "word " * 40_000

    @otel_replay.tool
    def read(text: str) -> dict[str, object]:
        return {"text": text, "bytes": b"\0" * 100_000}

    with otel_replay.start_run("large", run_id="large"):
        first = read(text)
    with otel_replay.replay_run("large"):
        assert read(text) == first
    with pytest.raises(otel_replay.ReplayDivergence), otel_replay.replay_run("large"):
        read(text[:-1] + "!")


def test_what_the_program_does_with_an_answer_does_not_change_the_recording(store):
    @otel_replay.tool
    def fetch() -> list[int]:
        return [1, 2]

    with otel_replay.start_run("lists", run_id="lists"):
        fetch()
        fetch()
    with otel_replay.replay_run("lists"):
        fetch().append(3)
        assert fetch() == [1, 2]
