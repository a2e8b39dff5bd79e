"""DEIA's session logger: its document's examples, its files, and what the original got wrong."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from pathlib import Path

import pytest

import otel_replay
from otel_replay.compat.session_logger import (
    FileEvent,
    SessionAnalysis,
    SessionLogger,
    SessionSummary,
    TaskEvent,
    ToolEvent,
)
from otel_replay.errors import UsageError

HOUR_MS = 3_600_000
pytestmark = pytest.mark.usefixtures("nothing_goes_on")


def lines_of(path: Path) -> list[dict[str, object]]:
    """A saved session."""
    return [json.loads(line) for line in path.read_text().splitlines()]


# -- the document ----------------------------------------------------------------------------------


def test_basic_usage(sessions):
    logger = SessionLogger(agent_id="CLAUDE-CODE-002")
    logger.log_task_start("write_documentation")
    logger.log_task_complete("write_documentation", duration_ms=1800000)
    logger.log_file_read("/docs/guide.md", size_bytes=4096)
    logger.log_file_write("/docs/api.md", size_bytes=8192, lines=200)
    logger.log_tool_call("pytest", params={"path": "tests/"}, duration_ms=2500)
    summary = logger.get_session_summary()
    assert isinstance(summary, SessionSummary)
    assert (summary.tasks_completed, summary.files_read, summary.files_written) == (1, 1, 1)
    assert summary.tool_calls_count == 1
    assert f"{summary.velocity:.2f}"
    logger.save_session(output_dir=".deia/sessions")
    [path] = sessions.iterdir()
    assert path.name == f"CLAUDE-CODE-002_{logger.session_id}.jsonl"


def test_example_1_an_integration_task(sessions):
    logger = SessionLogger(agent_id="AGENT-004")
    logger.log_task_start("integrate_health_check", metadata={"priority": "P1", "estimated_hours": 2.5})
    logger.log_file_read("intake/health_check.txt", size_bytes=3200)
    logger.log_file_write("src/deia/services/health_check.py", size_bytes=7700, lines=150)
    logger.log_file_write("tests/unit/test_health_check.py", size_bytes=9220, lines=250)
    logger.log_tool_call(
        "pytest",
        params={"path": "tests/unit/test_health_check.py", "coverage": True},
        duration_ms=3500,
    )
    logger.log_task_complete(
        "integrate_health_check", duration_ms=7200000, metadata={"coverage": 82, "tests_passed": 28}
    )
    logger.save_session(".deia/sessions")
    summary = logger.get_session_summary()
    assert summary.files_written == 2
    [task] = [event for event in logger.events if isinstance(event, TaskEvent)]
    assert task.metadata == {"priority": "P1", "estimated_hours": 2.5, "coverage": 82, "tests_passed": 28}
    assert task.end_time == pytest.approx(task.start_time + 7200, rel=0, abs=1e-5)


def test_examples_2_and_3_several_tasks_and_what_they_came_to(sessions):
    logger = SessionLogger(agent_id="AGENT-002", session_id="sprint")
    logger.log_task_start("write_api_docs")
    logger.log_file_read("src/deia/services/session_logger.py", size_bytes=12300)
    logger.log_file_write("docs/services/SESSION-LOGGER.md", size_bytes=15000, lines=300)
    logger.log_task_complete("write_api_docs", duration_ms=3600000)
    logger.log_task_start("review_tests")
    logger.log_file_read("tests/unit/test_session_logger.py", size_bytes=18000)
    logger.log_task_complete("review_tests", duration_ms=900000)
    assert logger.get_session_summary().tasks_completed == 2
    logger.save_session(".deia/sessions")

    analysis = SessionLogger(agent_id="AGENT-001").analyze_session(".deia/sessions/AGENT-002_sprint.jsonl")
    assert isinstance(analysis, SessionAnalysis)
    assert analysis.task_breakdown == {"write_api_docs": 3600000, "review_tests": 900000}
    assert analysis.bottlenecks == ["write_api_docs"]
    assert analysis.velocity_metrics == {
        "tasks_per_hour": 1.6,
        "files_read_per_hour": 1.6,
        "files_written_per_hour": 0.8,
        "tool_calls_per_hour": 0.0,
    }
    assert (analysis.file_operation_stats.get("read", 0), analysis.file_operation_stats.get("write", 0)) == (
        2,
        1,
    )
    ranked = sorted(analysis.task_breakdown.items(), key=lambda x: x[1], reverse=True)
    assert ranked[0] == ("write_api_docs", 3600000)


def test_the_agent_of_the_document(sessions):
    """The class as it stands there, with our import."""

    class DEIAAgent:
        def __init__(self, agent_id: str):
            self.agent_id = agent_id
            self.logger = SessionLogger(agent_id=agent_id)

        def execute_task(self, task_name: str, task_func):
            self.logger.log_task_start(task_name)
            start_time = time.time()
            try:
                result = task_func()
                duration_ms = int((time.time() - start_time) * 1000)
                self.logger.log_task_complete(task_name, duration_ms, metadata={"result": "success"})
                return result
            except Exception as e:
                duration_ms = int((time.time() - start_time) * 1000)
                self.logger.log_task_complete(
                    task_name, duration_ms, metadata={"result": "failed", "error": str(e)}
                )
                raise
            finally:
                self.logger.save_session(".deia/sessions")

    agent = DEIAAgent("AGENT-007")
    assert agent.execute_task("add", lambda: 1 + 1) == 2
    with pytest.raises(ZeroDivisionError):
        agent.execute_task("divide", lambda: 1 / 0)
    [path] = sessions.iterdir()
    assert [line["metadata"] for line in lines_of(path)] == [
        {"result": "success"},
        {"result": "failed", "error": "division by zero"},
    ]


def test_the_lines_of_the_file_format(sessions):
    logger = SessionLogger("A", "1")
    task = logger.log_task_start("write_tests", metadata={"priority": "P1"})
    task.start_time = 1697654400.123
    logger.log_file_read("/tests/test_logger.py", size_bytes=4096)
    logger.log_tool_call("pytest", {"path": "tests/"}, 2500)
    logger.log_file_write("/tests/test_logger.py", 8192, lines=200)
    logger.log_task_complete("write_tests", 1800333)
    logger.save_session(sessions)
    assert (sessions / "A_1.jsonl").read_text().splitlines() == [
        '{"name":"write_tests","start_time":1697654400.123,"end_time":1697656200.456,"metadata":{"priority":"P1"}}',
        '{"path":"/tests/test_logger.py","operation":"read","size_bytes":4096,"lines":null}',
        '{"name":"pytest","params":{"path":"tests/"},"duration_ms":2500}',
        '{"path":"/tests/test_logger.py","operation":"write","size_bytes":8192,"lines":200}',
    ]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (TaskEvent, ["name", "start_time", "end_time", "metadata"]),
        (FileEvent, ["path", "operation", "size_bytes", "lines"]),
        (ToolEvent, ["name", "params", "duration_ms"]),
        (
            SessionSummary,
            [
                *("total_duration_ms", "tasks_completed", "files_read", "files_written"),
                *("tool_calls_count", "velocity"),
            ],
        ),
        (SessionAnalysis, ["task_breakdown", "bottlenecks", "velocity_metrics", "file_operation_stats"]),
    ],
)
def test_the_dataclasses_are_those_of_the_document(kind, names):
    assert [field.name for field in dataclasses.fields(kind)] == names


def test_events_is_a_list_of_them(store):
    logger = SessionLogger("A")
    logger.log_file_read("a")
    logger.log_tool_call("grep", {"q": "x"}, 7)
    logger.log_task_start("open")
    assert logger.events[:2] == [FileEvent("a", "read", None, None), ToolEvent("grep", {"q": "x"}, 7)]
    assert (logger.events[2].name, logger.events[2].end_time, logger.events[2].metadata) == ("open", None, {})


def test_a_complete_without_a_start_is_a_warning(store, caplog):
    logger = SessionLogger("A")
    with caplog.at_level(logging.WARNING):
        logger.log_task_complete("write_documentation", duration_ms=5)
    assert "Task complete event logged without corresponding start event" in caplog.text
    assert "write_documentation" in caplog.text
    assert logger.get_session_summary().tasks_completed == 0


def test_a_session_below_a_millisecond_has_no_velocity(store, monkeypatch):
    now = [5_000_000_000]
    monkeypatch.setattr("otel_replay.compat.session_logger.time.monotonic_ns", lambda: now[0])
    logger = SessionLogger("A")
    logger.log_task_start("quick")
    logger.log_task_complete("quick", 0)
    now[0] += 999_999
    assert logger.get_session_summary() == SessionSummary(0, 1, 0, 0, 0, 0.0)
    now[0] += 1
    assert logger.get_session_summary().velocity == HOUR_MS


# -- what analyze_session reads --------------------------------------------------------------------


def busy_session(session_id: str = "1") -> SessionLogger:
    logger = SessionLogger("AGENT", session_id)
    logger.log_task_start("build", {"n": 1})
    logger.log_file_read("a", 10)
    logger.log_task_start("test")
    logger.log_tool_call("pytest", {"path": "tests/"}, 2500)
    logger.log_task_complete("test", 1500, {"passed": 3})
    logger.log_file_write("b", 20, 2)
    logger.log_task_complete("build", 6000)
    logger.log_task_start("never done")
    return logger


BUSY = SessionAnalysis(
    task_breakdown={"build": 6000, "test": 1500},
    bottlenecks=["build"],
    velocity_metrics={
        "tasks_per_hour": 2 * HOUR_MS / 7500,
        "files_read_per_hour": HOUR_MS / 7500,
        "files_written_per_hour": HOUR_MS / 7500,
        "tool_calls_per_hour": HOUR_MS / 7500,
    },
    file_operation_stats={"read": 1, "write": 1},
)


def test_what_was_saved_is_read(sessions):
    logger = busy_session()
    logger.save_session(sessions)
    assert logger.analyze_session(str(sessions / "AGENT_1.jsonl")) == BUSY


def test_lines_with_a_type_are_read(sessions):
    """The shape that the original's own `analyze_session` asks for, and nothing of its ever wrote."""
    logger = busy_session()
    logger.save_session(sessions)
    path = sessions / "typed.jsonl"
    typed = [
        json.dumps({"type": type(event).__name__, **line})
        for event, line in zip(logger.events, lines_of(sessions / "AGENT_1.jsonl"), strict=True)
    ]
    path.write_text("\n".join(typed))
    assert logger.analyze_session(path) == BUSY


@pytest.mark.parametrize("name", ["AGENT_1", "latest", "store/runs/AGENT_1"])
def test_its_run_is_read_and_says_the_same(sessions, name):
    logger = busy_session()
    assert logger.run_id == "AGENT_1"
    assert logger.analyze_session(name) == BUSY
    logger.close()
    assert logger.analyze_session(name) == BUSY


def test_any_run_can_be_analyzed(store):
    with otel_replay.start_run("tuning", run_id="tuning"), otel_replay.task("smooth"):
        with otel_replay.tool("search", {"q": 1}):
            pass
        otel_replay.file_read(__file__)
    analysis = SessionLogger("A").analyze_session("tuning")
    assert list(analysis.task_breakdown) == ["smooth"]
    assert analysis.file_operation_stats == {"read": 1}


def test_a_line_that_is_no_event_is_told_and_left_out(sessions, caplog):
    logger = busy_session()
    logger.save_session(sessions)
    path = sessions / "AGENT_1.jsonl"
    bad = [
        '{"name":"torn","start_',
        "[1]",
        '{"x":1}',
        '{"name":"t","start_time":"x"}',
        '{"operation":"read"}',
    ]
    path.write_text("\n".join([*bad, path.read_text(), ""]))
    with caplog.at_level(logging.WARNING):
        assert logger.analyze_session(path) == BUSY
    told = [record.getMessage() for record in caplog.records]
    assert [text.split()[1] for text in told if "is not an event" in text] == ["1", "2", "3", "4", "5"]


def test_what_is_not_there_is_told(sessions):
    with pytest.raises(FileNotFoundError):
        SessionLogger("A").analyze_session(".deia/sessions/nothing.jsonl")


def test_a_folder_that_is_no_run_is_told_and_is_no_empty_session(store, tmp_path):
    with pytest.raises(FileNotFoundError, match="this folder is no run"):
        SessionLogger("A").analyze_session(tmp_path)


def test_an_empty_log_comes_to_nothing(sessions):
    sessions.mkdir(parents=True)
    (sessions / "empty.jsonl").write_text("")
    assert SessionLogger("A").analyze_session(sessions / "empty.jsonl") == SessionAnalysis(
        {},
        [],
        dict.fromkeys(
            ("tasks_per_hour", "files_read_per_hour", "files_written_per_hour", "tool_calls_per_hour"), 0.0
        ),
        {},
    )


# -- saving ----------------------------------------------------------------------------------------


def test_saving_again_writes_all_there_is(sessions):
    logger = SessionLogger("A", "1")
    for number in range(3):
        logger.log_file_read(f"file {number}")
        logger.save_session(sessions)
        assert len(lines_of(sessions / "A_1.jsonl")) == number + 1
    assert [path.name for path in sessions.iterdir()] == ["A_1.jsonl"]


def test_secrets_are_taken_out_of_the_file_and_of_the_run(sessions, store):
    logger = SessionLogger("A", "1")
    logger.log_tool_call("curl", {"headers": {"Authorization": "Bearer hunter2hunter2"}}, 5)
    logger.log_task_start("login", {"password": "hunter2hunter2"})
    logger.save_session(sessions)
    assert "hunter2" not in (sessions / "A_1.jsonl").read_text()
    assert b"hunter2" not in store.bytes()
    assert logger.events[1].metadata == {"password": "hunter2hunter2"}


def test_any_value_can_be_saved(sessions):
    logger = SessionLogger("A", "1")
    logger.log_tool_call("t", {"at": Path("/x"), "n": float("nan"), "set": {1}}, 5)
    logger.log_task_start("odd", metadata=[("a", 1)])
    logger.log_task_start("odder", metadata=5)
    logger.log_task_complete("odd", duration_ms="long")
    logger.save_session(sessions)
    found = lines_of(sessions / "A_1.jsonl")
    assert found[0]["params"] == {"at": "/x", "n": {"$float": "NaN"}, "set": [1]}
    assert (found[1]["metadata"], found[2]["metadata"]) == ({"a": 1}, {"metadata": 5})
    assert found[1]["end_time"] >= found[1]["start_time"]


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\\b", "", " ", "..", ".hidden", "x\0y", "x\ny", "x" * 200, None]
)
def test_an_id_that_cannot_be_in_a_files_name_is_refused(store, name):
    with pytest.raises(UsageError):
        SessionLogger(name)
    if name:
        with pytest.raises(UsageError):
            SessionLogger("A", name)


def test_an_id_that_can_be_a_files_name_but_not_a_runs_is_taken(sessions, store):
    logger = SessionLogger("Agent Müller", "first try")
    logger.log_file_read("x")
    logger.save_session(sessions)
    assert (sessions / "Agent Müller_first try.jsonl").is_file()
    assert store.named("Agent Müller").events[0].attributes["file.path"] == "x"


def test_nothing_is_recorded_where_it_is_switched_off_and_all_else_works(sessions, store, monkeypatch):
    monkeypatch.setenv("OTEL_REPLAY_DISABLED", "true")
    logger = busy_session()
    logger.save_session(sessions)
    assert logger.analyze_session(sessions / "AGENT_1.jsonl") == BUSY
    assert store.runs() == []
