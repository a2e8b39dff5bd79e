"""session_replay 1.0: the text of json.dump(indent=2) to the byte, read whoever wrote it."""

import io
import json
import math
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.errors import FormatError
from otel_replay.formats import session_replay
from otel_replay.formats.json_text import indented
from otel_replay.formats.session_replay import read, write
from otel_replay.records import Decision

CORPUS = Path(__file__).parent.parent / "corpus" / "session_replay-1.0"
START_NS = 1_765_819_681_803_000_000


def written(decisions, run_id="run", generated_ns=START_NS, **given_more):
    stream = io.BytesIO()
    assert write(stream, run_id=run_id, generated_ns=generated_ns, decisions=decisions, **given_more) == len(
        list(decisions)
    )
    return stream.getvalue()


def decision(number=0, **fields):
    return Decision(
        **{"time_ns": START_NS + number * 1_000_000, "span_id": "a", "action": "A", "reason": "why", **fields}
    )


@pytest.mark.parametrize("name", ["seed.json", "empty.json"])
def test_a_file_that_was_read_is_written_again_byte_for_byte(name):
    data = (CORPUS / name).read_bytes()
    document = read(data)
    assert written(document.decisions, document.run_id, document.generated_ns) == data
    assert read(io.BytesIO(data)) == document


def test_the_seeds_file_is_read():
    document = read((CORPUS / "seed.json").read_bytes())
    assert (document.schema_version, document.run_id) == ("1.0", "2025-12-15T17-28-01Z-e46826")
    assert document.generated_ns == 1_765_819_681_830_000_000
    assert len(document.decisions) == 4
    first, start, gradient, last = document.decisions
    assert (first.time_ns, first.action) == (START_NS, "AFR_CORRECTION")
    assert first.values["afr_error_pct"] == 0.73
    assert first.cell == {"rpm": 2000, "kpa": 65, "cylinder": "f"}
    assert (start.cell, last.values) == (None, None)
    assert gradient.values["threshold"] == 1e-05
    assert last.reason == "Zylinder über λ=1 \U0001f527 \u2028"


def test_a_later_minor_version_keeps_what_is_not_known():
    document = read((CORPUS / "later-minor.json").read_bytes())
    assert (document.schema_version, document.rest) == ("1.3", {"tool": {"name": "later"}})
    assert document.decisions[0].extra == {"confidence": 0.9}


def test_not_a_number_is_read_as_python_writes_it_and_written_as_its_name():
    document = read((CORPUS / "not-a-number.json").read_bytes())
    values = document.decisions[0].values
    assert math.isnan(values["before"])
    assert values["after"] == math.inf
    (entry,) = json.loads(written(document.decisions))["decisions"]
    assert entry["values"] == {"before": "NaN", "after": "Infinity"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_has_saved_in_its_own_way_is_read(encoding):
    text = (CORPUS / "seed.json").read_text().replace("\n", "\r\n")
    assert read(text.encode(encoding)) == read((CORPUS / "seed.json").read_bytes())


def test_a_newer_version_is_refused_with_what_to_do():
    with pytest.raises(
        FormatError, match=r"schema_version '2.0' is not known; this otel-replay reads 1\.x"
    ) as caught:
        read((CORPUS / "newer.json").read_bytes())
    assert "pip install -U otel-replay" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schema_version": None}, "schema_version None is not known"),
        ({"schema_version": 1.0}, "schema_version 1.0 is not known"),
        ({"schema_version": "10.0"}, "schema_version '10.0' is not known"),
        ({"run_id": 7}, "`run_id` is not text"),
        ({"generated_at": "yesterday"}, "`generated_at` is not a time"),
        ({"total_decisions": 7}, "`total_decisions` says 7, but there are 4 decisions"),
        ({"decisions": {}}, "`decisions` is not a list"),
        ({"decisions": [7], "total_decisions": 1}, "decision 1 is not an object"),
        ({"decisions": [{}], "total_decisions": 1}, "`timestamp` of decision 1 is not text"),
        (
            {"decisions": [{"timestamp": "2025-12-15T17:28:01.803"}], "total_decisions": 1},
            "`timestamp` of decision 1 is not a time",
        ),
        (
            {"decisions": [{"timestamp": "2025-12-15T17:28:01.803Z", "action": 1}], "total_decisions": 1},
            "`action` of decision 1 is not text",
        ),
    ],
)
def test_what_is_wrong_is_said(change, problem):
    body = {**json.loads((CORPUS / "seed.json").read_bytes()), **change}
    with pytest.raises(FormatError) as caught:
        read(json.dumps(body).encode())
    assert problem in caught.value.message


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b"{}", b"\xff\xfe\xff", b"[" * 100_000])
def test_what_is_no_such_document_is_refused(data):
    with pytest.raises(FormatError, match="not a"):
        read(data)


text = st.text(max_size=10)  # lone surrogates too: files of other programs may hold them
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | text
    | st.sampled_from([1e-4, 9.9e-05, 1e16, 1e15, 5e-324, -1e-05, 123456789012345.6, 0.1 + 0.2, 1e22, 2**63])
)
values = st.recursive(
    scalars | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=4),
    max_leaves=8,
)
maps = st.dictionaries(text, scalars, max_size=4) | st.dictionaries(text, values, max_size=4)
decisions_given = st.lists(
    st.builds(
        Decision,
        time_ns=st.integers(0, 2**63),
        span_id=st.just(""),
        action=text,
        reason=text,
        values=st.none() | maps | values,
        cell=st.none() | maps | values,
    ),
    max_size=8,
)


def plain(value):
    """The stated rules: names for what is no number, base64 for bytes."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


@settings(deadline=None, max_examples=300)
@given(decisions_given)
def test_the_text_is_that_of_the_standard_library(decisions):
    data = written(decisions)
    document = json.loads(data)
    assert data == json.dumps(document, indent=2).encode()
    assert document["total_decisions"] == len(decisions)
    for entry, given_decision in zip(document["decisions"], decisions, strict=True):
        assert (entry["action"], entry["reason"]) == (given_decision.action, given_decision.reason)
        for name in ("values", "cell"):
            value = getattr(given_decision, name)
            assert (name in entry) is (value is not None)
            assert json.dumps(entry.get(name)) == json.dumps(plain(value))


@settings(deadline=None)
@given(values)
def test_any_value_is_indented_as_the_standard_library_does(value):
    assert indented(value, "\n") == json.dumps(plain(value), indent=2)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            decision, st.integers(0, 10**6), values=st.none() | st.dictionaries(text, scalars, max_size=3)
        ),
        max_size=6,
    )
)
def test_what_was_written_is_read_back(decisions):
    document = read(written(decisions, "a run", START_NS))
    assert (document.run_id, document.generated_ns) == ("a run", START_NS)
    assert [(d.time_ns, d.action, d.reason) for d in document.decisions] == [
        (d.time_ns, d.action, d.reason) for d in decisions
    ]


def test_times_are_utc_with_milliseconds_which_are_cut_and_not_rounded():
    data = written([decision(time_ns=START_NS + 999_999), decision(time_ns=START_NS + 10**9)])
    assert [entry["timestamp"] for entry in json.loads(data)["decisions"]] == [
        "2025-12-15T17:28:01.803Z",
        "2025-12-15T17:28:02.803Z",
    ]


def test_what_a_decision_does_not_have_is_left_out_and_what_readers_do_not_know_is_not_shown():
    data = written([decision(values={}, extra={"custom": 1}), decision(cell=[])])
    first, second = json.loads(data)["decisions"]
    assert list(first) == ["timestamp", "action", "reason", "values"]
    assert list(second) == ["timestamp", "action", "reason", "cell"]


def test_with_its_number_known_the_document_streams():
    decisions = [decision(number) for number in range(1000)]

    class Slow(io.BytesIO):
        taken = 0

    stream = Slow()

    def one_by_one():
        for item in decisions:
            if stream.tell() == 0:
                raise AssertionError("nothing was written before the first decision was taken")
            yield item

    write(stream, run_id="r", generated_ns=1, decisions=one_by_one(), total=1000)
    assert stream.getvalue() == written(decisions, "r", 1)
    with pytest.raises(FormatError, match="there are 1000 decisions, not 999"):
        write(io.BytesIO(), run_id="r", generated_ns=1, decisions=decisions, total=999)


@pytest.mark.parametrize("limit", [1, 1000, 100_000])
def test_what_is_too_much_for_memory_waits_in_a_file(tmp_path, monkeypatch, limit):
    decisions = [decision(number) for number in range(1000)]
    expected = written(decisions)
    monkeypatch.setattr(session_replay, "_SPOOL_BYTES", limit)
    assert written(decisions, spool_directory=tmp_path) == expected
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_document(tmp_path, monkeypatch):
    monkeypatch.setattr(session_replay, "_SPOOL_BYTES", 100_000)

    def peak(number):
        with open(tmp_path / "out", "wb") as stream:
            tracemalloc.start()
            write(stream, run_id="r", generated_ns=1, decisions=map(decision, range(number)))
            used = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return used

    assert peak(30_000) < peak(10_000) * 1.2


def test_references_to_blobs_are_resolved_wherever_they_stand():
    reference = {"otel_replay.blob": "0" * 64, "media_type": "text/plain"}
    decisions = [
        decision(values=reference, cell={"a": reference, "b": [reference, {"c": reference}]}),
        decision(values={"otel_replay.blob": "not one"}),
    ]
    data = written(decisions, resolve=lambda value: "long" if value is reference else value)
    first, second = json.loads(data)["decisions"]
    assert first["values"] == "long"
    assert first["cell"] == {"a": "long", "b": ["long", {"c": "long"}]}
    assert second["values"] == {"otel_replay.blob": "not one"}
    assert data == json.dumps(json.loads(data), indent=2).encode()
