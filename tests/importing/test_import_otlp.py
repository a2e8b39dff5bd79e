"""OTLP JSON lines become the runs that they name, in the order of time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from analysis.story import MS, START_NS, TRACE

from otel_replay.attributes import RUN_ID, RUN_NAME, SPAN_TYPE
from otel_replay.errors import FormatError, UsageError
from otel_replay.formats.assemble import assemble
from otel_replay.formats.fold import fold
from otel_replay.formats.otlp_json import log_lines, span_lines
from otel_replay.formats.spans import Log, Span
from otel_replay.importing.keep import Imported, import_file
from otel_replay.records import Decision, LogEntry, Loss, Resource
from otel_replay.storage.store import Store
from otel_replay.storage.verify import verify


@pytest.fixture
def own(tmp_path: Path) -> Store:
    """A store that is not there yet."""
    return Store(tmp_path / "own")


def span(number: int, *, trace: str = TRACE, parent: int = 0, length: int = 10, **more: object) -> Span:
    """A span that starts so many milliseconds after the start."""
    given = {
        "name": f"span {number}",
        "resource": Resource(id=0, attributes={"service.name": "tuner"}),
        **more,
    }
    return Span(
        trace_id=trace,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        start_ns=START_NS + number * MS,
        end_ns=START_NS + (number + length) * MS,
        **given,
    )


def decided(owner: int, after_ms: int, **more: object) -> Decision:
    """A decision in a span."""
    return Decision(
        time_ns=START_NS + after_ms * MS,
        span_id=f"{owner:016x}",
        action="CLAMPING",
        reason="over the limit",
        **more,
    )


def kept(store: Store, path: Path, spans: list[Span], logs: tuple[Log, ...] = ()) -> list[Imported]:
    """The runs of a file with these."""
    path.write_bytes(b"".join([*span_lines(spans), *log_lines(logs)]))
    return list(import_file(store, path))


def test_spans_come_out_as_they_went_in(own: Store, tmp_path: Path) -> None:
    """Children before their parent, as exporters write them; values, resource and scope included."""
    values = {"before": 12.4, "after": 10, "nested": {"list": [1, None, "x"]}, "bytes": b"\x00"}
    moment = decided(2, 3, values=values, cell={"rpm": 2000})
    child = span(2, parent=1, length=3, events=(moment,), attributes={RUN_ID: "bench-7"})
    root = span(1, length=20, attributes={SPAN_TYPE: "run", RUN_NAME: "tuning", RUN_ID: "bench-7"})
    (one,) = kept(own, tmp_path / "a.jsonl", [child, root])
    files = own.resolve("bench-7")
    assert one.counts == {"decisions": 1, "spans": 2, "events": 0, "logs": 0}
    assert (files.header.name, files.header.status, files.header.span_id) == ("tuning", "ok", root.span_id)
    back = {item.span_id: item for item in fold(assemble(files.records()))}
    for one_span in (child, root):
        found = back[one_span.span_id]
        assert (found.name, found.start_ns, found.end_ns, found.events) == (
            one_span.name,
            one_span.start_ns,
            one_span.end_ns,
            one_span.events,
        )
        assert found.resource.attributes == {"service.name": "tuner"}
    assert verify(files) == []


def test_records_stand_in_the_order_of_time(own: Store, tmp_path: Path) -> None:
    """Whatever the order of the lines: decisions of one span between those of another."""
    one = span(1, length=20, events=(decided(1, 5), decided(1, 15)))
    two = span(2, parent=1, length=10, events=(decided(2, 7), decided(2, 10)))
    (imported,) = kept(own, tmp_path / "a.jsonl", [two, one])
    times = [
        item.record.time_ns
        for item in own.resolve(imported.run_id).records()
        if item.record.kind in {"start", "decision", "end"}
    ]
    assert times == sorted(times)
    assert len(times) == 8


def test_each_run_of_a_file_is_one_of_the_store(own: Store, tmp_path: Path) -> None:
    """Told by our run id, by the conversation, else by the trace."""
    spans = [
        span(1, attributes={RUN_ID: "bench-7"}),
        span(2, trace="b" * 32, attributes={"gen_ai.conversation.id": "thread-1"}),
        span(3, trace="c" * 32, attributes={"gen_ai.conversation.id": "thread-1"}),
        span(4, trace="d" * 32),
    ]
    runs = kept(own, tmp_path / "a.jsonl", spans)
    assert [run.counts["spans"] for run in runs] == [1, 2, 1]
    assert runs[0].run_id == "bench-7"
    assert [run.new for run in import_file(own, tmp_path / "a.jsonl")] == [False] * 3
    with pytest.raises(UsageError, match="holds 3 runs"):
        list(import_file(own, tmp_path / "a.jsonl", run_id="x"))


def test_runs_whose_ids_can_be_none_are_all_kept(own: Store, tmp_path: Path) -> None:
    """Such as those that are called after paths, of which several began in the same second."""
    spans = [span(1, attributes={RUN_ID: "a/b"}), span(2, trace="b" * 32, attributes={RUN_ID: "a/c"})]
    runs = kept(own, tmp_path / "a.jsonl", spans)
    assert [run.new for run in runs] == [True, True]
    assert {own.resolve(run.run_id).header.name for run in runs} == {"span 1", "span 2"}
    again = list(import_file(own, tmp_path / "a.jsonl"))
    assert [(run.run_id, run.new) for run in again] == [(run.run_id, False) for run in runs]


def test_a_span_that_ends_before_it_starts_has_ended(own: Store, tmp_path: Path) -> None:
    """A clock was put back in it: that is no failure. One without an end has none."""
    spans = [span(1, length=20), span(2, parent=1, length=-5), replace(span(3, parent=1), end_ns=0)]
    (run,) = kept(own, tmp_path / "a.jsonl", spans)
    back = {item.name: item.status for item in fold(assemble(own.resolve(run.run_id).records()))}
    assert back == {"span 1": "unset", "span 2": "unset", "span 3": "error"}


def test_log_records_go_along(own: Store, tmp_path: Path) -> None:
    """In a journal of their own: their resources have numbers of their own."""
    entry = LogEntry(time_ns=START_NS + 5 * MS, trace_id=TRACE, body="hello")
    log = Log(entry=entry, resource=Resource(id=0, attributes={"service.name": "other"}))
    (run,) = kept(own, tmp_path / "a.jsonl", [span(1)], (log,))
    assert run.counts["logs"] == 1
    assert len(own.resolve(run.run_id).journals()) == 2


def test_a_document_over_many_lines_is_taken_as_well(own: Store, tmp_path: Path) -> None:
    """As Jaeger's query API answers, and as an editor lays it out."""
    path = tmp_path / "trace.json"
    (line,) = span_lines([span(1)])
    path.write_text(json.dumps({"result": json.loads(line)}, indent=2))
    (run,) = import_file(own, path)
    assert (run.counts["spans"], run.damage) == (1, ())


def test_a_damaged_line_costs_that_line_and_is_told(own: Store, tmp_path: Path) -> None:
    """By the import, and by the run for ever: what was lost is written down in it."""
    path = tmp_path / "a.jsonl"
    (line,) = span_lines([span(1)])
    path.write_bytes(line + b'{"resourceSpans": [{"torn\n')
    (run,) = import_file(own, path)
    assert "line 2" in run.damage[0]
    files = own.resolve(run.run_id)
    losses = [item.record for item in files.records() if isinstance(item.record, Loss)]
    assert [loss.records for loss in losses] == [1]
    assert files.header.lost == 1


def test_a_resource_or_scope_that_cannot_be_read_costs_what_is_in_it(own: Store, tmp_path: Path) -> None:
    """Not what stands behind it in the same line or document."""
    one, two, three = (json.loads(b"".join(span_lines([span(number)]))) for number in (1, 2, 3))
    resources = [body["resourceSpans"][0] for body in (one, two, three)]
    resources[0]["scopeSpans"].insert(0, {"scope": {"name": 5}, "spans": []})
    resources[1]["resource"] = {"attributes": 5}
    entry = Log(entry=LogEntry(time_ns=START_NS, trace_id=TRACE, body="said"))
    logs = json.loads(b"".join(log_lines([entry])))
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"resourceSpans": [None, *resources], **logs}))
    (run,) = import_file(own, path)
    assert (run.counts["spans"], run.counts["logs"]) == (2, 1)
    assert [reason.split(": ")[1] for reason in run.damage] == [
        "`resourceSpans` is not an object",
        "`name` is not text",
        "`attributes` is not a list",
    ]


def test_a_file_in_which_nothing_can_be_read_is_refused(own: Store, tmp_path: Path) -> None:
    """With the first reason."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"resourceSpans": [{"torn\n')
    with pytest.raises(FormatError, match="no span and no log record that can be read: line 1"):
        list(import_file(own, path))


def test_the_file_is_only_read(own: Store, tmp_path: Path) -> None:
    """An import changes nothing of what it reads."""
    path = tmp_path / "a.jsonl"
    kept(own, path, [span(1)])
    before = path.read_bytes()
    list(import_file(own, path))
    assert path.read_bytes() == before


def test_a_run_id_that_is_no_text_is_no_run_id(own: Store, tmp_path: Path) -> None:
    given = span(1, attributes={RUN_ID: ["a", "b"]})
    (found,) = kept(own, tmp_path / "traces.jsonl", [given, span(2, parent=1)])
    assert found.new
    assert own.resolve(found.run_id).header.name == "span 1"
