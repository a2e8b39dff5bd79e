"""Whether a file is Protobuf or JSON is said by how it begins, not by what was recorded in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.kinds_of_files import framed

from otel_replay.formats.otlp_protobuf import traces_request
from otel_replay.formats.spans import Span
from otel_replay.importing.reading import open_source, read_runs

TEXTS = (
    '{"resourceSpans": []}',
    '{"format": "otel-replay.journal"}',
    '{"schema_version": "1.0", "decisions": []}',
    '{"data": [{"traceID": "1", "spans": []}]}',
)


def request(text: str, trace: str = "a") -> bytes:
    """A request with one span, in which such a text was recorded."""
    span = Span(
        trace_id=trace * 32, span_id="b" * 16, name="chat", start_ns=1, end_ns=2, attributes={"asked": text}
    )
    return traces_request([span])


def names(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """The runs of a file, and what of it could not be read."""
    with open_source(path) as (source, importer):
        return [(run.name, run.damage) for run in read_runs(source, importer)]


@pytest.mark.parametrize("text", TEXTS)
def test_text_that_was_recorded_does_not_say_what_a_file_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "one").write_bytes(request(text))
    assert names(tmp_path / "one") == [("chat", ())]
    (tmp_path / "archive").write_bytes(framed(request(text), request("", "c")))
    assert names(tmp_path / "archive") == [("chat", ()), ("chat", ())]


def test_protobuf_whose_length_is_a_brace_is_no_json(tmp_path: Path) -> None:
    """What is of a resource begins with a line feed and its length; 123 is `{`."""
    message = next(one for one in (request("x" * count) for count in range(200)) if one.startswith(b"\n{"))
    for place, content in (("one", message), ("archive", framed(message))):
        (tmp_path / place).write_bytes(content)
        assert names(tmp_path / place) == [("chat", ())]


def test_json_that_begins_with_an_empty_line_is_no_protobuf(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(
        '\n{\n  "data": [{"traceID": "1", "processes": {"p1": {"serviceName": "tuner"}}, "spans": [\n'
        '  {"traceID": "1", "spanID": "1", "operationName": "chat", "startTime": 1, "duration": 1,'
        ' "processID": "p1"}'
        "]}]}"
    )
    assert names(tmp_path / "one") == [("chat", ())]
