"""`opentelemetry-instrument python app.py`: the real one, with our exporters named or not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_replay.records import LogEntry, SpanEnd, SpanStart
from otel_replay.storage.verify import verify

INSTRUMENT = (str(Path(sys.executable).with_name("opentelemetry-instrument")),)
# Traces only, and nobody's instrumentors: what is here beside us would be loaded in every child, for seconds.
QUIET = {
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",
}

APP = """
import os, signal, sys
import otel_replay
from opentelemetry import _logs, trace

tracer = trace.get_tracer("app")
with tracer.start_as_current_span("work") as span:
    span.add_event("halfway", {"n": 1})
    for number in range(200):
        otel_replay.decision("STEP", f"number {number}", values={"n": number})
    with otel_replay.task("smooth"):
        otel_replay.decision("CLAMP", "too much")
    _logs.get_logger("app.logs").emit(body="a line", event_name="app.event", attributes={"k": "v"})
    if "killed" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(sys.argv[-1]))
"""


@pytest.fixture
def instrumented(tmp_path):
    """Runs the app under `opentelemetry-instrument`, with these variables."""
    path = tmp_path / "app.py"
    path.write_text(APP)

    def run(*arguments, flags=(), program=None, **env):
        if program is not None:
            path.write_text(program)
        return subprocess.run(
            [*INSTRUMENT, *flags, sys.executable, str(path), *arguments],
            env={**os.environ, **QUIET, **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def check_app(recorded, *, ended=True):
    starts = [start.name for start in recorded.of(SpanStart)]
    assert sorted(starts) == ["task smooth", "work"]
    assert recorded.parents() == {"work": "-", "task smooth": "work"}
    assert [d.values["n"] for d in recorded.decisions if d.action == "STEP"] == list(range(200))
    assert recorded.owners() == {
        "STEP": "work",
        "CLAMP": "task smooth",
    }
    assert [event.name for event in recorded.events] == ["halfway"]
    assert len(recorded.of(SpanEnd)) == (2 if ended else 1)
    assert recorded.bad_lines == []


def test_traces_and_logs_are_recorded_once_beside_other_exporters_and_the_exit_code_passes(
    store, instrumented
):
    done = instrumented("7", OTEL_TRACES_EXPORTER="otel_replay,console", OTEL_LOGS_EXPORTER="otel_replay")
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.count('"name": "work"') == 1
    assert done.stdout.count('"name": "decision STEP"') == 200
    recorded = store.run()
    check_app(recorded)
    assert recorded.files.header.name == "app.py"
    assert recorded.files.status() == "finished"
    (entry,) = recorded.of(LogEntry)
    assert (entry.event_name, entry.body, dict(entry.attributes)) == ("app.event", "a line", {"k": "v"})
    assert entry.span_id == recorded.span("work").span_id
    session = json.loads((recorded.files.directory / "session_replay.json").read_text())
    assert len(session["decisions"]) == 201


def test_of_a_program_that_is_killed_everything_that_was_recorded_is_there(store, instrumented):
    done = instrumented("killed", "0", OTEL_TRACES_EXPORTER="otel_replay")
    assert done.returncode == -9
    recorded = store.run()
    check_app(recorded, ended=False)
    assert recorded.files.status() == "interrupted"


def test_the_settings_are_flags_of_opentelemetry_instrument(store, tmp_path, instrumented):
    other = tmp_path / "by flag"
    flags = ("--traces_exporter", "otel_replay", "--replay_store", str(other), "--replay_run_id", "flagged")
    done = instrumented("0", flags=flags)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (other / "runs").iterdir()] == ["flagged"]
    assert not store.root.exists()


def test_a_store_that_cannot_be_written_leaves_the_other_telemetry_alone(tmp_path, instrumented):
    (tmp_path / "taken").write_text("a file")
    done = instrumented(
        "0", OTEL_TRACES_EXPORTER="otel_replay,console", OTEL_REPLAY_STORE=str(tmp_path / "taken")
    )
    assert done.returncode == 0
    assert done.stdout.count('"name": "work"') == 1
    assert done.stderr.count("is not recorded") == 1
    assert "Failed to auto initialize" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("named", ["console", "none"])
def test_where_we_are_not_named_nothing_is_recorded_or_added(store, instrumented, named):
    program = """
from opentelemetry import trace
import otel_replay
with trace.get_tracer("app").start_as_current_span("work"):
    otel_replay.decision("A", "because")
provider = trace.get_tracer_provider()
print([type(each).__name__ for each in provider._active_span_processor._span_processors])
"""
    done = instrumented(OTEL_TRACES_EXPORTER=named, program=program)
    assert done.returncode == 0, done.stderr
    assert "ReplaySpanProcessor" not in done.stdout
    assert not store.root.exists()


def test_where_recording_is_switched_off_nothing_is_added_and_nothing_is_asked_again(store, instrumented):
    program = """
from opentelemetry import trace
from otel_replay.storage import active_runs
provider = trace.get_tracer_provider()
print([type(each).__name__ for each in provider._active_span_processor._span_processors], active_runs.opener)
"""
    done = instrumented(OTEL_TRACES_EXPORTER="otel_replay", OTEL_REPLAY_DISABLED="true", program=program)
    assert done.returncode == 0, done.stderr
    assert "ReplaySpanProcessor" not in done.stdout
    assert done.stdout.endswith(" None\n")
    assert not store.root.exists()


def test_a_run_that_the_program_starts_itself_takes_its_own_spans(store, instrumented):
    program = """
import otel_replay
from opentelemetry import trace
tracer = trace.get_tracer("app")
with tracer.start_as_current_span("outside"):
    with otel_replay.start_run("own"):
        tracer.start_span("inside").end()
"""
    done = instrumented(OTEL_TRACES_EXPORTER="otel_replay,console", program=program)
    assert (done.returncode, done.stderr) == (0, "")
    assert [start.name for start in store.named("own").of(SpanStart)] == ["run own", "inside"]
    assert [start.name for start in store.named("app.py").of(SpanStart)] == ["outside"]
    assert (
        store.named("own").span("run own").links[0].span_id == store.named("app.py").span("outside").span_id
    )


def test_python_children_of_the_program_are_recorded_once_as_well(store, instrumented):
    program = """
import subprocess, sys
from opentelemetry import trace
child = "from opentelemetry import trace; trace.get_tracer('app').start_span('child').end()"
with trace.get_tracer("app").start_as_current_span("parent"):
    subprocess.run([sys.executable, "-c", child], check=True)
"""
    done = instrumented(OTEL_TRACES_EXPORTER="otel_replay", program=program)
    assert (done.returncode, done.stderr) == (0, "")
    recorded = store.run()
    assert recorded.parents() == {"parent": "-", "child": "parent"}
    assert recorded.span("child").trace_id == recorded.span("parent").trace_id
    assert (recorded.files.header.name, recorded.files.status()) == ("app.py", "finished")
    assert verify(recorded.files) == []


FAMILY = """
import os, subprocess, sys
import otel_replay
from opentelemetry import trace

def ask(child):
    subprocess.run([sys.executable, "-c", child], check=True)

decides = "import otel_replay; otel_replay.decision({!r}, '')"
tracer = trace.get_tracer("app")
with tracer.start_as_current_span("first"):
    with tracer.start_as_current_span("inner"):
        ask(decides.format("BELOW FIRST"))
ask(decides.format("BELOW NOTHING"))
with tracer.start_as_current_span("second"):
    ask("import otel_replay\\nwith otel_replay.start_run('theirs'): otel_replay.decision('JOINS', '')")
    with otel_replay.start_run("own", run_id="own"):
        ask(decides.format("OF OWN"))
    ask(decides.format("BELOW SECOND"))
assert os.environ["OTEL_REPLAY_RUN_ID"]
"""


def test_children_of_an_instrumented_program_join_its_run_below_its_outermost_span(store, instrumented):
    done = instrumented(OTEL_TRACES_EXPORTER="otel_replay", program=FAMILY)
    assert (done.returncode, done.stderr) == (0, "")
    own, recorded = store.run("own"), store.named("app.py")
    assert len(store.runs()) == 2
    assert [decision.action for decision in own.decisions] == ["OF OWN"]
    parents = {span.span_id: span for span in recorded.spans}

    def above(action):
        (made,) = [one for one in recorded.decisions if one.action == action]
        span = parents[made.span_id]
        return parents[span.parent_id].name if span.parent_id else "-"

    assert above("BELOW FIRST") == "first"
    assert above("BELOW NOTHING") == "-"
    assert above("JOINS") == above("BELOW SECOND") == "second"
    assert verify(recorded.files) == []


def test_a_child_that_is_instrumented_joins_whatever_run_its_parent_records(store, instrumented, tmp_path):
    (tmp_path / "parent.py").write_text(
        "import subprocess, sys, otel_replay\n"
        "with otel_replay.start_run('r', run_id='r') as run, run.task('t'):\n"
        "    subprocess.run(sys.argv[1:], check=True, env=otel_replay.child_environment())\n"
    )
    (tmp_path / "app.py").write_text(APP)
    app = [*INSTRUMENT, sys.executable, "app.py", "0"]
    subprocess.run(
        [sys.executable, "parent.py", *app],
        env={**os.environ, **QUIET, "OTEL_TRACES_EXPORTER": "otel_replay"},
        cwd=tmp_path,
        check=True,
        timeout=120,
    )
    recorded = store.run("r")
    assert recorded.parents() == {"run r": "-", "task t": "run r", "work": "task t", "task smooth": "work"}
    assert len(recorded.decisions) == 201
    assert verify(recorded.files) == []
