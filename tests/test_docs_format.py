"""docs/format.md is the norm: its examples are what the program reads, its tables what it writes."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from otel_replay import records
from otel_replay.errors import FormatError
from otel_replay.formats import otlp_json_read, session_replay
from otel_replay.formats.journal_v1 import decode, encode
from otel_replay.records import BadLine, JournalHeader
from otel_replay.sender.cursor import open_cursor
from otel_replay.sender.target import parse_target
from otel_replay.storage.journal_reader import read_journal
from otel_replay.storage.manifest import read_manifest
from otel_replay.storage.run_header import RunHeader

PAGE = (Path(__file__).parent.parent / "docs" / "format.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


LINES = [line for block in blocks("jsonl") for line in block.splitlines()]


@pytest.mark.parametrize("line", LINES, ids=lambda line: re.sub(r"[^\w]+", " ", line)[:40])
def test_a_line_of_the_page_is_a_record(line: str) -> None:
    """It is read, and written again it says the same."""
    record = decode(line.encode())
    assert decode(encode(record)) == record


def test_every_kind_of_record_has_an_example() -> None:
    """In both forms where there are two."""
    kinds = {decode(line.encode()).kind for line in LINES}
    assert kinds == {"journal", *(kind for kind in KINDS if kind != "links")}


def test_the_first_example_is_a_whole_journal(tmp_path: Path) -> None:
    """With its header first and its close last, and a preallocated rest."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(blocks("jsonl")[0].encode() + bytes(5000))
    read = [located.record for located in read_journal(path)]
    assert isinstance(read[0], JournalHeader)
    assert not any(isinstance(record, BadLine) for record in read)


# -- tables -------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A key of a record, as the page describes it."""

    key: str
    type: str
    default: str


KINDS = {
    "journal": records.JournalHeader,
    "decision": records.Decision,
    "start": records.SpanStart,
    "update": records.SpanUpdate,
    "end": records.SpanEnd,
    "links": records.Link,
    "event": records.Event,
    "resource": records.Resource,
    "scope": records.Scope,
    "log": records.LogEntry,
    "loss": records.Loss,
    "close": records.Close,
}

SAMPLES: dict[str, Any] = {
    "text": "x",
    "integer": 7,
    "map": {"a": 1.5},
    "value": [1, "b"],
    "list of links": [{"trace": "t", "span": "s"}],
    "text or null": "y",
    "integer or null": 9,
}
"""A value of each type of the tables that is nobody's default."""


def rows_below(heading: str) -> list[Row]:
    """The table below the heading that begins with `heading`; a row may name several keys."""
    section = PAGE[PAGE.index(f"\n#### {heading}") + 1 :]
    table = re.split(r"\n#+ ", section)[0]
    rows = []
    for line in re.findall(r"^\| `.*$", table, re.MULTILINE):
        names, kind, default, *_ = (cell.strip() for cell in line.strip("|").split("|"))
        rows += [Row(name, kind, default) for name in re.findall(r"`([^`]+)`", names)]
    return rows


def rows_of(kind: str) -> list[Row]:
    """The table of a kind of record."""
    if kind in {"resource", "scope"}:
        return [
            row for row in rows_below("`resource`, `scope`") if kind == "scope" or row.key not in _SCOPE_ONLY
        ]
    return rows_below("links" if kind == "links" else f"`{kind}`")


_SCOPE_ONLY = {"name", "version"}


def line_of(kind: str, rows: list[Row]) -> bytes:
    """A line of `kind` that has just these keys."""
    body = {row.key: SAMPLES[row.type] for row in rows}
    if kind == "links":
        body = {"kind": "start", "t": 1, "trace": "t", "span": "s", "name": "n", "links": [body]}
    return orjson.dumps({"kind": kind, **body} if kind != "links" else body)


def written(line: bytes, kind: str) -> dict[str, Any]:
    """What the program makes of a line, written again, as an object."""
    record = decode(line)
    if isinstance(record, records.Decision) and not record.extra:
        record = records.Decision(
            **{f.name: getattr(record, f.name) for f in fields(record)} | {"extra": {"a": 1.5}}
        )
    body: dict[str, Any] = orjson.loads(encode(record))
    if kind == "links":
        body = body["links"][0]
    return body


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_has_every_key_of_the_record(kind: str) -> None:
    """No more and no less than the program knows."""
    keys = {row.key for row in rows_of(kind)}
    own = {"kind", "format"}
    assert len(keys - own) == len(rows_of(kind)) - ("format" in keys)
    assert len(keys - own) == sum(field.name != "kind" for field in fields(KINDS[kind]))
    body = written(line_of(kind, rows_of(kind)), kind)
    assert {key: value for key, value in body.items() if key not in own} == {
        row.key: SAMPLES[row.type] for row in rows_of(kind) if row.key not in own
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_table_requires_is_required_and_what_it_does_not_has_that_default(kind: str) -> None:
    """A line without a required key is damaged; one without another key says what the table says."""
    rows = [row for row in rows_of(kind) if row.key != "format"]
    required = [row for row in rows if row.default == "required"]
    for missing in required:
        with pytest.raises(FormatError, match=f"`{missing.key}` is missing"):
            decode(line_of(kind, [row for row in rows if row is not missing]))
    least = decode(line_of(kind, required))
    for row in rows:
        if row.default == "required":
            continue
        said = orjson.loads(line_of(kind, required))
        into = said["links"][0] if kind == "links" else said
        into[row.key] = json.loads(row.default.strip("`"))
        assert decode(orjson.dumps(said)) == least, row


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_another_type_is_damage(kind: str) -> None:
    """Where the table says text, an integer is none; and so on."""
    rows = [row for row in rows_of(kind) if row.key != "format"]
    for wrong in rows:
        if wrong.type == "value":
            continue
        said = orjson.loads(line_of(kind, rows))
        into = said["links"][0] if kind == "links" else said
        into[wrong.key] = True
        with pytest.raises(FormatError):
            decode(orjson.dumps(said))


def test_keys_that_are_not_known_are_ignored_and_kinds_that_are_not_are_told() -> None:
    """So that formats can grow."""
    assert decode(b'{"kind":"loss","t":1,"records":2,"reason":"x","new":3}') == decode(
        b'{"kind":"loss","t":1,"records":2,"reason":"x"}'
    )
    with pytest.raises(FormatError, match="'newer'"):
        decode(b'{"kind":"newer","t":1}')


# -- documents ----------------------------------------------------------------------------------------------


def document(mark: str) -> bytes:
    """The only JSON example with `mark` in it."""
    [found] = [block for block in blocks("json") if mark in block]
    return found.encode()


def test_run_json() -> None:
    """The example is read and written again; the table has every key."""
    body = json.loads(document("otel-replay.run"))
    header = RunHeader.from_json(body)
    assert {"format": "otel-replay.run", "version": 1} | header.to_json() == body
    section = PAGE[PAGE.index("### run.json") : PAGE.index("### Blobs")]
    named = {
        name
        for line in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall("`(.+?)`", line)
    }
    assert named == set(body)


def test_manifest_json(tmp_path: Path) -> None:
    """The example is read."""
    (tmp_path / "manifest.json").write_bytes(document("otel-replay.manifest"))
    [output] = read_manifest(tmp_path)
    assert output.name == "VE_Correction_Delta.csv"


def test_cursors_of_send(tmp_path: Path) -> None:
    """The example is read as the cursor of the endpoint that it names, and written again as it was."""
    body = document("otel-replay.sent")
    target = parse_target(json.loads(body)["target"], environ={})
    path = tmp_path / "sent" / f"{target.key}.json"
    path.parent.mkdir()
    path.write_bytes(body)
    with open_cursor(tmp_path, json.loads(body)["run_id"], target) as cursor:
        assert cursor.has("traces", ("20251215T172801803Z-4711.jsonl", 31, 1))
        cursor.save(durable=False)
    assert json.loads(path.read_bytes()) == json.loads(body)


def test_session_replay_json() -> None:
    """The example is read, and written again it is the same to the byte."""
    body = document('"schema_version"').rstrip(b"\n")
    read = session_replay.read(body)
    out = BytesIO()
    session_replay.write(out, run_id=read.run_id, generated_ns=read.generated_ns, decisions=read.decisions)
    assert out.getvalue() == body == json.dumps(json.loads(body), indent=2).encode()


def test_otlp_json_lines() -> None:
    """The example is read: a span with a decision."""
    [span] = list(otlp_json_read.read_lines(BytesIO(document("resourceSpans"))))
    [decision] = span.events
    assert (decision.action, decision.values, decision.cell) == ("CLAMPING", {"before": 12.4}, {"rpm": 2000})
