"""Whose provider it is, and what the environment says about it: in a process of its own, for it is global."""

import json

import pytest
from fake_receiver import SERVERS, Received

from otel_replay.formats.fold import fold
from otel_replay.records import Decision, SpanStart

RUN = """
    import otel_replay
    from opentelemetry import trace

    with otel_replay.start_run("r") as run:
        with otel_replay.task("smooth"):
            otel_replay.decision("CLAMP", "too much", values={"before": 12.5}, cell={"rpm": 3500})
            with trace.get_tracer("library").start_as_current_span("foreign"):
                pass
    print(type(trace.get_tracer_provider()).__name__, len(run.lost))
"""
EVERYTHING = ["run r", "task smooth", "foreign"]


def names(recorded):
    return [start.name for start in recorded.of(SpanStart)]


def test_a_provider_of_the_program_keeps_its_processors_and_gets_ours_before_them(store, python):
    done = python(
        """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        import otel_replay

        class Mine(SpanProcessor):
            def on_start(self, span, parent_context=None):
                seen.append(span.attributes["otel_replay.run.id"])

        seen, exporter, mine = [], InMemorySpanExporter(), Mine()
        provider = TracerProvider()
        provider.add_span_processor(mine)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        theirs = provider._active_span_processor._span_processors
        trace.set_tracer_provider(provider)
        for _ in range(2):
            with otel_replay.start_run("r") as run, otel_replay.task("t"):
                pass
        first, *rest = provider._active_span_processor._span_processors
        assert tuple(rest) == theirs and type(first) is otel_replay.ReplaySpanProcessor
        assert trace.get_tracer_provider() is provider
        assert len(seen) == 4 and seen[-1] == run.run_id
        assert [span.name for span in exporter.get_finished_spans()] == ["task t", "run r"] * 2
        """
    )
    assert done.stderr == ""
    assert [names(run) for run in store.runs()] == [["run r", "task t"]] * 2


def test_without_a_provider_ours_becomes_the_global_one_and_is_named_after_the_program(store, python):
    done = python(RUN)
    assert (done.stdout, done.stderr) == ("TracerProvider 0\n", "")
    recorded = store.run()
    assert names(recorded) == EVERYTHING
    assert recorded.parents()["foreign"] == "task smooth"
    assert recorded.span("foreign").resource.attributes["service.name"] == "program"


def test_ours_takes_the_resource_of_the_environment(store, python):
    env = {
        "OTEL_SERVICE_NAME": "tuner",
        "OTEL_RESOURCE_ATTRIBUTES": "team=engines,service.name=other,x=%C3%A9",
    }
    python(RUN, env=env)
    attributes = store.run().span("run r").resource.attributes
    assert (attributes["service.name"], attributes["team"], attributes["x"]) == ("tuner", "engines", "é")
    assert attributes["telemetry.sdk.name"] == "opentelemetry"


def test_a_service_name_among_the_resource_attributes_counts_too(store, python):
    python(RUN, env={"OTEL_RESOURCE_ATTRIBUTES": "service.name=from-attributes"})
    assert store.run().span("run r").resource.attributes["service.name"] == "from-attributes"


@pytest.mark.parametrize("value", ["true", "TRUE"])
def test_with_opentelemetry_switched_off_the_program_runs_and_nothing_is_recorded(store, python, value):
    done = python(RUN, env={"OTEL_SDK_DISABLED": value, "OTEL_TRACES_EXPORTER": "console"})
    assert done.stdout == "ProxyTracerProvider 0\n"
    assert not store.root.exists()


def test_the_console_exporter_prints_what_is_recorded(store, python):
    done = python(RUN, env={"OTEL_TRACES_EXPORTER": "console"})
    printed, _, rest = done.stdout.partition("TracerProvider 0\n")
    spans = [json.loads(part) for part in _documents(printed + rest)]
    assert sorted(span["name"] for span in spans) == sorted(EVERYTHING)
    (smooth,) = [span for span in spans if span["name"] == "task smooth"]
    assert smooth["events"][0]["attributes"]["otel_replay.values.before"] == 12.5
    assert names(store.run()) == EVERYTHING


def _documents(text):
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        _, end = decoder.raw_decode(text, at)
        yield text[at:end]
        at = end + len(text[end:]) - len(text[end:].lstrip())


def test_an_exporter_that_nobody_knows_is_told_and_costs_nothing_else(store, python):
    done = python(RUN, env={"OTEL_TRACES_EXPORTER": "nonsense, console"})
    assert "TracerProvider 0\n" in done.stdout
    assert '"name": "task smooth"' in done.stdout
    assert done.stderr.count("`nonsense` cannot be used") == 1
    assert "Traceback" not in done.stderr
    assert names(store.run()) == EVERYTHING


@pytest.mark.parametrize("named", ["none", "otel_replay", " otel_replay , none "])
def test_no_other_exporter_is_made_where_none_is_asked_for(store, python, named):
    env = {"OTEL_TRACES_EXPORTER": named, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    done = python(RUN, env=env)
    assert done.stderr == ""
    assert names(store.run()) == EVERYTHING


MANY = """
    import otel_replay
    with otel_replay.start_run("r") as run, otel_replay.task("busy"):
        for number in range(300):
            otel_replay.decision("STEP", f"number {number}", values={"n": number, "list": [1, {"a": None}]})
"""


@pytest.mark.parametrize(
    ("protocol", "server"), [("grpc", "grpc"), ("http/protobuf", "http"), (None, "grpc")]
)
def test_an_otlp_server_gets_every_decision_as_a_span_event_with_its_time(store, python, protocol, server):
    received = Received()
    with SERVERS[server](received) as port:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        if protocol:
            env["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
        # The official exporter's own use of its dependencies is not ours to warn about.
        done = python(MANY, env=env, flags=())
    assert done.stderr == ""
    recorded = store.run()
    whole = {span.name: span for span in fold(received.spans)}
    assert set(whole) == {"run r", "task busy"}
    sent = [moment for moment in whole["task busy"].events if isinstance(moment, Decision)]
    assert len(sent) == 300
    assert [(d.time_ns, d.reason, d.values) for d in sent] == [
        (d.time_ns, d.reason, d.values) for d in recorded.decisions
    ]
    assert len(received.spans) == 4
    assert whole["task busy"].attributes["otel_replay.run.id"] == recorded.files.header.run_id


def test_an_otlp_server_that_is_not_there_costs_the_run_nothing(store, python):
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    python(MANY, env={**env, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, flags=())
    recorded = store.run()
    assert len(recorded.decisions) == 300
    assert recorded.files.status() == "finished"


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off", "traceidratio"])
def test_what_a_sampler_drops_is_recorded_all_the_same_and_not_exported(store, python, sampler):
    env = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0", "OTEL_TRACES_EXPORTER": "console"}
    done = python(RUN, env=env)
    assert done.stdout == "TracerProvider 0\n"
    recorded = store.run()
    # The sampler stays in force for everybody else's tracers.
    assert names(recorded) == ["run r", "task smooth"]
    assert [decision.action for decision in recorded.decisions] == ["CLAMP"]
    assert not recorded.span("task smooth").flags & 1


def test_a_sampler_that_the_program_has_set_stays_in_force_for_its_own_tracers(store, set_up):
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    import otel_replay

    program = set_up(sampler=ALWAYS_OFF)
    with otel_replay.start_run("r"), otel_replay.task("ours"):
        otel_replay.decision("A", "because")
        theirs = program.tracer.start_span("theirs")
        assert not theirs.is_recording()
        theirs.end()
    assert program.exported == []
    assert program.provider.sampler is ALWAYS_OFF
    assert names(store.run()) == ["run r", "task ours"]
    assert store.run().owners() == {"A": "task ours"}


def test_somebody_elses_implementation_of_the_api_stays_in_place(store, python):
    done = python(
        """
        from opentelemetry import trace
        import otel_replay
        trace.set_tracer_provider(trace.NoOpTracerProvider())
        with otel_replay.start_run("r"), otel_replay.task("t"):
            otel_replay.decision("A", "because")
        print(type(trace.get_tracer_provider()).__name__)
        """
    )
    assert (done.stdout, done.stderr) == ("NoOpTracerProvider\n", "")
    assert store.run().owners() == {"A": "task t"}


def test_what_lasts_as_long_as_the_process_is_exported_at_its_end(store, python):
    """The span of a child process, which nobody ends by hand, and what was decided in it."""
    child = "import otel_replay; otel_replay.decision('STEP', 'of the child')"
    done = python(
        f"""
        import subprocess, sys, otel_replay
        with otel_replay.start_run("r"):
            subprocess.run([sys.executable, "-c", {child!r}], check=True)
    """,
        env={"OTEL_TRACES_EXPORTER": "console"},
    )
    exported = {span["name"]: span for span in map(json.loads, _documents(done.stdout))}
    assert set(exported) == set(names(store.run())) == {"run r", "process -c"}
    assert [event["name"] for event in exported["process -c"]["events"]] == ["decision STEP"]
