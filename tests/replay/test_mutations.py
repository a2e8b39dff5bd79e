"""Requests are equal when they say the same, and one changed byte of one of them is found, every time."""

from __future__ import annotations

import math
import random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import otel_replay
from otel_replay.attributes import GEN_AI_INPUT_MESSAGES, GEN_AI_REQUEST_MODEL
from otel_replay.replay.player import Player, new_requests
from otel_replay.replay.recorded import read_recording

MUTATIONS = 1_000
A_FEW = 60


@otel_replay.tool("tool")
def tool(**arguments: Any) -> str:
    """A tool that takes anything."""
    return "done"


def conversation(calls: int) -> list[dict[str, Any]]:
    """The requests of a conversation that grows, with all kinds of content."""
    requests = []
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You tune engines; weigh 0.5 and 1e-3."}]
    for number in range(calls):
        messages += [
            {"role": "user", "parts": [{"type": "text", "content": f"Cell {number}: ist das zu fett? 🔧"}]},
            {
                "role": "tool",
                "result": {"rpm": 1500 + number, "afr": 12.5 + number / 7, "ok": number % 2 == 0},
            },
        ]
        requests.append(
            {
                "model": "gpt-x",
                "input_messages": orjson.loads(orjson.dumps(messages)),
                "tool_definitions": [{"name": "read", "schema": {"required": ["rpm"], "n": None}}],
                "temperature": 0.1 * number,
            }
        )
    return requests


def ask(request: dict[str, Any]) -> None:
    """Makes the call of a request, where no replay answers it."""
    given = dict(request)
    with otel_replay.generation(given.pop("model"), **given) as generation:
        if generation.recorded() is None:
            generation.output("answer")


def mutated(data: bytes, chance: random.Random) -> dict[str, Any]:
    """The request with one byte of its JSON text changed, so that it is still one and says something else."""
    before = orjson.loads(data)
    while True:
        place = chance.randrange(len(data))
        changed = data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
        try:
            request = orjson.loads(changed)
        except orjson.JSONDecodeError:
            continue
        if (
            set(request) == set(before)
            and repr(request) != repr(before)
            and isinstance(request["model"], str)
        ):
            return request


@pytest.mark.parametrize(
    "seeds", [range(A_FEW), pytest.param(range(A_FEW, MUTATIONS), marks=pytest.mark.slow)]
)
def test_a_changed_byte_in_any_one_request_is_found_every_time(store, seeds):
    requests = conversation(12)
    with otel_replay.start_run("loop", run_id="loop"):
        for request in requests:
            ask(request)
    canonical = new_requests()
    recording = read_recording(store.run("loop").files, canonical)
    missed = []
    for seed in seeds:
        chance = random.Random(seed)
        changed = list(requests)
        one = chance.randrange(len(requests))
        changed[one] = mutated(orjson.dumps(requests[one]), chance)
        player = Player(recording, canonical)
        try:
            with player:
                for request in changed:
                    ask(request)
        except otel_replay.ReplayDivergence as divergence:
            first = divergence.first
            if first is not None and first.step == one + 1 and first.nearest.step == one + 1:
                continue
        missed.append((seed, one, changed[one]))
    assert missed == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(requests=st.lists(VALUES, min_size=1, max_size=30))
def test_whatever_is_asked_is_found_again_in_its_recording(tmp_path_factory, requests):
    store = tmp_path_factory.mktemp("store")
    with otel_replay.start_run("any", run_id="any", store=store):
        for value in requests:
            tool(value=value)
            ask({"model": "m", "input_messages": [{"role": "user", "content": value}]})
    with otel_replay.replay_run("any", store=store) as replay:
        for value in requests:
            tool(value=value)
            ask({"model": "m", "input_messages": [{"role": "user", "content": value}]})
    assert replay.report.ok


def key(messages: Any, **more: Any) -> bytes:
    """The key of a request that is made now."""
    request = new_requests().live({GEN_AI_REQUEST_MODEL: "m", GEN_AI_INPUT_MESSAGES: messages, **more})
    assert request is not None
    return request.key


def test_the_order_of_keys_and_the_kind_of_list_do_not_count():
    assert key([{"a": 1, "b": 2}]) == key([{"b": 2, "a": 1}])
    assert key([{"a": (1, 2)}]) == key([{"a": [1, 2]}])
    assert key(({"a": 1},)) == key([{"a": 1}])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (1, "1"),
        (0.0, -0.0),
        (None, math.nan),
        (math.nan, math.inf),
        ("a", b"a"),
        ([], {}),
        ([1, 2], [2, 1]),
        ({"a": None}, {}),
        (2**63, float(2**63)),
        ("é", "e\u0301"),
    ],
)
def test_what_is_not_the_same_has_another_key(one, other):
    for wrapped in (lambda value: [{"content": value}], lambda value: {"text": value}, lambda value: value):
        assert key(wrapped(one)) != key(wrapped(other))


def test_secrets_are_taken_out_of_what_is_asked_now_as_they_were_of_what_was_recorded(store):
    secret = {"headers": {"Authorization": "Bearer abcdefghijklmnop"}, "url": "https://me:hunter2@x.org/"}
    with otel_replay.start_run("secrets", run_id="secrets"):
        tool(**secret)
        ask({"model": "m", "input_messages": [{"role": "user", "content": "my key is sk-" + "a1" * 20}]})
    with otel_replay.replay_run("secrets") as replay:
        tool(**secret)
        # Another developer's key is as good.
        ask({"model": "m", "input_messages": [{"role": "user", "content": "my key is sk-" + "b2" * 20}]})
    assert replay.report.ok


def test_redaction_by_other_settings_is_the_cause_that_is_told(store, monkeypatch):
    with otel_replay.start_run("secrets", run_id="secrets"):
        tool(password="hunter2hunter2")
    monkeypatch.setenv("OTEL_REPLAY_REDACT", "false")
    with pytest.raises(otel_replay.ReplayDivergence) as caught, otel_replay.replay_run("secrets"):
        tool(password="hunter2hunter2")
    assert caught.value.first.cause.name == "redaction"
