"""No byte of the store holds a secret, wherever the program put it; and what was taken out is counted."""

import contextlib
import logging
import urllib.parse

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_replay

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")

SECRET = "sk-proj-" + "Zq8vW3xY7mN2kL5p" * 2
SHAPES = {
    "in text": "the key is " + SECRET + ", keep it",
    "under a name": {"api_key": SECRET},
    "under a name that another value has": {"name": "OPENAI_API_KEY", "value": SECRET},
    "a header": {"headers": [["Authorization", "Bearer " + SECRET]]},
    "headers as a map": {"headers": {"x-api-key": SECRET, "accept": "*/*"}},
    "a url": "https://user:" + SECRET + "@host/path",
    "a query": "https://host/path?a=1&access_token=" + SECRET,
    "a command line": ["tool", "--api-key", SECRET],
    "deep": {"a": [{"b": [{"password": SECRET}]}]},
    "bytes": SECRET.encode(),
    "a key": {SECRET: 1},
    "an exception": ValueError("no access with " + SECRET),
    "large": "x" * 70_000 + " " + SECRET,
    "large bytes": b"x" * 70_000 + b" " + SECRET.encode(),
    "large under a name": {"password": "y" * 40_000 + SECRET + "z" * 40_000},
    "an environment": {"env": ["OPENAI_API_KEY=" + SECRET]},
    "json in text": '{"api_key": "' + SECRET + '"}',
    "json in json": '{"body": "{\\"api_key\\": \\"' + SECRET + '\\"}"}',
}


def use(value, text):
    """Put `value` wherever a value can go, and `text` wherever a text can go."""

    @otel_replay.tool
    def tool(argument):
        return argument

    @otel_replay.task
    def fails():
        key = text  # a local of the traceback's frame
        raise ValueError(key)

    tracer = trace.get_tracer("library", attributes={"value": str(text)})
    with otel_replay.start_run(f"run {text}", attributes={"value": value}) as run:
        otel_replay.decision("INNOCENT", "nothing to see", {"value": "abc"}, {"rpm": 500})
        otel_replay.decision("VALUES", "", {"value": value})
        otel_replay.decision("CELL", "", cell={"value": value})
        otel_replay.decision("WHOLE", "", value, value)
        otel_replay.decision("REASON", text)
        otel_replay.decision(text, "ACTION")
        run.decision("TWICE", text, {"value": value}, {"value": value})
        with run.task(f"task {text}", value=value) as task:
            task.set("late", value)
            task.fail(text)
        with run.agent(text, value=value), run.tool_call("t", {"value": value}) as call:
            call.result(value)
        with run.generation(
            "m", input_messages=[{"role": "user", "content": value}], extra=value
        ) as generation:
            generation.output([{"parts": [{"content": value}]}], response_id=text)
        tool(value)
        with contextlib.suppress(ValueError):
            fails()
        run.checkpoint(text, {"value": value})
        run.artifact(text, b"bytes")
        run.artifact("missing", f"/nowhere/{urllib.parse.quote(text[:80], safe='')}")
        run.file_read(f"/nowhere/{text[:80]}")
        run.heartbeat(value=value, text=text)
        with tracer.start_as_current_span(f"theirs {text}", attributes={"text": text}) as span:
            span.add_event(text, {"text": text})
            span.set_attribute("late", text)
            span.add_link(trace.SpanContext(1, 2, True), {"text": text})
            span.record_exception(ValueError(text))
            span.update_name(f"renamed {text}")
            span.set_status(trace.StatusCode.ERROR, text)
        run._writer.note_loss(f"something about {text}")
    return run


@pytest.fixture
def provider():
    """The program's provider, whose resource has a secret of its own."""
    arguments = ("tool", "--api-key", SECRET)
    made = TracerProvider(
        resource=Resource({"service.name": "shop", "process.command_args": arguments}), shutdown_on_exit=False
    )
    trace.set_tracer_provider(made)
    return made


@pytest.mark.parametrize("redacting", [True, False])
@pytest.mark.parametrize("name", SHAPES)
def test_a_secret_reaches_no_byte_of_the_store_and_is_counted(
    store, provider, name, redacting, monkeypatch, caplog
):
    """Without redaction it does, many times: the test would see it."""
    if not redacting:
        monkeypatch.setenv("OTEL_REPLAY_REDACT", "false")
    value = SHAPES[name]
    text = value if isinstance(value, str) else "key " + SECRET
    run = use(value, text)
    found = store.bytes().count(SECRET.encode())
    recorded = store.run(run.run_id)
    assert recorded.bad_lines == []
    assert len(recorded.decisions) == 7
    if redacting:
        assert found == 0
        assert recorded.files.header.notes["redacted"] >= 20
        assert recorded.decisions[0].values == {"value": "abc"}
        assert SECRET not in caplog.text
    else:
        assert found >= 10


@pytest.mark.parametrize("name", ["in text", "under a name", "large", "bytes"])
def test_what_our_own_calls_hand_to_other_exporters_holds_no_secret_either(store, name):
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    value = SHAPES[name]
    text = value if isinstance(value, str) else "key " + SECRET
    use(value, text)
    ours = [s for s in exporter.get_finished_spans() if s.instrumentation_scope.name == "otel_replay"]
    assert len(ours) >= 7
    for span in ours:
        assert SECRET not in span.name
        assert SECRET not in repr(dict(span.attributes))
        assert SECRET not in repr(span.status.description)
        for event in span.events:
            assert SECRET not in event.name + repr(dict(event.attributes))


@pytest.mark.parametrize("redacting", [True, False])
def test_neither_trace_state_nor_a_schema_url_brings_a_secret_into_the_store(store, redacting, monkeypatch):
    """Both come from outside the program: from a caller's headers, and from who made the instrumentation."""
    if not redacting:
        monkeypatch.setenv("OTEL_REPLAY_REDACT", "false")
    url = f"https://user:{SECRET}@host/schema"
    provider = TracerProvider(
        resource=Resource({"service.name": "s"}, schema_url=url), shutdown_on_exit=False
    )
    trace.set_tracer_provider(provider)
    state = trace.TraceState([("vendor", SECRET), ("other", "7")])
    caller = trace.SpanContext(1, 2, True, trace.TraceFlags(1), state)
    with otel_replay.start_run("r"):
        around = trace.set_span_in_context(trace.NonRecordingSpan(caller))
        tracer = provider.get_tracer("library", schema_url=url)
        with tracer.start_as_current_span("called", context=around, links=[trace.Link(caller)]):
            otel_replay.decision("A", "")
    recorded = store.run()
    assert recorded.bad_lines == []
    called = recorded.span("called")
    assert "other=7" in called.trace_state
    assert "other=7" in called.links[0].trace_state
    assert store.bytes().count(SECRET.encode()) == (0 if redacting else 4)
    assert recorded.files.header.notes.get("redacted", 0) == (4 if redacting else 0)


def test_log_records_hold_no_secret(store):
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

    from otel_replay.otel.log_exporter import ReplayLogExporter

    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(ReplayLogExporter()))
    logger = provider.get_logger("library")
    text = SHAPES["in text"]
    with otel_replay.start_run("r"):
        for body in (text, {"api_key": SECRET}, ["--token", SECRET]):
            logger.emit(
                body=body,
                attributes={"password": SECRET, "text": text},
                severity_number=SeverityNumber.INFO,
                severity_text=text,
                event_name=text,
            )
    recorded = store.run()
    assert recorded.files.header.counts["logs"] == 3
    assert SECRET.encode() not in store.bytes()


def test_the_names_of_files_hold_no_secret(store):
    with otel_replay.start_run(SECRET, run_id="r"):
        otel_replay.artifact(SECRET, SECRET.encode())
    names = "\n".join(str(path) for path in store.root.rglob("*"))
    assert SECRET not in names


def test_what_the_log_says_of_a_failure_holds_no_secret(store, caplog):
    class Loud:
        def __fspath__(self):
            raise ValueError("no access with " + SECRET)

    with caplog.at_level(logging.DEBUG), otel_replay.start_run("r") as run:
        run.file_read(Loud())
        run.artifact("a", Loud())
    assert store.run().lost == 2
    assert SECRET.encode() not in store.bytes()
