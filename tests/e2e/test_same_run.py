"""The same run gives the same canonical records, whichever way it came.

Ways: the journal; OTLP sent live while the program runs; OTLP sent later by `otel-replay send`, over gRPC and
over HTTP; read back from the real Collector's archive and from the real Jaeger's query API.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_replay.formats.assemble import assemble
from otel_replay.formats.canonical import canonical
from otel_replay.formats.otlp_json_read import read_document
from otel_replay.formats.spans import Span
from otel_replay.storage.run_files import RunFiles

from .engines import Collector, Jaeger, collector, jaeger, wait_until

PROGRAM = """
    import otel_replay
    with otel_replay.start_run("same run", attributes={"limit": 10.0, "exact": 2**53 + 1}) as run:
        with run.task("bin samples", rows=3600):
            for number in range(300):
                otel_replay.decision(
                    "AFR_CORRECTION", f"sample {number}", values={"error": number / 7, "weight": number},
                    cell={"rpm": 1500 + number, "kpa": 65, "cylinder": "f"},
                )
        with run.task("odd values"):
            otel_replay.decision("NESTED", "maps, lists, null", values={
                "before": {"a": [1, None, 2.5, "x"], "b": {}}, "after": [], "bytes": b"\\x00\\xff",
                "none": None, "one": 1, "one_double": 1.0, "big": 2**62, "true": True,
                "text": "line\\u2028sep \\U0001f600",
            })
            otel_replay.decision("NO_VALUES", "nothing besides")
            otel_replay.decision("EMPTY", "empty is not none", values={}, cell={})
            otel_replay.decision("NAN", "not a number", values={"nan": float("nan"), "inf": float("-inf")})
            otel_replay.checkpoint("after odd values", {"grid": [[1, 2], [3, 4]]})
        with run.agent("planner"):
            with run.generation("gpt-x", provider="openai", temperature=0.2, input_messages=[
                {"role": "user", "parts": [{"type": "text", "content": "how rich?"}]},
            ]) as generation:
                generation.output(
                    [{"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "read",
                      "arguments": {"cell": [2000, 65]}}], "finish_reason": "tool_call"}],
                    finish_reasons=["tool_call"], usage={"input_tokens": 12, "output_tokens": 5},
                )
            with run.tool_call("read", {"cell": [2000, 65]}, call_id="c1") as call:
                call.result({"afr": 12.41, "rows": [1, 2, 3]})
            try:
                with run.tool_call("broken"):
                    raise ValueError("no such cell")
            except ValueError:
                pass
        print(run.run_id, run.trace_id)
"""


def _record(folder: Path, endpoint: str | None = None) -> tuple[RunFiles, str]:
    """Run the program in a process of its own; its run, and its trace id."""
    import textwrap

    environment = {**os.environ, "OTEL_REPLAY_STORE": str(folder / "store"), "OTEL_SERVICE_NAME": "same-run"}
    if endpoint is not None:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
        environment["OTEL_EXPORTER_OTLP_INSECURE"] = "true"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run_id, trace_id = done.stdout.split()
    return RunFiles(folder / "store" / "runs" / run_id), trace_id


def _send(run: RunFiles, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "otel_replay", "--store", str(run.directory.parent.parent),
         "send", run.run_id, *arguments],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _spans(documents: list[dict[str, Any]], trace_id: str) -> list[Span]:
    read = [item for document in documents for item in read_document(json.dumps(document).encode())]
    assert all(isinstance(item, Span) for item in read), [item for item in read if not isinstance(item, Span)]
    return [item for item in read if isinstance(item, Span) and item.trace_id == trace_id]


def _of_journal(run: RunFiles) -> list[dict[str, Any]]:
    return canonical(assemble(run.records()))


def _wait_for_archive(gateway: Collector, trace_id: str, run: RunFiles) -> list[dict[str, Any]]:
    expected = len(list(assemble(run.records())))

    def there() -> bool:
        ids = {span["spanId"] for span in gateway.archived_spans(trace_id)}
        return len(ids) >= expected

    wait_until(there, f"{expected} spans of {trace_id} in the archive")
    return canonical(_spans(gateway.archived(), trace_id))


def _of_jaeger(shown: Jaeger, trace_id: str, run: RunFiles) -> list[dict[str, Any]]:
    shown.wait_for_spans(trace_id, len(list(assemble(run.records()))))
    document = shown.read_trace(trace_id)
    assert document is not None
    return canonical(_spans([document], trace_id))


def _decisions(spans: list[dict[str, Any]]) -> int:
    return json.dumps(spans).count('"otel_replay.action"')


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_run_that_is_sent_later_reads_the_same_from_archive_and_from_jaeger(
    tmp_path: Path, real_collector: Collector, real_jaeger: Jaeger, protocol: str
) -> None:
    run, trace_id = _record(tmp_path)
    _send(
        run,
        "--to",
        real_collector.grpc if protocol == "grpc" else real_collector.http,
        "--protocol",
        protocol,
    )
    journal = _of_journal(run)
    assert len(journal) == 7
    assert _decisions(journal) == 304
    assert _wait_for_archive(real_collector, trace_id, run) == journal
    assert _of_jaeger(real_jaeger, trace_id, run) == journal


def test_a_run_that_was_exported_live_reads_the_same_and_sending_it_again_changes_nothing(
    tmp_path: Path, real_collector: Collector, real_jaeger: Jaeger
) -> None:
    run, trace_id = _record(tmp_path, endpoint=f"http://{real_collector.grpc}")
    journal = _of_journal(run)
    assert _decisions(journal) == 304
    assert _wait_for_archive(real_collector, trace_id, run) == journal
    assert _of_jaeger(real_jaeger, trace_id, run) == journal
    # Continuations have ids that follow from the span's, so a second telling is the same spans once more.
    _send(run, "--to", real_collector.grpc)
    before = {span["spanId"] for span in real_collector.archived_spans(trace_id)}
    assert len(before) == len(list(assemble(run.records())))
    assert _of_jaeger(real_jaeger, trace_id, run) == journal


def test_a_second_send_to_the_same_target_sends_nothing(tmp_path: Path, real_collector: Collector) -> None:
    run, trace_id = _record(tmp_path)
    _send(run, "--to", real_collector.grpc)
    _wait_for_archive(real_collector, trace_id, run)
    sent = len(real_collector.archived_spans(trace_id))
    _send(run, "--to", real_collector.grpc)
    assert len(real_collector.archived_spans(trace_id)) == sent


def test_runs_recorded_while_jaeger_is_killed_are_in_jaeger_after_its_restart(tmp_path: Path) -> None:
    """The Collector keeps what Jaeger does not take; nothing is lost and nothing is told to the program."""
    with jaeger(tmp_path / "jaeger") as shown, collector(tmp_path / "collector", to=shown) as gateway:
        shown.kill()
        recorded = []
        for number in range(3):
            folder = tmp_path / f"program-{number}"
            folder.mkdir()
            recorded.append(_record(folder, endpoint=f"http://{gateway.grpc}"))
        shown.restart()
        for run, trace_id in recorded:
            assert _of_jaeger(shown, trace_id, run) == _of_journal(run)


def test_a_collector_that_is_down_neither_stops_nor_slows_the_program_and_the_run_is_sent_later(
    tmp_path: Path,
) -> None:
    with jaeger(tmp_path / "jaeger") as shown, collector(tmp_path / "collector", to=shown) as gateway:
        run, trace_id = _record(tmp_path)
        gateway.kill()
        refused = subprocess.run(
            [sys.executable, "-m", "otel_replay", "--store", str(run.directory.parent.parent),
             "send", run.run_id, "--to", gateway.grpc],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr
        gateway.restart()
        _send(run, "--to", gateway.grpc)
        assert _of_jaeger(shown, trace_id, run) == _of_journal(run)
