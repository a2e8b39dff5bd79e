"""The short way of a line that looks like one before lets no secret and no inexact value through."""

from __future__ import annotations

import base64
import enum
import math
import string
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otel_replay
from otel_replay.formats import session_replay
from otel_replay.redaction import SKELETON_DROPS, Redactor
from otel_replay.storage import screen as screen_module
from otel_replay.storage.screen import Screen
from otel_replay.values import Notes

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")

ALNUM = string.ascii_letters + string.digits
CORE = st.text(ALNUM, min_size=36, max_size=44).map(lambda text: f"Q7{text}z9K")
"""The part of a secret that must not be found anywhere; no word and no number of ours looks like it."""

BY_SHAPE: dict[str, str] = {
    "openai": "sk-{}",
    "github": "ghp_{}",
    "stripe": "sk_live_{}",
    "hugging face": "hf_{}",
    "nvidia": "nvapi-{}",
    "google": "AIza{}",
    "sendgrid": "SG.{}.abcdefghijklmnopqrstuv",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmVk",
    "bearer": "Authorization: Bearer {}",
    "url user": "postgres://tuner:{}@db.local:5432/dyno",
    "url query": "https://h/upload?key={}&n=1",
    "named in text": "connecting with password={} now",
    "flag": "tool --api-key {} --fast",
    "private key": "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
    "json in text": '{{"client_secret": "{}"}}',
}
"""Texts that are secret wherever they stand."""

POSITIONS: dict[str, Any] = {
    "action": lambda text: otel_replay.decision(text, "r"),
    "reason": lambda text: otel_replay.decision("A", text, {"n": 1}),
    "value": lambda text: otel_replay.decision("A", "r", {"text": text, "n": 1.5}),
    "nested value": lambda text: otel_replay.decision("A", "r", {"a": [{"b": [0.5, text]}]}, {"rpm": 2000}),
    "key": lambda text: otel_replay.decision("A", "r", {text: 1}),
    "cell": lambda text: otel_replay.decision("A", "r", {"n": 1}, {"rpm": text}),
    "key in cell": lambda text: otel_replay.decision("A", "r", None, {text: 2000}),
    "values that are no map": lambda text: otel_replay.decision("A", "r", [1, text]),
    "bytes": lambda text: otel_replay.decision("A", "r", {"data": text.encode()}),
    "heartbeat": lambda text: otel_replay.heartbeat(text=text),
    "checkpoint": lambda text: otel_replay.checkpoint("state", {"text": text}),
    "name of a checkpoint": lambda text: otel_replay.checkpoint(text, {}),
    "name of a task": lambda text: otel_replay.task(text).__enter__().__exit__(None, None, None),
    "attribute": lambda text: otel_replay.task("t", text=text).__enter__().__exit__(None, None, None),
}


def without_digits(text: str) -> str:
    """Another text with the same skeleton."""
    return text.encode().translate(None, SKELETON_DROPS).decode()


def is_anywhere(store: Any, core: str) -> bool:
    """Whether the text stands in any file, as it is or in base64 at any place of a group of three."""
    content = store.bytes()
    forms = [core.encode()]
    for shift in range(3):
        # Without the letters at both ends, which depend on what stands around them.
        forms.append(base64.b64encode(b"x" * shift + core.encode())[4:-4])
    return any(form in content for form in forms)


@pytest.mark.parametrize("position", POSITIONS)
def test_an_innocent_line_of_the_same_shape_opens_no_way_for_a_secret(store, position):
    put = POSITIONS[position]

    with otel_replay.start_run("r"):

        @settings(deadline=None, max_examples=25)
        @given(
            kind=st.sampled_from(sorted(BY_SHAPE)),
            core=CORE,
            before=st.sampled_from(["", "see ", "é:", "\n"]),
        )
        def check(kind: str, core: str, before: str) -> None:
            text = before + BY_SHAPE[kind].format(core)
            # What has the same skeleton, what differs in letters only, and what is a placeholder comes first.
            put(without_digits(text))
            put(before + BY_SHAPE[kind].format("x"))
            put(before + BY_SHAPE[kind].format(""))
            put(text)
            put(text)
            assert not is_anywhere(store, core)

        check()
    assert store.run().files.header.notes["redacted"] >= 25
    assert store.run().bad_lines == []


NAMES = ["password", "api_key", "Authorization", "client_secret", "access_token", "X-Api-Key", "DB_PASSWORD"]


@pytest.mark.parametrize("where", ["values", "cell", "nested", "attributes"])
def test_what_stands_under_a_secret_name_is_taken_out_whatever_stood_there_before(store, where):
    def put(name: str, value: Any) -> None:
        if where == "values":
            otel_replay.decision("A", "r", {"n": 1, name: value})
        elif where == "cell":
            otel_replay.decision("A", "r", {"n": 1}, {name: value})
        elif where == "nested":
            otel_replay.decision("A", "r", {"config": [{"headers": {name: value}}]})
        else:
            otel_replay.heartbeat(**{name: value})

    with otel_replay.start_run("r"):

        @settings(deadline=None, max_examples=30)
        @given(name=st.sampled_from(NAMES), core=CORE, digits=st.integers(10**14, 10**15))
        def check(name: str, core: str, digits: int) -> None:
            for innocent in ("", None, True, without_digits(core)[:3], {"type": "string"}):
                put(name, innocent)
            put(name, core)
            put(name, core)
            put(name, [core])
            put(name, str(digits))
            assert not is_anywhere(store, core)
            assert not is_anywhere(store, str(digits))

        check()


def test_a_number_under_the_name_of_a_password_is_taken_out_and_other_numbers_stay(store):
    with otel_replay.start_run("r"):
        for number in (0, 1, 918273645546372819):
            otel_replay.decision("A", "r", {"password": number, "max_tokens": number})
    assert [made.values["password"] for made in store.run().decisions] == ["[redacted]"] * 3
    assert [made.values["max_tokens"] for made in store.run().decisions] == [0, 1, 918273645546372819]


def test_what_one_screen_knows_of_harmless_lines_is_no_news_to_one_that_knows_more_secrets(store):
    from otel_replay.settings import Settings

    for keys in ((), ("vin",), ()):
        with otel_replay.start_run("r", settings=Settings(store=store.root, redact_keys=keys)):
            otel_replay.decision("A", "r", {"vin": "WDB123", "n": 1})
    vins = [run.decisions[0].values["vin"] for run in store.runs()]
    assert sorted(vins) == ["WDB123", "WDB123", "[redacted]"]


NOT_IN_JSON = [math.nan, math.inf, -math.inf, None, 0.0, -0.0, 2**63 - 1, 2**70, b"\x00\xff", "null", "NaN"]


def same(found: Any, given_value: Any) -> bool:
    """Equal, with a sign of zero, and NaN equal to itself; what is too large for 64 bits is its text."""
    if isinstance(given_value, float):
        return type(found) is float and repr(found) == repr(given_value)
    expected = str(given_value) if type(given_value) is int and given_value >= 2**63 else given_value
    return type(found) is type(expected) and found == expected


@settings(deadline=None, max_examples=40)
@given(order=st.lists(st.sampled_from(NOT_IN_JSON), min_size=2, max_size=12))
def test_whatever_came_before_under_the_same_key_a_value_is_kept_as_it_is(tmp_path_factory, order):
    from otel_replay.settings import Settings
    from otel_replay.storage.run_files import RunFiles

    root = tmp_path_factory.mktemp("store")
    with otel_replay.start_run("r", settings=Settings(store=root, projections=False)) as run:
        for value in order:
            otel_replay.decision("A", "r", {"v": value, "in": [value]}, {"c": value})
    found = [item.record for item in RunFiles(root / "runs" / run.run_id).records()]
    decisions = [record for record in found if record.kind == "decision"]
    assert len(decisions) == len(order)
    for made, value in zip(decisions, order, strict=True):
        assert same(made.values["v"], value)
        assert same(made.values["in"][0], value)
        assert same(made.cell["c"], value)


@pytest.mark.parametrize(
    "value",
    [
        {"$bytes": "AAA="},
        {"$float": "NaN"},
        {"$double": "NaN"},
        {"$map": {"$bytes": "x"}},
        {"$": 1},
        {"$bytes": "AAA=", "more": 1},
        [{"$float": "Infinity"}],
        {"": {"$bytes": 5}},
    ],
    ids=repr,
)
def test_a_map_that_looks_like_one_of_our_escapes_comes_back_as_it_was(store, value):
    with otel_replay.start_run("r"):
        for _ in range(2):
            otel_replay.decision("A", "r", {"v": value}, {"c": value})
            otel_replay.heartbeat(v=value)
    recorded = store.run()
    assert [(made.values, made.cell) for made in recorded.decisions] == [({"v": value}, {"c": value})] * 2
    assert [event.attributes["v"] for event in recorded.events] == [value] * 2


def test_large_values_stand_in_blobs_and_small_ones_of_the_same_shape_in_the_line(store):
    text, data = "x" * 100_000, bytes(range(256)) * 400
    array = np.arange(5000, dtype="int16")
    with otel_replay.start_run("r"):
        otel_replay.decision("A", "small", {"v": "x"})
        for value in (text, data, array):
            otel_replay.decision("A", "large", {"v": value})
        otel_replay.decision("A", "in a cell", None, {"v": text})
        otel_replay.decision("A", text)
    recorded = store.run()
    blobs = recorded.files.blobs
    large = [made.values["v"] for made in recorded.decisions if made.reason == "large"]
    assert blobs.read(large[0]["otel_replay.blob"]) == text.encode()
    assert blobs.read(large[1]["otel_replay.blob"]) == data
    assert large[2]["shape"] == [5000]
    assert recorded.decisions[0].values == {"v": "x"}
    assert recorded.decisions[4].cell["v"]["otel_replay.blob"] == large[0]["otel_replay.blob"]
    [journal] = recorded.files.journals()
    # A reason is text, however long, and stays where it is.
    assert text in recorded.decisions[5].reason
    assert journal.stat().st_size < 2 * len(text)
    dumped = session_replay.read(recorded.files.read_file("session_replay.json"))
    assert dumped.decisions[1].values == {"v": text}


class Colour(enum.Enum):
    RED = "red"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (None, "None"),
        (5, "5"),
        (1.5, "1.5"),
        (True, "True"),
        (Colour.RED, "red"),
        (ValueError("too rich"), "ValueError: too rich"),
        (Unprintable(), "<unprintable Unprintable>"),
        ("\ud800", "\\ud800"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_action_that_is_no_text_becomes_text_also_after_one_that_was(store, action, expected):
    with otel_replay.start_run("r"):
        otel_replay.decision("None", "5", {"n": 1})
        otel_replay.decision(action, action, {"n": 1})
        otel_replay.decision(action, action)
    found = [(made.action, made.reason) for made in store.run().decisions]
    assert found == [("None", "5"), (expected, expected), (expected, expected)]


def test_the_known_shapes_are_bounded_and_what_is_forgotten_is_looked_at_again(monkeypatch):
    monkeypatch.setattr(screen_module, "_MOST_CACHED", 50)
    screen = Screen(Redactor())
    notes = Notes()
    for number in range(500):
        word = "abcdefghij"[number % 10] * (number // 10 + 1)
        line = screen.line({"action": word, "values": {"n": number}}, 0, notes, None)
        assert orjson.loads(line) == {"action": word, "values": {"n": number}}
        assert len(screen.known) <= 50
    assert notes == {}


def test_a_secret_line_is_never_among_the_known_shapes():
    screen = Screen(Redactor())
    notes = Notes()
    for _ in range(3):
        screen.line({"reason": "password=hunter2hunter2", "values": {"n": 1}}, 0, notes, None)
    assert screen.known == set()
    assert notes == {"redacted": 3}
