"""What a generation server leaves on the disk: folders as the original had them, runs; both after a kill."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import signal
import subprocess
import tarfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from generation_kit import Answer, Client, ProcessServer, ThreadServer
from PIL import Image
from store_kit import Recorded

from otel_replay.storage.verify import verify


def metadata(folder: Path) -> dict:
    """A session's document, as anybody would read it."""
    return json.loads((folder / "metadata.json").read_bytes())


def runs(server: ThreadServer, run_id: str) -> Recorded:
    """The run of a session."""
    return Recorded(server.sessions.parent / "store" / "runs" / run_id)


def test_a_generation_leaves_its_image_and_everything_about_it(generation_server: ThreadServer) -> None:
    """As the original did, and ours behind it."""
    server = generation_server
    answer = server.generate() if server.post("/session/start?session_id=one").status == 200 else None
    assert answer is not None
    server.post("/session/stop")
    folder = server.sessions / "one"
    assert sorted(path.name for path in folder.iterdir()) == ["0000_BR.png", "metadata.json"]
    document = metadata(folder)
    assert list(document) == ["session_id", "created_at", "sequence", "run_id"]
    [entry] = document["sequence"]
    data = (folder / "0000_BR.png").read_bytes()
    assert data == answer.png
    assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    assert (entry["width"], entry["height"], entry["size_bytes"]) == (32, 32, len(data))
    assert (entry["model"], entry["provider"]) == ("drawn-1", "otel_replay")
    assert entry["latency_ms"] > 0
    assert str(entry["seed"]) == answer.headers["x-seed"]


def test_the_same_seed_makes_the_same_pixels(generation_server: ThreadServer) -> None:
    """So that what a session recorded can be made again from it."""
    generation_server.started("one")
    first = generation_server.generate()
    again = generation_server.generate(seed=int(first.headers["x-seed"]))
    other = generation_server.generate(seed=int(first.headers["x-seed"]) + 1)
    images = [Image.open(io.BytesIO(answer.png)).tobytes() for answer in (first, again, other)]
    assert images[0] == images[1] != images[2]


def test_a_session_is_a_run_with_a_span_for_each_generation(generation_server: ThreadServer) -> None:
    """The image is a blob of it, and the run verifies."""
    generation_server.recorded("one", "first", "second", strength=0.5)
    run = runs(generation_server, "one")
    assert run.files.status() == "finished"
    spans = [span for span in run.spans if span.name == "generate_content drawn-1"]
    for number, (span, entry) in enumerate(
        zip(spans, metadata(generation_server.sessions / "one")["sequence"], strict=True)
    ):
        assert span.span_id == entry["span_id"]
        assert span.attributes["gen_ai.operation.name"] == "generate_content"
        assert span.attributes["gen_ai.request.model"] == "drawn-1"
        assert span.attributes["gen_ai.request.seed"] == number
        assert span.attributes["gen_ai.request.strength"] == 0.5
        assert span.attributes["otel_replay.generation.index"] == number
        assert span.attributes["otel_replay.generation.label"] == "BR"
        [question] = span.attributes["gen_ai.input.messages"]
        assert question["parts"][0]["content"] == entry["prompt"]
        [message] = span.attributes["gen_ai.output.messages"]
        image = message["parts"][0]
        assert (image["modality"], image["mime_type"]) == ("image", "image/png")
        assert image["content"]["otel_replay.blob"] == entry["sha256"]
        kept = (generation_server.sessions / "one" / entry["filename"]).read_bytes()
        assert run.files.blobs.read(entry["sha256"]) == kept
    assert verify(run.files) == []


def test_secrets_among_the_parameters_are_in_no_file(generation_server: ThreadServer, tmp_path: Path) -> None:
    """Neither in the session's nor in the run's."""
    generation_server.started("one")
    generation_server.generate(parameters={"api_key": "sk-verysecret-1234567890"})
    generation_server.post("/session/stop")
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"verysecret" not in path.read_bytes(), path


def test_sessions_of_the_original_are_listed_and_replayed(generation_server: ThreadServer) -> None:
    """Its `metadata.json` has no checksums; what it has besides is given as it stands."""
    folder = generation_server.sessions / "session_1736155234"
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "0000_BR.png")
    entry = {"index": 0, "filename": "0000_BR.png", "target_sector": "BR", "prompt": "a small ladybug…"}
    document = {
        "session_id": "session_1736155234",
        "created_at": 1736155234.5,
        "sequence": [entry],
        "more": [1],
    }
    (folder / "metadata.json").write_text(json.dumps(document))
    assert generation_server.get("/session/list").json == {"sessions": ["session_1736155234"]}
    assert generation_server.get("/session/session_1736155234").json == document
    generation_server.post("/session/replay/session_1736155234")
    answer = generation_server.get("/session/replay/next")
    assert answer.png == (folder / "0000_BR.png").read_bytes()
    assert answer.headers["x-sector"] == "BR"


@pytest.mark.parametrize(
    "filename", ["../secret.png", "/etc/hostname", "a/b.png", "link.png", ".", "", "x\n.png"]
)
def test_a_session_of_somebody_else_gives_no_file_but_its_own(
    generation_server: ThreadServer, filename: str
) -> None:
    """Names that lead out of its folder, and links, are refused."""
    secret = generation_server.sessions / "secret.png"
    generation_server.recorded("one", "a prompt")
    secret.write_bytes(b"\x89PNG\r\n\x1a\nsecret")
    folder = generation_server.sessions / "one"
    (folder / "link.png").symlink_to(secret)
    document = metadata(folder)
    document["sequence"][0].update(filename=filename, sha256="")
    (folder / "metadata.json").write_text(json.dumps(document))
    generation_server.post("/session/replay/one")
    for path in ("/session/replay/next", "/session/one/image/0"):
        generation_server.post("/session/replay/one")
        answer = generation_server.get(path)
        assert answer.status == 500
        assert b"secret" not in answer.body.replace(b"secret.png", b"")


def test_an_image_that_was_changed_is_told_and_not_given(generation_server: ThreadServer) -> None:
    """And one that is gone; the replay goes on behind it."""
    generation_server.recorded("one", "first", "second", "third")
    folder = generation_server.sessions / "one"
    with open(folder / "0000_BR.png", "ab") as stream:
        stream.write(b"x")
    (folder / "0001_BR.png").unlink()
    generation_server.post("/session/replay/one")
    answers = [generation_server.get("/session/replay/next") for _ in range(3)]
    assert [answer.status for answer in answers] == [500, 500, 200]
    assert "image 0 of `one` is damaged" in answers[0].json["detail"]
    assert "image 1 of `one` is gone" in answers[1].json["detail"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"sequence": 5}', b'{"sequence": [{"index": 0}]}'])
def test_a_damaged_document_is_told_and_its_session_listed(
    generation_server: ThreadServer, content: bytes
) -> None:
    """The others are not concerned."""
    generation_server.recorded("one", "a prompt")
    generation_server.recorded("two", "a prompt")
    (generation_server.sessions / "one" / "metadata.json").write_bytes(content)
    assert sorted(generation_server.get("/session/list").json["sessions"]) == ["one", "two"]
    assert generation_server.post("/session/replay/one").status == 500
    assert "metadata.json" in generation_server.post("/session/replay/one").json["detail"]
    assert generation_server.post("/session/replay/two").status == 200


# -- archives ------------------------------------------------------------------------------------------------


def restored(server: Client, data: bytes, session_id: str = "") -> Answer:
    """The answer to an archive."""
    return server.post("/session/restore" + (f"?session_id={session_id}" if session_id else ""), data)


def test_an_archive_is_taken_back_whole(generation_server: ThreadServer) -> None:
    """Under another id, or under its own when that is free again."""
    generation_server.recorded("one", "first", "second")
    answer = generation_server.get("/session/one/archive")
    assert answer.headers["content-type"] == "application/gzip"
    assert 'filename="one.tar.gz"' in answer.headers["content-disposition"]
    assert restored(generation_server, answer.body).status == 409
    again = restored(generation_server, answer.body, "again")
    assert (again.status, again.json) == (201, {"session_id": "again", "status": "restored"})
    one, copy = generation_server.sessions / "one", generation_server.sessions / "again"
    names = sorted(path.name for path in one.iterdir())
    assert [(copy / name).read_bytes() for name in names] == [(one / name).read_bytes() for name in names]
    generation_server.post("/session/replay/again")
    assert generation_server.get("/session/replay/next").png == (one / "0000_BR.png").read_bytes()


def tarred(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """An archive of these members."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """A member of an archive."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


DOCUMENT = (member("one/metadata.json"), b'{"session_id": "one", "sequence": []}')
HOSTILE = {
    "upwards": tarred(DOCUMENT, (member("one/../../escaped"), b"x")),
    "absolute": tarred(DOCUMENT, (member("/tmp/escaped"), b"x")),
    "a link": tarred(DOCUMENT, (member("one/link", tarfile.SYMTYPE, "/etc"), b"")),
    "a hard link": tarred(DOCUMENT, (member("one/link", tarfile.LNKTYPE, "/etc/hostname"), b"")),
    "through a link": tarred(
        (member("one", tarfile.SYMTYPE, ".."), b""), DOCUMENT, (member("one/escaped"), b"x")
    ),
    "a device": tarred(DOCUMENT, (member("one/device", tarfile.CHRTYPE), b"")),
    "a pipe": tarred(DOCUMENT, (member("one/pipe", tarfile.FIFOTYPE), b"")),
    "a line break": tarred(DOCUMENT, (member("one/a\nb"), b"x")),
    "a backslash": tarred(DOCUMENT, (member("one\\..\\x"), b"x")),
    "twice": tarred(DOCUMENT, DOCUMENT),
    "two folders": tarred(DOCUMENT, (member("two/0000.png"), b"x")),
    "two sessions": tarred(DOCUMENT, (member("two/metadata.json"), b"{}")),
    "no document": tarred((member("one/0000.png"), b"x")),
    "no folder": tarred((member("metadata.json"), b'{"sequence": []}')),
    "a bad id": tarred((member("-rf/metadata.json"), b'{"sequence": []}')),
    "a route": tarred((member("list/metadata.json"), b'{"sequence": []}')),
    "a bad document": tarred((member("one/metadata.json"), b"[]")),
    "cut": tarred(DOCUMENT, (member("one/x"), os.urandom(9000)))[:4000],
    "not an archive": b"PK\x03\x04 something else",
    "nothing": b"",
}


def test_what_a_killed_server_had_half_restored_goes_with_the_next_restoring(
    generation_server: ThreadServer,
) -> None:
    """What a process that lives has there stays."""
    generation_server.recorded("one", "a prompt")
    data = generation_server.get("/session/one/archive").body
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = [generation_server.sessions / f".restored-{pid}-0a1b2c3d" for pid in (dead.pid, os.getpid())]
    for folder in left:
        (folder / "big").mkdir(parents=True)
    assert restored(generation_server, data, "two").status == 201
    assert [folder.exists() for folder in left] == [False, True]


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_archive_that_is_not_one_session_is_refused(
    generation_server: ThreadServer, tmp_path: Path, kind: str
) -> None:
    """And leaves nothing, neither in the folder nor outside of it."""
    answer = restored(generation_server, HOSTILE[kind])
    assert answer.status == 422, answer
    assert len(answer.json["detail"]) > 10
    assert [path.name for path in tmp_path.rglob("*") if path.name not in ("sessions",)] == []
    assert not Path("/tmp/escaped").exists()


# -- crashes -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_a_killed_server_had_given_is_there(
    serve_generations: Callable[..., ProcessServer], tmp_path: Path
) -> None:
    """In the middle of generations, several times: each image that was given is there, whole and replayed."""
    given: dict[str, list[tuple[int, bytes]]] = {}
    for attempt, wanted in enumerate((3, 11, 20)):
        server = serve_generations()
        session = f"crash_{attempt}"
        server.post(f"/session/start?session_id={session}")
        given[session] = ask_until_killed(server, wanted)
    server = serve_generations()
    assert server.get("/session/list").json["sessions"] == list(given)
    for session, images in given.items():
        folder = tmp_path / "generation" / "sessions" / session
        sequence = metadata(folder)["sequence"]
        assert [entry["index"] for entry in sequence] == list(range(len(sequence)))
        assert len(sequence) >= len(images)
        total = server.post(f"/session/replay/{session}").json["total_generations"]
        replayed = [server.get("/session/replay/next").png for _ in range(total)]
        for index, image in images:
            assert replayed[index] == image
        run = Recorded(tmp_path / ".otel-replay" / "runs" / session)
        assert run.files.status() == "interrupted"
        for index, image in images:
            assert run.files.blobs.read(sequence[index]["sha256"]) == image
        assert server.post(f"/session/start?session_id={session}").status == 409


def ask_until_killed(server: ProcessServer, wanted: int) -> list[tuple[int, bytes]]:
    """Ask for images from several threads, kill the server after `wanted`; returns what was given by then."""
    given: list[tuple[int, bytes]] = []
    enough = threading.Event()

    def keep_asking(_: int) -> None:
        while True:
            try:
                answer = server.generate()
            except (OSError, http.client.HTTPException):
                return  # it is dead
            given.append((int(answer.headers["x-index"]), answer.png))
            if len(given) >= wanted:
                enough.set()

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(keep_asking, number) for number in range(3)]
        assert enough.wait(60)
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        for one in asking:
            one.result()
    return given


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_asked_to_end_finishes_its_runs(
    serve_generations: Callable[..., ProcessServer], tmp_path: Path, how: int
) -> None:
    """Every session that was recorded is a finished run."""
    server = serve_generations()
    server.started("one", "a prompt")
    server.started("two", "a prompt")
    assert server.end(how) == (130 if how == signal.SIGINT else -signal.SIGTERM)
    for session in ("one", "two"):
        run = Recorded(tmp_path / ".otel-replay" / "runs" / session)
        assert run.files.status() == "finished"
        assert verify(run.files) == []


def test_a_disk_that_does_not_take_an_image_is_told_and_nothing_is_numbered(
    generation_server: ThreadServer,
) -> None:
    """What could not be kept is not given either; once it can be, numbers go on without a gap."""
    generation_server.started("one", "first")
    folder = generation_server.sessions / "one"
    away = folder.with_name("away")
    folder.rename(away)
    assert generation_server.generate().status == 500
    away.rename(folder)
    assert generation_server.generate().headers["x-index"] == "1"
    assert len(metadata(folder)["sequence"]) == 2
