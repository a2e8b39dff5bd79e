"""Where the environment names an exporter, it gets the run's own span too, and nobody waits long for it."""

from __future__ import annotations

import json
import socket

from tests.zero_code.conftest import PYTHON, Recorded


def spans(text: str) -> dict[str, dict]:
    """The spans that the console exporter printed, by name."""
    decoder, found, place = json.JSONDecoder(), {}, 0
    while (place := text.find("{", place)) >= 0:
        span, place = decoder.raw_decode(text, place)
        found[span["name"]] = span
    return found


def test_the_runs_own_span_is_exported_as_it_was_recorded(recorded: Recorded) -> None:
    recorded.script("import otel_replay, sys\notel_replay.decision('STEP', 'why')\nsys.exit(3)\n")
    done = recorded.run(
        PYTHON, "program.py", "--token=sk-12345678901234567890", env={"OTEL_TRACES_EXPORTER": "console"}
    )
    assert done.returncode == 3
    told = spans(done.stdout)
    root, process = told["run program.py"], told["process program.py"]
    assert root["parent_id"] is None
    assert process["parent_id"] == root["context"]["span_id"]
    assert root["status"] == {"status_code": "ERROR", "description": "exit code 3"}
    assert root["attributes"]["process.exit.code"] == 3
    assert root["resource"]["attributes"]["service.name"] == "program"
    assert "12345678901234567890" not in done.stdout
    (kept,) = [span for span in recorded.spans().values() if not span.parent_id]
    assert root["context"]["span_id"] == f"0x{kept.span_id}"


def test_an_endpoint_that_nobody_listens_at_changes_nothing_but_a_warning(recorded: Recorded) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = recorded.run(
            PYTHON,
            "-c",
            "print('done')",
            env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
        )
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert [span.name for span in recorded.spans().values()] == ["run python"]
