"""Files that hold no run, or half of one, are told by name with what to do; a traceback is none of that."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from backports import zstd

from cli.conftest import Call, tuning_story
from cli.kinds_of_files import dumped, framed, jaeger_of, protobuf_of
from otel_replay.formats.otlp_protobuf import traces_request
from otel_replay.formats.spans import Span

CORPUS = Path(__file__).parents[1] / "corpus"
PROTO = (CORPUS / "collector-0.159" / "signals.proto").read_bytes()
SPAN = {
    "traceId": "a" * 32,
    "spanId": "b" * 16,
    "name": "one",
    "startTimeUnixNano": "1767225600000000000",
    "endTimeUnixNano": "1767225600001000000",
}


def otlp(**more: object) -> bytes:
    """A line with one span."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**SPAN, **more}]}]}]}).encode()


def nested(levels: int) -> bytes:
    """A span with a value that is so deep, as text: no encoder here makes it."""
    value = '{"arrayValue":{"values":[' * levels + '{"intValue":"1"}' + "]}}" * levels
    return otlp(attributes=[{"key": "deep", "value": "HERE"}]).replace(b'"HERE"', value.encode())


NOTHING: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "there is nothing in it"),
    "NUL bytes": (bytes(5000), "there is nothing in it"),
    "text": (b"hello, it is me\n", "of no kind that holds a run"),
    "JSON of something else": (b'{"a": [1, 2]}', "of no kind that holds a run"),
    "a list": (b"[1, 2, 3]", "of no kind that holds a run"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "of no kind that holds a run"),
    "gzip of nothing": (gzip.compress(b""), "there is nothing in it"),
    "gzip, cut in its head": (gzip.compress(otlp())[:8], "cut off"),
    "Zstandard, cut": (zstd.compress(otlp())[:8], "cut off"),
    "an archive, cut in its first request": (PROTO[:200], "request 1 is cut off"),
    "an archive with a length of nonsense": (b"\x07\xff\xff\xff" + PROTO[4:200], "request 1 is cut off"),
    "a Protobuf message, cut": (PROTO[4:204], "not an OTLP message"),
    "Protobuf of something else": (b"\x0a\x04\x0a\x02hi", "no span and no log record"),
    "OTLP JSON, cut": (otlp()[:-5], "not JSON"),
    "OTLP JSON without spans": (b'{"resourceSpans": []}', "no span and no log record"),
    "OTLP JSON with metrics only": (b'{"resourceMetrics": []}', "no span and no log record"),
    "an id that is none": (otlp(spanId="xyz"), "is not 16 hexadecimal digits"),
    "a time that no clock says": (otlp(startTimeUnixNano="9" * 400), "startTimeUnixNano"),
    "a number that no double is": (otlp(startTimeUnixNano=1).replace(b": 1,", b": 1e999,"), "span"),
    "values nested 2,000 deep": (nested(2_000), "no span and no log record"),
    "a document nested 100,000 deep": (b'{"resourceSpans":' + b"[" * 100_000, "not JSON"),
    "session_replay, cut": (b'{"schema_version": "1.0", "decisions": [', "not a JSON document"),
    "session_replay of a later version": (b'{"schema_version": "2.0"}', "is not known"),
    "session_replay, nested deep": (
        b'{"schema_version": "1.0", "run_id": "x", "decisions": ' + b"[" * 100_000,
        "not a JSON document",
    ),
    "Jaeger JSON, cut": (b'{"data": [{"traceID": "1", "spans": [', "not JSON"),
    "Jaeger JSON without a list": (b'{"data": 3, "spans": 1}', "not a list of traces"),
    "Jaeger JSON with nothing in it": (b'{"data": [{"traceID": "1", "spans": []}]}', "no span and no log"),
    "a journal of a later version": ((CORPUS / "journal-1" / "newer.jsonl").read_bytes(), "version"),
    "a pack, cut": ((CORPUS / "pack-1" / "tuning.orpack").read_bytes()[:300], "is cut off"),
}
"""What holds no run at all, and what is said of it."""


@pytest.mark.parametrize("command", ["show", "stats", "import"])
@pytest.mark.parametrize("kind", NOTHING)
def test_what_holds_no_run_is_refused_by_name_and_reason(
    call: Call, tmp_path: Path, kind: str, command: str
) -> None:
    content, reason = NOTHING[kind]
    if command == "import" and kind == "a pack, cut":
        reason = "of no kind"
    path = tmp_path / "bad file.json"
    path.write_bytes(content)
    done = call(command, str(path))
    assert done.code == 2
    assert "bad file.json" in done.err
    assert reason in done.err
    assert "should not" not in done.err
    assert len(done.err) < 2_000


HALF: dict[str, tuple[bytes, str]] = {
    "lines of which one is cut": (otlp() + b"\n" + otlp()[:-9] + b"\n" + otlp(spanId="c" * 16), "line 2"),
    "a first line that is cut": (otlp()[9:] + b"\n" + otlp() + b"\n" + otlp(spanId="c" * 16), "line 1"),
    "a last line that is cut": (otlp() + b"\n" + otlp(spanId="c" * 16) + b"\n" + otlp()[:-9], "line 3"),
    "a span among others that has no id": (
        otlp() + b"\n" + otlp(spanId="") + b"\n" + otlp(spanId="c" * 16),
        "line 2",
    ),
    "gzip that is cut": (gzip.compress(otlp() + b"\n" + otlp(spanId="c" * 16) + b"\n")[:-8], "cut off"),
    "an archive that is cut in its last request": (
        framed(*[traces_request([Span(trace_id="a" * 32, span_id=one * 16, name="n", start_ns=5, end_ns=9)])
                 for one in "bcd"])[:-3],
        "request 3 is cut off",
    ),
    "an archive with a request of something else": (
        framed(
            traces_request([Span(trace_id="a" * 32, span_id="b" * 16, name="n", start_ns=5, end_ns=9)]),
            b"\x0a\x02\xff\xff",
            traces_request([Span(trace_id="a" * 32, span_id="c" * 16, name="n", start_ns=5, end_ns=9)]),
        ),
        "request 2",
    ),
    "values nested 300 deep": (
        nested(300) + b"\n" + otlp(spanId="c" * 16) + b"\n" + otlp(spanId="d" * 16), "",
    ),
}  # fmt: skip
"""What can be read in part: two spans and more, and what is said of the rest."""


@pytest.mark.parametrize("kind", HALF)
def test_of_what_is_damaged_the_rest_is_read_and_the_damage_is_told(
    call: Call, tmp_path: Path, kind: str
) -> None:
    content, told = HALF[kind]
    path = tmp_path / "half.jsonl"
    path.write_bytes(content)
    document = call("show", str(path), "--json").json
    assert document["counts"]["spans"] >= 2
    assert document["bad_lines"]["total"] == (1 if told else document["bad_lines"]["total"])
    done = call("show", str(path))
    assert done.code == 0
    assert told in done.err
    assert call("dump", str(path), "--format", "otlp").code == 0
    kept = call("import", str(path))
    assert kept.code == (1 if told else kept.code)
    assert told in kept.err


@pytest.mark.parametrize("name", ["no/such/file.jsonl", "nothing.json", "traces.pb.gz"])
def test_what_is_not_there_is_told_in_one_line(call: Call, name: str) -> None:
    done = call("show", name)
    assert (done.code, name in done.err) == (2, True)
    assert "there is no file" in done.err


def test_a_folder_that_holds_no_archive_is_told(call: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    for command in ("show", "stats", "diff"):
        done = call(command, str(tmp_path), *(["latest"] if command == "diff" else []))
        assert (done.code, "is a folder, and neither a run's" in done.err) == (2, True)


def test_what_of_a_folder_is_no_archive_is_told(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(otlp())
    (folder / "b.jsonl").write_bytes(otlp(spanId="c" * 16) + b"\n" + otlp()[:-9])
    (folder / "settings.json").write_text("{}")
    done = call("show", str(folder))
    assert done.code == 0
    assert "settings.json: it is no archive" in done.err
    assert "b.jsonl: line 2" in done.err


def test_a_device_is_no_file(call: Call) -> None:
    done = call("show", "/dev/zero")
    assert (done.code, "it is a device" in done.err) == (2, True)


def test_the_helpers_make_what_they_say(keep) -> None:
    """A test of bad files that are bad for another reason proves nothing."""
    lines = dumped(keep(tuning_story()))
    assert json.loads(jaeger_of(lines))["data"][0]["spans"]
    assert len(protobuf_of(lines)) == 3
