"""Decisions that go from line to text in one step read as those that go the careful way, or are not taken."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.errors import FormatError
from otel_replay.formats.decision_rows import items_text
from otel_replay.formats.journal_v1 import decode, encode
from otel_replay.formats.session_replay import items_of
from otel_replay.records import Decision

START_NS = 1_765_819_681_803_298_813

text = st.text(max_size=6) | st.sampled_from(
    ["x,", ":", '"', "\\", "3e-5", "$", "\x7f", "é", "0.00001", "a\nb"]
)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | text
) | st.sampled_from([1e-4, 9.9e-05, 1e-7, 1e16, 1.5e300, 2**53, 2**53 + 1, 0.1 + 0.2, -0.0])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
maps = st.none() | st.dictionaries(text, values, max_size=3)


def careful(lines):
    decisions = [decode(line) for line in lines]
    return b",\n".join(piece for piece, _ in items_of(decisions, None))


@settings(deadline=None, max_examples=400)
@given(st.lists(st.tuples(text, text, maps, maps), min_size=1, max_size=6))
def test_the_text_is_that_of_the_careful_way(made):
    lines = []
    for number, (action, reason, before, cell) in enumerate(made):
        when = START_NS + number * 700_000_000
        try:
            line = encode(
                Decision(time_ns=when, span_id="a", action=action, reason=reason, values=before, cell=cell)
            )
        except TypeError:
            continue  # no text
        if line.startswith(b"["):
            lines.append(line[:-1])
    quick = items_text(lines) if lines else None
    assert quick is None or quick == careful(lines)


def test_ordinary_decisions_are_taken():
    head = b'["decision","a",%d,"ACTION","why not"' % START_NS
    cell = b'{"rpm":2000,"kpa":65,"cylinder":"f","nested":{"list":[1,[],{}],"on":true}}'
    lines = [
        head + b"]",
        head + b',{"before":12.4,"after":-0.73}]',
        head + b',{"before":1e16,"after":null},' + cell + b"]",
        head + b",0," + cell + b"]",
        head + b",0]",
        head + b",{},{}]",
    ]
    assert items_text(lines) == careful(lines)


def test_letters_of_all_languages_are_taken_and_written_as_json_does():
    texts = ["864 °C", "größer", "→ 10 µs", "日本\u2028\uffff", "🙂🚀é", "\x80\xa0"]
    lines = [orjson.dumps(["decision", "a", START_NS, text, text, {text: text}]) for text in texts]
    assert items_text(lines) == careful(lines)
    assert all(json.dumps(text).encode() in items_text(lines) for text in texts)


@pytest.mark.parametrize(
    "row",
    [
        ["decision", "a", START_NS, "A"],
        ["decision", "a", START_NS, "A", "r", {}, {}, {}],
        ["other", "a", START_NS, "A", "r"],
        ["decision", 1, START_NS, "A", "r"],
        ["decision", "a", True, "A", "r"],
        ["decision", "a", 1.5, "A", "r"],
        ["decision", "a", START_NS, None, "r"],
        ["decision", "a", START_NS, "A", "r", 1],
        ["decision", "a", START_NS, "A", "r", []],
        ["decision", "a", START_NS, "A", "r", {}, 0],
        ["decision", "a", 2**62, "A", "r"],
    ],
)
def test_what_is_no_decision_as_we_write_it_is_not_taken(row):
    good = b'["decision","a",%d,"A","r"]' % START_NS
    line = orjson.dumps(row)
    assert items_text([good]) is not None
    try:
        decode(line)
    except FormatError:
        assert items_text([good, line]) is None
    else:
        assert items_text([good, line]) in (None, careful([good, line]))


@pytest.mark.parametrize(
    "line", [b"", b'["decision"', b'["decision","a",1,"A","r"],["decision","a",1,"A","r"]', b"\xff"]
)
def test_damage_is_not_taken(line):
    assert items_text([line]) is None
