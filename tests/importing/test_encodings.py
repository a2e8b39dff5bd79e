"""Files as Windows writes them are read as others are: a byte order mark, UTF-16, with CR and LF."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_replay.formats.journal_v1 import encode
from otel_replay.importing.reading import open_source, read_runs
from otel_replay.importing.unwrapping import unwrapped
from otel_replay.loading import load_runs

CORPUS = Path(__file__).parents[1] / "corpus"
ENCODINGS = {
    "utf-8-sig": b"",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-16-le without a mark": b"",
    "utf-16-be without a mark": b"",
}


def request(number: int) -> dict[str, Any]:
    """A request with one span whose name is not ASCII; 😀 is a pair in UTF-16."""
    span = {"traceId": "1" * 32, "spanId": f"{number:016x}", "name": f"größe 😀 {number}"}
    times = {"startTimeUnixNano": str(1_000 * number), "endTimeUnixNano": str(1_000 * number + 500)}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span | times]}]}]}


def plain(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)


FORMS: dict[str, Callable[[], str]] = {
    "lines": lambda: "\r\n".join(plain(request(number)) for number in (1, 2)) + "\r\n",
    "one document": lambda: json.dumps(request(1), indent=2),
    "a list": lambda: plain([request(1), request(2)]),
    "a list over lines": lambda: json.dumps([request(1), request(2)], indent=2),
    "a list of lines": lambda: f"[\n{plain(request(1))}\n,{plain(request(2))}\n]\n",
    "a list of one": lambda: f"[\n{plain(request(1))}\n]\n",
}


def said(path: Path) -> tuple[list[str], tuple[str, ...]]:
    """The names of all spans, and what cannot be read."""
    with open_source(path) as (source, importer):
        [run] = read_runs(source, importer)
        [items] = load_runs(path)
        return sorted(item.name for item in items if item.name.startswith("größe")), run.damage


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", *ENCODINGS])
def test_a_file_says_the_same_in_each_encoding(tmp_path: Path, form: str, encoding: str) -> None:
    path = tmp_path / "traces.json"
    text = FORMS[form]()
    path.write_bytes(ENCODINGS.get(encoding, b"") + text.encode(encoding.partition(" ")[0]))
    numbers = range(1, text.count("traceId") + 1)
    assert said(path) == ([f"größe 😀 {number}" for number in numbers], ())


def test_a_journal_too(tmp_path: Path) -> None:
    original = CORPUS / "journal-1" / "every-kind.jsonl"
    path = tmp_path / original.name
    path.write_bytes(b"\xff\xfe" + original.read_text(encoding="utf-8").encode("utf-16-le"))
    with open_source(path) as (source, importer), open_source(original) as (other, _):
        [mine], [theirs] = read_runs(source, importer), read_runs(other, importer)
        ours = [encode(one) for journal in mine.journals for one in journal]
        assert ours == [encode(one) for journal in theirs.journals for one in journal]
        assert len(ours) > 5


def test_what_is_compressed_may_be_such_text(tmp_path: Path) -> None:
    path = tmp_path / "traces.json.gz"
    path.write_bytes(gzip.compress(b"\xff\xfe" + plain(request(7)).encode("utf-16-le")))
    assert said(path) == (["größe 😀 7"], ())


def test_a_file_that_ends_in_a_character_is_told_as_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b"\xff\xfe" + FORMS["lines"]().encode("utf-16-le") + b"x")
    names, damage = said(path)
    assert (len(names), damage) == (2, ("the file is cut off: its last character is not whole",))


def test_half_of_a_pair_costs_its_line_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    broken = plain(request(2)).encode("utf-16-le").replace("😀".encode("utf-16-le"), b"\x3d\xd8")
    path.write_bytes("\ufeff".encode("utf-16-le") + plain(request(1)).encode("utf-16-le") + b"\n\0" + broken)
    names, damage = said(path)
    assert names == ["größe 😀 1"]
    assert [reason.startswith("line 2: not JSON") for reason in damage] == [True]


def test_an_item_of_a_list_that_is_no_request_costs_that_item(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    path.write_text(plain([request(1), 7, {"spans": []}, request(2)]), encoding="utf-8")
    names, damage = said(path)
    assert names == ["größe 😀 1", "größe 😀 2"]
    assert [reason.partition(":")[2].partition(":")[0] for reason in damage] == [
        " item 2 of the list",
        " item 3 of the list",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\0",
        b"\0{",
        b"\xff",
        b"\xff\xfe",
        b"\0\0\0\x05\x0a\x03abc",
        b"\x0a\x03\x0a\x01\0",
        b"{\0\xff\xff",
    ],
)
def test_bytes_that_are_no_such_text_stay_as_they_are(content: bytes) -> None:
    found = unwrapped(io.BytesIO(content), []).read()
    assert found == content.removeprefix(b"\xff\xfe")


def test_text_in_pieces_of_any_length_is_the_same() -> None:
    """A character may stand in two of them."""
    from otel_replay.importing.encodings import in_utf8

    text = FORMS["lines"]()
    content = b"\xff\xfe" + text.encode("utf-16-le")
    for size in (1, 2, 3, 5, 1_000):
        pieces = (content[at : at + size] for at in range(0, len(content), size))
        assert b"".join(in_utf8(pieces, [])).decode() == text
