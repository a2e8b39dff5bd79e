"""A run is the same items, whichever way it is named and whoever keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import otel_replay
from otel_replay.analysis.items import Items
from otel_replay.cli.main import main
from otel_replay.errors import FormatError, UsageError
from otel_replay.loading import load_items, load_runs


@pytest.fixture
def recorded(store) -> otel_replay.Run:
    """A small run, in the store of the test."""
    with otel_replay.start_run("small", run_id="small") as run, otel_replay.task("count"):
        otel_replay.decision("COUNTED", "there were three", values={"n": 3, "of": [1, 2]}, cell={"row": 1})
        with run.tool_call("search", arguments={"q": "x"}):
            pass
    return run


def content(items: Items) -> list[object]:
    """What the items say, without what differs from place to place."""
    return [
        (item.kind, item.name, item.start_ns, item.end_ns, item.status, item.path(), dict(item.attributes))
        for item in items
    ]


def test_a_run_is_named_by_its_id_by_latest_by_its_directory_or_by_itself(recorded) -> None:
    expected = content(load_items("small"))
    assert [row[0] for row in expected] == ["run", "task", "decision", "tool call"]
    for source in ("latest", "smal", Path(recorded.directory), recorded, load_items("small")):
        assert content(load_items(source)) == expected


def test_a_pack_and_a_file_of_otlp_hold_the_same_items(recorded, tmp_path: Path, capsys) -> None:
    expected = content(load_items("small"))
    for command in (
        ["pack", "small", "-o", str(tmp_path / "small.pack")],
        ["dump", "small", "--format", "otlp", "-o", str(tmp_path / "small.jsonl")],
    ):
        assert main(command) == 0
    for name in ("small.pack", "small.jsonl"):
        items = load_items(tmp_path / name)
        assert content(items) == expected
        assert (items.run_id, items.source) == ("small", name)


SPAN = {
    "traceID": "9bfe8376688e9116",
    "spanID": "1",
    "operationName": "run tuning",
    "references": [],
    "startTime": 1_700_000_000_000_000,
    "duration": 1500,
    "processID": "p1",
    "tags": [
        {"key": "otel.scope.name", "type": "string", "value": "otel_replay"},
        {"key": "otel.status_code", "type": "string", "value": "ERROR"},
        {"key": "error", "type": "bool", "value": True},
        {"key": "otel_replay.span.type", "type": "string", "value": "run"},
        {"key": "n", "type": "int64", "value": 3},
    ],
    "logs": [
        {
            "timestamp": 1_700_000_000_000_700,
            "fields": [
                {"key": "event", "type": "string", "value": "decision CLAMPING"},
                {"key": "otel_replay.action", "type": "string", "value": "CLAMPING"},
                {"key": "otel_replay.values.after", "type": "float64", "value": 7},
            ],
        }
    ],
}
CHILD = {
    **SPAN,
    "spanID": "2",
    "operationName": "inner",
    "tags": [],
    "logs": [],
    "references": [{"refType": "CHILD_OF", "traceID": "9bfe8376688e9116", "spanID": "1"}],
}


def jaeger(*spans: object) -> str:
    """A document as Jaeger's pages download it."""
    processes = {"p1": {"serviceName": "tuner", "tags": []}}
    return json.dumps({"data": [{"traceID": "x", "spans": list(spans), "processes": processes}]})


def test_what_jaegers_pages_download_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text(jaeger(SPAN, CHILD, {**CHILD, "spanID": "not hex"}))
    items = load_items(path)
    run, inner, decision = sorted(items, key=lambda item: item.kind != "run")
    assert (run.kind, run.status, run.duration_ns, run.scope) == ("run", "error", 1_500_000, "otel_replay")
    assert run.attributes == {"otel_replay.span.type": "run", "n": 3}
    assert inner.parent is run
    assert decision.attributes == {"action": "CLAMPING", "reason": "", "values": {"after": 7.0}}
    assert items.status == "failed"
    (damage,) = items.damage
    assert "span 3" in damage
    assert "not hex" in damage


def test_a_file_of_several_runs_gives_each_and_is_no_single_run(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    path.write_text(jaeger(SPAN, {**SPAN, "traceID": "2"}))
    assert [len(items) for items in load_runs(path)] == [2, 2]
    with pytest.raises(UsageError, match="holds 2 runs"):
        load_items(path)


@pytest.mark.parametrize("text", ['{"data": 3, "spans": 1}', '{"data": [{"spans": 3}]}', '{"data": ["spans"'])
def test_a_damaged_jaeger_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trace.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"trace\.json"):
        load_items(path)


def test_what_is_no_run_is_refused_with_what_could_be_named(store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file") as refused:
        load_items(tmp_path / "nothing.jsonl")
    assert "OTLP as JSON or Protobuf" in str(refused.value.hint)
    with pytest.raises(UsageError, match="is no run"):
        load_items(3)  # type: ignore[arg-type]  # the mistake
