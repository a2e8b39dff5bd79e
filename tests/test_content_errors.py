"""An exception's text goes where content goes; its type and its places stay."""

from __future__ import annotations

import traceback

import pytest

from otel_replay.content import Content
from otel_replay.content_errors import logs_content, type_and_text, without_text
from otel_replay.values import Notes


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("openai.BadRequestError: he said: no", ("openai.BadRequestError", "he said: no")),
        ("KeyError: 'x'", ("KeyError", "'x'")),
        ("asyncio.exceptions.CancelledError", ("asyncio.exceptions.CancelledError", "")),
        ("400 INVALID: {}", ("", "400 INVALID: {}")),
        ("Note: he said", ("", "Note: he said")),
        ("an Error: it said", ("", "an Error: it said")),
        ("exit code 1", ("exit code 1", "")),
        ("ended by SIGKILL", ("ended by SIGKILL", "")),
        ("exit code 1 and more", ("", "exit code 1 and more")),
    ],
)
def test_a_failure_begins_with_a_type_or_not(message: str, expected: tuple[str, str]) -> None:
    """What cannot be told from a type is text."""
    assert type_and_text(message) == expected


@pytest.mark.parametrize("hashes", [True, False])
def test_taking_the_text_out_twice_is_taking_it_out_once(hashes: bool) -> None:
    """A run's message has come through its span."""
    content = Content(hashes=hashes)
    once = content.message("ValueError: secret", Notes())
    assert once.startswith("ValueError")
    assert "secret" not in once
    assert content.message(once, Notes()) == once


def failing() -> None:
    """Two exceptions, the first of which says what looks like a frame."""
    try:
        raise ValueError('secret\n  File "secret", line 1, in secret\n    secret')
    except ValueError as error:
        raise RuntimeError("secret too") from error


def test_a_traceback_keeps_its_places_and_neither_source_nor_words() -> None:
    """A source line may hold a prompt; what an exception says may look like a frame."""
    with pytest.raises(RuntimeError) as raised:
        failing()
    text = "".join(traceback.format_exception(raised.value))
    assert text.count("secret") > 5
    head, *places = without_text(text).splitlines()
    assert head == "Traceback (most recent call last):"
    assert [place.rpartition(" ")[2] for place in places] == ["failing"]
    assert "secret" not in without_text(text)
    assert without_text("  + Exception Group Traceback (most recent call last):\n  | secret") == ""
    assert without_text("") == ""


@pytest.mark.parametrize(
    ("logger", "expected"),
    [
        ("openai._base_client", True),
        ("google_genai.models", True),
        ("opentelemetry.instrumentation.genai.openai", True),
        ("asyncio", True),
        ("openaiish", False),
        ("program", False),
        ("", False),
    ],
)
def test_who_logs_content(logger: str, expected: bool) -> None:
    """Libraries of models and agents, by the first part of their loggers' names."""
    assert logs_content(logger) is expected


def test_a_programs_own_record_keeps_its_words_but_for_the_exceptions() -> None:
    """And a library's keeps neither its words nor what it adds."""
    attributes = {"exception.message": "secret", "cell": 3, "code.line.number": 4}
    body = {"body": "cell 3 failed: secret", "attributes": attributes}
    content = Content(hashes=False)
    assert content.log(body, "program", Notes())["body"] == "cell 3 failed: …"
    told = content.log(body, "openai", Notes())
    assert "body" not in told
    assert told["attributes"] == {"exception.message": "secret", "code.line.number": 4}
    assert content.body(told, Notes())["attributes"] == {"code.line.number": 4}
    assert body["body"] == "cell 3 failed: secret"
