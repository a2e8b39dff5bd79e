"""Many recordings at once: how many there may be, who is ended for the next, and what a name may be."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from otel_replay.compat.generation_sessions_files import new_session_id, stored_sessions
from otel_replay.generations.albums import Album, Picture
from otel_replay.generations.asking import ImageRequest
from otel_replay.generations.drawn import DrawnImages
from otel_replay.generations.recordings import Recordings
from otel_replay.generations.refusals import Conflict, NoSuch
from otel_replay.generations.replays import Replays
from otel_replay.storage.run_files import RunFiles


def recordings(folder: Path, **options) -> Recordings:
    """Recordings in a folder, at a time that stands still."""
    return Recordings(
        stored_sessions(folder / "sessions"),
        DrawnImages(),
        new_name=new_session_id,
        store=folder / "store",
        clock=lambda: 1_736_155_234_500_000_000,
        **options,
    )


SMALL = ImageRequest(prompt="a ladybug", size=(8, 8))


def test_names_that_are_made_from_the_time_are_made_again_where_they_are_taken(tmp_path: Path) -> None:
    """Several in the same second."""

    async def names() -> list[str]:
        many = recordings(tmp_path)
        made = await asyncio.gather(*(many.start() for _ in range(3)))
        await many.stop_all()
        return sorted(recording.name for recording in made)

    assert asyncio.run(names()) == ["session_1736155234", "session_1736155234-2", "session_1736155234-3"]


def test_a_name_is_given_once_however_many_ask_for_it(tmp_path: Path) -> None:
    """The others are refused."""

    async def outcomes() -> list[object]:
        many = recordings(tmp_path)
        found = await asyncio.gather(*(many.start("one") for _ in range(8)), return_exceptions=True)
        await many.stop_all()
        return list(found)

    found = asyncio.run(outcomes())
    assert sum(isinstance(one, Conflict) for one in found) == 7
    assert [path.name for path in (tmp_path / "sessions").iterdir()] == ["one"]


def test_when_there_are_too_many_the_one_that_was_idle_longest_is_ended(tmp_path: Path) -> None:
    """Its run is finished, and what is asked of it is told."""

    async def play() -> None:
        many = recordings(tmp_path, most=2)
        await many.start("one")
        await many.start("two")
        await many.generate(SMALL, name="one")
        await many.start("three")
        assert RunFiles(tmp_path / "store" / "runs" / "two").status() == "finished"
        assert (await many.generate(SMALL, name="one")).picture.index == 1
        with pytest.raises(Conflict, match="`two` is not being recorded"):
            await many.generate(SMALL, name="two")
        await many.stop_all()

    asyncio.run(play())


def test_a_run_of_the_same_id_that_is_there_already_stays_as_it_is(tmp_path: Path) -> None:
    """The session says which run is its own."""

    async def play() -> None:
        for folder in ("sessions", "others"):
            many = recordings(tmp_path)
            many.albums = stored_sessions(tmp_path / folder)
            await many.start("one")
            await many.generate(SMALL)
            await many.stop()

    asyncio.run(play())
    assert stored_sessions(tmp_path / "sessions").read("one").run_id == "one"
    assert stored_sessions(tmp_path / "others").read("one").run_id == "one-2"


def test_a_store_that_cannot_be_written_costs_no_image(tmp_path: Path) -> None:
    """The session is whole; that there is no run of it is told by the log."""
    (tmp_path / "store").write_text("a file stands here")

    async def play() -> bytes:
        many = recordings(tmp_path)
        await many.start("one")
        made = await many.generate(SMALL)
        await many.stop()
        return made.png

    image = asyncio.run(play())
    assert (tmp_path / "sessions" / "one" / "0000.png").read_bytes() == image


def test_replays_that_were_idle_longest_go_when_there_are_too_many() -> None:
    """So that clients that never stop theirs cost nothing."""
    replays = Replays(most=2)
    album = Album(name="one", pictures=(Picture(index=0, filename="0000.png"),))
    for name in ("a", "b"):
        replays.begin(album, name)
    replays.next("a")
    replays.begin(album, "c")
    with pytest.raises(NoSuch):
        replays.next("b")
    assert replays.next("a")[1] is None
    assert replays.stop("c").position == 0
