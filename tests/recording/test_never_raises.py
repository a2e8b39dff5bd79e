"""Whatever is recorded and whatever fails inside: nothing is raised into the caller, and the run goes on."""

import collections
import contextlib
import logging

import numpy as np
import pytest

import otel_replay

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


class Hostile:
    """Raises whatever is asked of it, and cannot even say how."""

    def __getattribute__(self, name):
        raise Complaint

    def __repr__(self):
        raise Complaint

    __str__ = __hash__ = __eq__ = __bool__ = __len__ = __iter__ = __format__ = __fspath__ = __repr__


class Complaint(Exception):
    """Cannot say what it is, as long as it is armed: pytest wants to know, should a test fail."""

    armed = False

    def __str__(self):
        if Complaint.armed:
            raise Complaint
        return "complaint"

    __repr__ = __str__


@contextlib.contextmanager
def armed():
    Complaint.armed = True
    try:
        yield
    finally:
        Complaint.armed = False


class HostileDict(dict):
    def __iter__(self):
        raise Complaint

    items = keys = values = __len__ = __iter__


class HostileMapping(collections.abc.Mapping):
    def __getitem__(self, key):
        raise Complaint

    def __iter__(self):
        raise Complaint

    def __len__(self):
        raise Complaint


def _ring():
    ring = {"a": []}
    ring["a"].append(ring)
    return ring


def _deep():
    deep = value = []
    for _ in range(100_000):
        value.append([])
        value = value[0]
    return deep


HOSTILE = {
    "object": Hostile(),
    "dict": HostileDict(a=1),
    "mapping": HostileMapping(),
    "ring": _ring(),
    "deep": _deep(),
    "class": type("X", (), {"__name__": property(lambda _: 1 / 0)}),
    "generator": (number for number in range(3)),
    "hostile keys": {Hostile: 1, 2: Hostile},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_objects_never_raise_into_the_caller_and_cost_no_record(store, name):
    value = HOSTILE[name]

    @otel_replay.tool
    def tool(x):
        return x

    with armed(), otel_replay.start_run("r", attributes={"v": value}) as run:
        otel_replay.decision("A", "", {"v": value}, {"c": value})
        otel_replay.decision("B", "", value, value)
        otel_replay.decision(value, value)
        run.decision("C", "", {"v": value}, {"c": value})
        run.decision(value, value, value, value)
        run.heartbeat(v=value)
        run.checkpoint("c", value)
        run.checkpoint(value, value)
        with run.task("t", v=value) as task:
            task.set("v", value)
            task.set_all({"v": value})
            task.decision(value, value, value)
        with run.tool_call("t", value) as call:
            call.result(value)
        assert tool(value) is value
    recorded = store.run()
    assert recorded.bad_lines == []
    assert len(recorded.decisions) == 6
    assert len(recorded.spans) == 4
    assert len(recorded.events) == 3
    assert recorded.lost == 0


def test_calls_that_make_no_sense_never_raise_into_the_caller(store):
    value = Hostile()
    with armed(), otel_replay.start_run("r", attributes=value) as run:
        otel_replay.artifact("a", value)
        otel_replay.artifact(value, "/nowhere/at/all")
        otel_replay.artifact("a", "no\0file")
        otel_replay.artifact("a\ud800", "/nowhere/\udcff")
        otel_replay.file_read(value)
        otel_replay.file_read("no\0file", lines=value)
        otel_replay.file_write(7)
        otel_replay.heartbeat(**{"": value})
        with run.task("t") as task:
            task.set_all(value)
            task.set(value, value)
            task.fail(value)
            task.end()
            task.set("late", 1)
            task.fail("late")
            task.decision("LATE", "after its end")
        with run.generation(value, request=value) as generation:
            generation.output(
                value, usage={value.__class__: 1} if False else {"a": value}, finish_reasons=value
            )
            generation.output(usage=value)
        run.end()
        run.decision("LATE2", "after its end")
    assert store.run().bad_lines == []
    assert [d.action for d in store.run().decisions] == ["LATE", "LATE2"]


def test_an_exception_that_cannot_say_what_it_is_fails_its_span_and_passes_through(store):
    with pytest.raises(Complaint), armed(), otel_replay.start_run("r"), otel_replay.task("t"):
        raise Complaint
    span = store.run().span("task t")
    assert (span.status, span.message) == ("error", f"{__name__}.Complaint")
    assert store.run().files.status() == "failed"


class Broken(Exception):
    """What an injected failure raises."""


@pytest.mark.parametrize(
    "target",
    [
        "otel_replay.recording.moments._dumps",
        "otel_replay.json_bytes.dumps",
        "otel_replay.storage.screen.Screen.checked",
        "otel_replay.storage.screen.Screen.line",
        "otel_replay.storage.screen.Screen.clean",
        "otel_replay.storage.screen.normalise",
        "otel_replay.storage.run_writer.RunWriter.span_started",
        "otel_replay.storage.run_writer.RunWriter.span_ended",
        "otel_replay.storage.run_writer.RunWriter.table_id",
        "otel_replay.storage.journal_names.open_journal",
        "otel_replay.storage.journal_names.make_private_directory",
        "otel_replay.storage.journal.mmap.mmap",
        "otel_replay.storage.journal.os.ftruncate",
        "otel_replay.storage.journal.os.posix_fallocate",
        "otel_replay.storage.own_file.fcntl.flock",
        "otel_replay.storage.blobs.Blobs.put",
        "otel_replay.storage.run_opening.RunHeader",
        "otel_replay.storage.store.Store.create",
        "otel_replay.storage.store.Store.ensure",
        "otel_replay.storage.finalise.finalise",
        "otel_replay.recording.current.get_context",
        "otel_replay.otel.offers.os.environ.copy",
        "otel_replay.otel.processor.write_start",
        "otel_replay.otel.processor.write_end",
        "otel_replay.recording.run.open_run",
        "otel_replay.recording.run.end_run",
        "opentelemetry.sdk.trace.Tracer.start_span",
        "opentelemetry.sdk.trace.Span.end",
        "opentelemetry.sdk.trace.Span.set_attributes",
    ],
)
@pytest.mark.parametrize("error", [Broken, OSError, MemoryError])
def test_a_failure_anywhere_inside_never_reaches_the_caller(store, monkeypatch, target, error, caplog):
    """The rest of the program goes on, and so does recording when the failure is over."""

    def fail(*_args, **_kwargs):
        raise error(28, "injected")

    def use(name):
        with otel_replay.start_run(name) as run:
            otel_replay.decision("A", "", {"a": 1}, {"b": np.float64(2)})
            run.decision("B", "")
            with run.task("t", a=1) as task, otel_replay.task("u"), otel_replay.agent("v"):
                task.set("x", "y" * 100_000)
                task.decision("C", "", {"big": "z" * 100_000})
            with run.tool_call("t", {"a": 1}) as call:
                call.result({"b": 2})
            run.checkpoint("c", {"a": 1})
            run.artifact("a", b"bytes")
            run.file_read("/etc/hostname")
            run.heartbeat(a=1)

    with monkeypatch.context() as broken:
        try:
            broken.setattr(target, fail)
        except AttributeError:
            pytest.fail(f"{target} is not there any more: choose another place to fail")
        use("broken")
    caplog.clear()
    use("after")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    after = store.named("after")
    assert (len(after.decisions), len(after.spans), len(after.events)) == (3, 5, 4)
    assert after.files.status() == "finished"
    assert after.lost == 0
