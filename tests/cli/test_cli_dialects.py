"""Commands show, sum up and dump spans that other libraries made as what they are."""

from __future__ import annotations

import json

import pytest
from analysis.story import Story
from dialects.corpus import FOLDER


@pytest.fixture
def imported(call):
    """Imports a file of the corpus; the run is the latest one then."""

    def bring_in(name: str) -> None:
        assert call("import", str(FOLDER / f"{name}.jsonl")).code == 0

    return bring_in


def test_a_framework_and_what_it_calls_are_a_tree_with_tokens_and_arguments(call, imported):
    imported("pydantic-ai-openai-v2")
    lines = call("show", "latest").plain
    text = "\n".join(lines)
    assert text.count("─ chat small-1") == 4  # both libraries' spans
    assert text.count("cause by id: chat small-1") == 1
    assert "40 + 12 tokens, stop" in text
    assert "to=Rome = {km=1430}" in text


def test_flattened_words_of_others_are_not_shown_piece_by_piece(call, imported):
    imported("openinference-openai")
    text = call("show", "latest").out
    assert "40 + 12 tokens, tool_calls" in text
    assert "llm.input_messages" not in text
    document = call("show", "latest", "--json").json
    facts = [span["facts"] for span in document["spans"] if span["kind"] == "generation"]
    assert facts[0]["gen_ai.request.model"] == "small-1"
    assert facts[0]["gen_ai.usage.cache_read.input_tokens"] == 16


def test_a_summary_says_how_many_spans_told_of_calls_again(call, imported):
    imported("official-anthropic")
    assert "3 spans more of the same calls, told by another library" in call("summary", "latest").out
    model = call("summary", "latest", "--json").json["models"]["claude-small"]
    assert (model["count"], model["repeated"], model["input_tokens"]) == (3, 3, 450)


@pytest.mark.parametrize("name", ["openai-v2", "openinference-openai", "traceloop-openai-0.40"])
def test_a_dump_has_the_messages_in_the_current_words_beside_what_was_recorded(call, imported, name):
    """Wherever they were told: in log records, flattened, as JSON text."""
    imported(name)
    objects = [json.loads(line) for line in call("dump", "latest", "--format", "jsonl").out.splitlines()]
    spans = [one for one in objects if one.get("type") == "generation"]
    said = spans[0]["gen_ai"]
    assert said["gen_ai.input.messages"][1] == {
        "role": "user",
        "parts": [{"type": "text", "content": "How far is it to Rome?"}],
    }
    (part,) = said["gen_ai.output.messages"][0]["parts"]
    assert (part["name"], part["arguments"]) == ("distance", {"to": "Rome"})
    assert "gen_ai.output.messages" not in spans[0]["attributes"]


def test_recorded_calls_of_others_are_listed_with_their_models_and_tools(call, imported):
    imported("openinference-langgraph-openai")
    text = call("replay", "latest").out
    assert "small-1" in text
    assert "distance" in text


def test_spans_in_the_current_words_are_dumped_as_they_are(call, keep):
    story = Story("own")
    run = story.run("agent")
    generation = story.generation("gpt-x", run)
    story.end(generation, **{"gen_ai.usage.input_tokens": 5})
    story.end(story.tool_call("search", run))
    story.end(run)
    keep(story)
    objects = [json.loads(line) for line in call("dump", "own", "--format", "jsonl").out.splitlines()]
    assert [one["type"] for one in objects if one["kind"] == "span"] == ["generation", "tool call", "run"]
    assert not any("gen_ai" in one for one in objects)
