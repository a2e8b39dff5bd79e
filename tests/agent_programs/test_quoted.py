"""Where content is not kept, a refusal that quotes the prompt leaves no trace in any file of the run."""

from __future__ import annotations

import base64
import json

import pytest
from model_server import Answer, Request, fails

from otel_replay.records import LogEntry

from .conftest import RecordedAgent, Recording

pytestmark = pytest.mark.slow

WORD = "zanzibarine"


def quotes(request: Request) -> Answer:
    """A refusal that repeats what was asked, as providers' content filters do."""
    asked = json.dumps(request.conversation)
    return fails(400, message=f'this is not allowed: {asked}\nTraceback:\n  File "{WORD}", line 1, in x')


def encodings(word: str) -> list[bytes]:
    """How a word may stand in a file."""
    found = [word.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
    found.append(word.encode().hex().encode())
    for shift in range(3):
        # What stands around it changes the first and the last characters only.
        found.append(base64.b64encode(b"." * shift + word.encode())[4 * (shift > 0) : -4])
    return found


@pytest.fixture(scope="module", params=["hashes", "none"])
def agent(record_agent: Recording, request: pytest.FixtureRequest) -> RecordedAgent:
    """A program whose models all refuse, and quote."""
    env = {
        "OTEL_REPLAY_CONTENT": request.param,
        "OTEL_REPLAY_LOG_LEVEL": "debug",
        "LOGFIRE_IGNORE_NO_CONFIG": "1",
    }
    return record_agent("quoted.py", quotes, env=env, expect=1)


def test_no_file_of_the_store_has_a_word_of_it(agent: RecordedAgent) -> None:
    assert WORD in agent.complained  # the program itself is told, and says so
    assert all(request.says(WORD) for request in agent.requests)
    root = agent.run.files.directory.parent.parent  # with the list of runs and whatever else is there
    kept = b"\n".join(path.read_bytes() for path in root.rglob("*") if path.is_file()).lower()
    assert [one for one in encodings(WORD) if one.lower() in kept] == []
    assert WORD not in str(agent.run.records)
    assert agent.lost == 0


def test_types_and_places_stay(agent: RecordedAgent) -> None:
    failed = [span for span, _ in agent.of("generation") if span.status == "error"]
    types = {str(span.attributes.get("error.type")) for span in failed}
    assert {"openai.BadRequestError", "400"} <= types
    assert len(failed) >= 7
    told = [*agent.run.events, *agent.run.of(LogEntry)]
    raised = [one.attributes for one in told if "exception.type" in one.attributes]
    assert {"openai.BadRequestError", "pydantic_ai.exceptions.ModelRequestRejectedError"} <= {
        one["exception.type"] for one in raised
    }
    traces = [one["exception.stacktrace"] for one in raised if one.get("exception.stacktrace")]
    assert any("quoted.py" in trace for trace in traces)


def test_records_of_the_programs_own_log_stay_but_for_what_they_quote(agent: RecordedAgent) -> None:
    said = [entry.body for entry in agent.run.of(LogEntry) if isinstance(entry.body, str)]
    (told,) = [text for text in said if text.startswith("ask_anthropic failed: ")]
    assert told.removeprefix("ask_anthropic failed: ")[:7] in ("sha256:", "…")
