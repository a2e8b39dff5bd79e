"""Decisions are measured where a setting says so: time, processor time and memory since the one before."""

from __future__ import annotations

import os
import time

import pytest

from otel_replay.attributes import RESOURCES_CPU_MS, RESOURCES_ELAPSED_MS, RESOURCES_RSS_BYTES
from otel_replay.recording.moments import decision
from otel_replay.recording.run import start_run
from otel_replay.settings import read_settings
from otel_replay.storage.meter import Meter
from otel_replay.storage.open_span import OpenSpan


@pytest.fixture
def measured(store):
    """The settings of a run whose decisions are measured."""
    return read_settings({}, store=store.root, resources=True)


def work(milliseconds: float) -> None:
    """Keep the processor busy for so long, by its own clock."""
    end = time.process_time() + milliseconds / 1000
    while time.process_time() < end:
        pass


def test_a_decision_says_what_it_took(store, measured) -> None:
    """Since the decision before it; the first since the run began."""
    with start_run("tuning", settings=measured):
        decision("A", "why", values={"x": 1}, cell={"rpm": 1})
        work(20)
        decision("B", "why", values={"x": 1}, cell={"rpm": 1})
        decision("C", "why")
    first, second, third = store.run().decisions
    assert set(first.extra) == {RESOURCES_ELAPSED_MS, RESOURCES_CPU_MS, RESOURCES_RSS_BYTES}
    assert second.extra[RESOURCES_CPU_MS] >= 20
    assert second.extra[RESOURCES_ELAPSED_MS] >= 19
    assert third.extra[RESOURCES_CPU_MS] < second.extra[RESOURCES_CPU_MS]
    assert second.extra[RESOURCES_RSS_BYTES] > 1_000_000
    assert (second.values, second.cell, third.values) == ({"x": 1}, {"rpm": 1}, None)


def test_every_way_to_make_a_decision_is_measured(store, measured) -> None:
    """Of the module, of a run, of a span; also values that JSON does not know."""
    with start_run("tuning", settings=measured) as run, run.task("clamp") as task:
        decision("A", "why", values={"x": 1}, cell={"rpm": 1})
        decision("B", "why", values={"x": object()}, cell=[1])
        run.decision("C", "why")
        task.decision("D", "why", values={"x": 1})
    assert [RESOURCES_CPU_MS in one.extra for one in store.run().decisions] == [True] * 4


def test_without_the_setting_nothing_is_measured_and_nothing_is_asked(store) -> None:
    """The way of most decisions is the same as before: the meter is not there."""
    with start_run("tuning") as run:
        decision("A", "why", values={"x": 1}, cell={"rpm": 1})
        opened = run._open
        assert isinstance(opened, OpenSpan)
        assert opened.writer.screen.meter is None
        assert opened.known is opened.writer.screen.known
    assert store.run().decisions[0].extra == {}


def test_the_environment_asks_for_it(python, store) -> None:
    """And whoever listens sees it as attributes of the event."""
    python(
        """
        import otel_replay
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        seen = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(seen))
        trace.set_tracer_provider(provider)
        with otel_replay.start_run("tuning"):
            otel_replay.decision("A", "why", values={"x": 1}, cell={"rpm": 1})
        (span,) = seen.get_finished_spans()
        (event,) = span.events
        assert event.attributes["otel_replay.resources.cpu_ms"] >= 0, event.attributes
        """,
        env={"OTEL_REPLAY_RESOURCES": "true"},
    )
    assert store.run().decisions[0].extra[RESOURCES_ELAPSED_MS] > 0


def test_a_forked_child_measures_itself(python, store) -> None:
    """Its processor time begins at nothing, and its parent's lock is not its own."""
    python(
        """
        import os, otel_replay
        with otel_replay.start_run("tuning"):
            otel_replay.decision("PARENT", "why")
            pid = os.fork()
            if pid == 0:
                otel_replay.decision("CHILD", "why")
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        """,
        env={"OTEL_REPLAY_RESOURCES": "1"},
        flags=(),
    )
    found = {one.action: one.extra for one in store.run().decisions}
    assert 0 <= found["CHILD"][RESOURCES_CPU_MS] < 1_000
    assert found["CHILD"][RESOURCES_ELAPSED_MS] >= 0


def test_where_the_system_does_not_tell_the_memory_it_is_left_out(monkeypatch) -> None:
    """The rest is measured all the same."""
    meter = Meter()
    assert RESOURCES_RSS_BYTES in meter.read()
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    assert set(meter.read()) == {RESOURCES_ELAPSED_MS, RESOURCES_CPU_MS}


def test_a_program_that_closes_every_descriptor_is_measured_on(python) -> None:
    """And what it opens by the same number is not taken for the kernel's file."""
    python(
        """
        import os
        from otel_replay.storage.meter import _memory
        before = _memory.rss_bytes()
        os.close(_memory._fd)
        assert os.open(__file__, os.O_RDONLY) == _memory._fd
        assert abs(_memory.rss_bytes() - before) < 50_000_000
        """
    )
