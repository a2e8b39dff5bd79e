"""`run.json`: what a run is and how it ended, exact in both directions."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_replay.errors import FormatError, StoreError
from otel_replay.storage.run_header import RunHeader, read_header, write_header
from storage.storage_kit import run_header

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | text
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
maps = st.dictionaries(text | st.sampled_from(["$float", "$map"]), values, max_size=4)
counts = st.dictionaries(text, st.integers(0, 2**40), max_size=3)
headers = st.builds(
    RunHeader,
    run_id=text,
    name=text,
    started_ns=st.integers(0, 2**63 - 1),
    journal=text,
    trace_id=text,
    span_id=text,
    attributes=maps,
    process=maps,
    parent_run_id=text,
    writer=text,
    ended_ns=st.none() | st.integers(0, 2**63 - 1),
    status=st.sampled_from([None, "ok", "error"]),
    message=text,
    counts=counts.filter(lambda c: not any(key.startswith("$") for key in c)),
    lost=st.integers(0, 2**40),
    notes=counts.filter(lambda c: not any(key.startswith("$") for key in c)),
    recovered=st.booleans(),
)


@given(headers)
def test_what_was_written_is_read_back(tmp_path_factory, header):
    directory = tmp_path_factory.mktemp("run")
    write_header(directory, header, durable=False)
    assert read_header(directory) == header


def test_what_json_cannot_hold_survives(tmp_path):
    write_header(tmp_path, run_header(attributes={"limit": math.inf, "raw": b"\x00"}), durable=False)
    assert read_header(tmp_path).attributes == {"limit": math.inf, "raw": b"\x00"}


def test_a_person_can_read_it(tmp_path):
    write_header(tmp_path, run_header())
    content = (tmp_path / "run.json").read_text()
    assert content.startswith('{\n  "format": "otel-replay.run",\n  "version": 1,\n  "run_id": ')
    assert content.endswith("}\n")


def test_only_what_makes_a_run_is_needed_and_later_keys_are_passed_over(tmp_path):
    body = {
        "format": "otel-replay.run",
        "version": 1,
        "run_id": "a",
        "name": "b",
        "started_ns": 1,
        "colour": 2,
    }
    (tmp_path / "run.json").write_text(json.dumps(body))
    assert read_header(tmp_path) == RunHeader(run_id="a", name="b", started_ns=1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"run_id": None}, "`run_id` is None"),
        ({"started_ns": "1"}, "`started_ns` is '1'"),
        ({"started_ns": True}, "`started_ns` is True"),
        ({"status": "fine"}, "`status` is 'fine'"),
        ({"counts": {"decisions": "7"}}, "`counts` is"),
        ({"attributes": []}, "`attributes` is []"),
        ({"attributes": {"$float": "7"}}, "`attributes`:"),
        ({"recovered": 1}, "`recovered` is 1"),
        ({"name": "\x1b[2J" * 100, "lost": "\x1b[2J" * 100}, "`lost` is"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, problem):
    body = {"format": "otel-replay.run", "version": 1, "run_id": "a", "name": "b", "started_ns": 1, **change}
    (tmp_path / "run.json").write_text(json.dumps(body))
    with pytest.raises(FormatError) as caught:
        read_header(tmp_path)
    assert problem in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "is not a document of format otel-replay.run"),
        ('{"format":"other","version":1}', "is not a document of format otel-replay.run"),
        ('{"format":"otel-replay.run"}', "does not say its version"),
        ('{"format":"otel-replay.run","version":"1"}', "does not say its version"),
        ('{"format":"otel-replay.run","version":1}', "`run_id` is missing"),
        ('{"format":"otel-replay.run","version":2}', "version 2; this otel-replay reads up to version 1"),
    ],
)
def test_what_is_no_header_of_this_version_is_refused(tmp_path, content, problem):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(FormatError) as caught:
        read_header(tmp_path)
    assert problem in caught.value.message
    assert "run.json" in caught.value.message


def test_a_header_that_is_not_there_or_is_a_link_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="cannot read"):
        read_header(tmp_path)
    (tmp_path / "run.json").symlink_to("/etc/passwd")
    with pytest.raises(StoreError, match="cannot read") as caught:
        read_header(tmp_path)
    assert "link" in caught.value.hint
