"""The examples as recorded runs: the record holds what the program did, and recording changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import examples.agent.__main__ as agent
import examples.hyperparameters.__main__ as hyperparameters
import examples.ve_tuning.__main__ as ve_tuning
from examples.ve_tuning.generate import generate_log
from otel_replay.records import SpanEnd, SpanStart, SpanUpdate
from otel_replay.storage.blobs import Blobs
from otel_replay.storage.store import Store

TUNING = ["--generate", "1500", "--outdir"]
STUDY = ["--trials", "12", "--points", "60", "--outdir"]


class Span:
    """A span with its attributes, its status, and the events in it."""

    def __init__(self, start: SpanStart) -> None:
        self.name = start.name
        self.parent_id = start.parent_id
        self.attributes: dict[str, Any] = dict(start.attributes)
        self.status = "open"
        self.events: list[Any] = []


class Recorded:
    """The newest run of a store, read back."""

    def __init__(self, store: Path) -> None:
        files = Store(store).resolve("latest")
        self.directory = files.directory
        self.status = files.status()
        self.spans: dict[str, Span] = {}
        for located in files.records():
            record = located.record
            if isinstance(record, SpanStart):
                self.spans[record.span_id] = Span(record)
                continue
            span = self.spans.get(getattr(record, "span_id", ""))
            if span is None:
                continue
            if isinstance(record, SpanUpdate | SpanEnd):
                span.attributes.update(record.attributes)
                span.status = getattr(record, "status", span.status)
            else:
                span.events.append(record)

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """The decisions of the file artifact."""
        document = json.loads((self.directory / "session_replay.json").read_text())
        return list(document["decisions"])

    def named(self, name: str) -> list[Span]:
        """The spans of a name, in the order in which they began."""
        return [span for span in self.spans.values() if span.name == name]

    def parent(self, span: Span) -> str:
        """The name of a span's parent."""
        return self.spans[span.parent_id].name


def bare(decision: Any) -> str:
    """What was decided, without the time: the same text for the same decision, wherever it stands."""
    values = [decision.get(key) for key in ("action", "reason", "values", "cell")]
    return json.dumps(values, sort_keys=True)


def test_every_decision_of_a_tuning_run_is_in_its_record(
    tmp_path: Path, store: Path, decided: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ve_tuning.main([*TUNING, str(tmp_path / "listed")]) == 0
    monkeypatch.undo()
    monkeypatch.setenv("OTEL_REPLAY_STORE", str(store))
    assert ve_tuning.main([*TUNING, str(tmp_path / "recorded")]) == 0
    recorded = Recorded(store)
    assert recorded.status == "finished"
    assert list(map(bare, recorded.decisions)) == [bare(one._asdict()) for one in decided]


def test_the_decisions_of_a_stage_stand_in_its_task(tmp_path: Path, store: Path) -> None:
    assert ve_tuning.main([*TUNING, str(tmp_path)]) == 0
    recorded = Recorded(store)
    stages = {
        span.name: sorted({event.action for event in span.events if event.kind == "decision"})
        for span in recorded.spans.values()
        if recorded.spans.get(span.parent_id) is not None
    }
    assert stages == {
        "task read log": [],
        "task bin front samples": ["AFR_CORRECTION"],
        "task bin rear samples": ["AFR_CORRECTION"],
        "task smooth": ["GRADIENT_LIMITING", "SMOOTHING_START"],
        "task clamp": ["CLAMPING_APPLIED", "CLAMPING_START"],
        "task look for anomalies": ["ANOMALY_DETECTED", "ANOMALY_DETECTION_START"],
        "task write tables": [],
    }


def test_the_tables_are_artifacts_of_the_run_byte_for_byte(tmp_path: Path, store: Path) -> None:
    assert ve_tuning.main([*TUNING, str(tmp_path)]) == 0
    recorded = Recorded(store)
    (writing,) = recorded.named("task write tables")
    artifacts = {
        event.attributes["otel_replay.artifact.name"]: event.attributes["otel_replay.artifact.sha256"]
        for event in writing.events
        if event.name == "artifact"
    }
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "dyno_log.csv"}
    assert artifacts.keys() == written.keys()
    for name, sha256 in artifacts.items():
        assert Blobs(recorded.directory / "blobs").read(sha256) == written[name]


def test_a_tuning_run_that_fails_is_recorded_as_failed(tmp_path: Path, store: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("rpm,map_kpa\n")
    assert ve_tuning.main(["--csv", str(log), "--outdir", str(tmp_path)]) == 2
    recorded = Recorded(store)
    assert recorded.status == "failed"
    assert recorded.named("task read log")[0].status == "error"


def test_an_agent_run_holds_its_agents_generations_and_tool_calls(store: Path) -> None:
    assert agent.main([]) == 0
    recorded = Recorded(store)
    assert Counter(span.name for span in recorded.spans.values()) == {
        "run agent": 1,
        "invoke_agent planner": 1,
        "invoke_agent worker": 1,
        "chat scripted-1": 5,
        "execute_tool calculator": 1,
        "execute_tool search_notes": 1,
        "execute_tool convert_units": 1,
        "execute_tool fuel_price": 2,
    }
    assert [span.status for span in recorded.named("execute_tool fuel_price")] == ["error", "unset"]
    assert [span.status for span in recorded.named("chat scripted-1")] == ["error", *["unset"] * 4]
    for span in recorded.spans.values():
        if span.name.startswith("execute_tool"):
            assert recorded.parent(span) == "invoke_agent worker"
    (search,) = recorded.named("execute_tool search_notes")
    assert [event.name for event in search.events] == ["file read"] * 3


def test_a_generation_is_recorded_in_the_words_of_the_conventions(store: Path) -> None:
    assert agent.main([]) == 0
    recorded = Recorded(store)
    last = recorded.named("chat scripted-1")[-1].attributes
    assert last["gen_ai.operation.name"] == "chat"
    assert last["gen_ai.provider.name"] == "openai"
    assert last["gen_ai.request.model"] == last["gen_ai.response.model"] == "scripted-1"
    assert list(last["gen_ai.response.finish_reasons"]) == ["stop"]
    assert last["gen_ai.usage.input_tokens"] > last["gen_ai.usage.output_tokens"] > 0
    (said,) = last["gen_ai.output.messages"]
    assert said["role"] == "assistant"
    assert said["parts"][0]["content"].startswith("15% of 240 is 36.")
    first_round = recorded.named("chat scripted-1")[2].attributes
    parts = first_round["gen_ai.output.messages"][0]["parts"]
    assert [part["type"] for part in parts] == ["tool_call"] * 3
    (tool,) = recorded.named("execute_tool calculator")
    assert tool.attributes["gen_ai.tool.call.id"] == parts[0]["id"] == "call_1"
    assert tool.attributes["gen_ai.tool.call.arguments"] == {"expression": "15 / 100 * 240"}
    assert tool.attributes["gen_ai.tool.call.result"] == 36


def test_an_agent_decides_the_same_each_time_it_is_asked_the_same(store: Path) -> None:
    runs = []
    for options in ([], [], ["--sdk"]):
        assert agent.main(options) == 0
        runs.append(list(map(bare, Recorded(store).decisions)))
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_trial_is_a_task_of_the_run_with_its_own_decisions(
    tmp_path: Path, store: Path, jobs: int
) -> None:
    assert hyperparameters.main([*STUDY, str(tmp_path), "--jobs", str(jobs)]) == 0
    recorded = Recorded(store)
    trials = [span for span in recorded.spans.values() if span.name.startswith("task trial ")]
    assert sorted(int(span.name.split()[-1]) for span in trials) == list(range(12))
    for span in trials:
        assert recorded.parent(span) == "run hyperparameters"
        assert span.status == "unset"
        decisions = [event for event in span.events if event.kind == "decision"]
        assert [event.action for event in decisions] in (["SUGGESTED"], ["SUGGESTED", "PRUNED"])
        assert {event.cell["trial"] for event in decisions} == {int(span.name.split()[-1])}
    assert "NEW_BEST" in {decision["action"] for decision in recorded.decisions}


@pytest.mark.parametrize(
    ("main", "arguments"),
    [(ve_tuning.main, TUNING), (hyperparameters.main, STUDY)],
    ids=["ve_tuning", "study"],
)
def test_output_files_are_the_same_with_recording_on_and_off(
    tmp_path: Path,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    main: Callable[[list[str]], int],
    arguments: list[str],
) -> None:
    assert main([*arguments, str(tmp_path / "on")]) == 0
    monkeypatch.setenv("OTEL_REPLAY_DISABLED", "true")
    assert main([*arguments, str(tmp_path / "off")]) == 0
    assert len(list((store / "runs").iterdir())) == 1
    on, off = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("on", "off")
    )
    assert on == off


def test_an_agent_answers_the_same_with_recording_off(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert agent.main([]) == 0
    on = capsys.readouterr().out.splitlines()
    monkeypatch.setenv("OTEL_REPLAY_DISABLED", "true")
    assert agent.main([]) == 0
    off = capsys.readouterr().out.splitlines()
    assert on[:-1] == off
    assert on[-1].startswith(f"Recorded as run {Recorded(store).directory.name}")


def test_a_store_that_cannot_be_written_does_not_stop_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OTEL_REPLAY_STORE", str(tmp_path / "file"))
    log = tmp_path / "log.csv"
    log.write_text("".join(generate_log(200, 1)))
    assert ve_tuning.main(["--csv", str(log), "--outdir", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "VE_Correction_Delta.csv").exists()
