"""What the real packages wrote is read for what it is: every span of every file of the corpus.

The talk is the same in each (`make_corpus.py`): a question, a tool that the model asks for, its answer. What
the models say they counted is in `fake_models.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dialects.corpus import FILES, FOLDER, row, spans_of
from otel_replay.analysis.summary import Summary, summarise
from otel_replay.importing.keep import import_file
from otel_replay.storage.store import Store

TOOL = "tool call | {} | distance({{'to': 'Rome'}}) = {{'km': 1430}}"
CLAUDE = "generation | {} | anthropic claude-small | 150 12 100 20 - | {}"
SMALL = "generation | {} | openai small-1 | 40 12 16 - 5 | {}"
AGENT = "agent | gen_ai | guide"
TASK = "task | {}"

MINI = "generation | openinference | openai gpt-4o-mini | 40 12 16 - 5 | {}"
STEP = TASK.format("openinference")

EXPECTED: dict[str, tuple[str, ...]] = {
    "openinference-crewai": (STEP, "agent | openinference | None", TOOL.format("openinference")),
    # It calls the preparation of a call one, too, and tells no messages and no tokens of it.
    "openinference-llamaindex": (
        *[STEP] * 4,
        "generation | openinference | openai gpt-4o-mini",
        MINI.format("tool_calls"),
        *[STEP] * 2,
        TOOL.format("openinference"),
        *[STEP] * 3,
        "generation | openinference | openai gpt-4o-mini",
        MINI.format("stop"),
        STEP,
    ),
    "openinference-openai-agents": (
        "agent | openinference | None",
        STEP,
        "agent | openinference | guide",
        STEP,
        "generation | openinference | openai small-1-2026 | 40 12 16 - 5 | stop",
        TOOL.format("openinference"),
        STEP,
        "generation | openinference | openai small-1-2026 | 40 12 16 - 5 | stop",
    ),
    "anthropic-native": (
        CLAUDE.format("gen_ai", "tool_use"),
        CLAUDE.format("gen_ai", "end_turn"),
        CLAUDE.format("gen_ai", "end_turn"),
        "agent | gen_ai | None",
        CLAUDE.format("gen_ai", "tool_use"),
        TOOL.format("gen_ai"),
        CLAUDE.format("gen_ai", "end_turn"),
    ),
    # MCP tells neither arguments nor results.
    "mcp-native": (
        "tool call | mcp | distance(None) = None",
        "tool call | gen_ai | distance(None) = None",
        "tool call | mcp | distance(None) = None",
        "tool call | gen_ai | distance(None) = None",
    ),
    # Anthropic's SDK has spans of its own inside of those of each instrumentor.
    "official-anthropic": (
        CLAUDE.format("gen_ai", "tool_call"),
        CLAUDE.format("gen_ai", "tool_use"),
        CLAUDE.format("gen_ai", "stop"),
        CLAUDE.format("gen_ai", "end_turn"),
        CLAUDE.format("gen_ai", "stop"),
        CLAUDE.format("gen_ai", "end_turn"),
    ),
    # What its models are asked is told by the instrumentor of their SDK.
    "official-agno": (AGENT, TOOL.format("gen_ai")),
    "official-openai": (
        SMALL.format("gen_ai", "tool_calls"),
        SMALL.format("gen_ai", "stop"),
        SMALL.format("gen_ai", "stop"),
        "generation | gen_ai | openai missing-1",
        "generation | gen_ai | openai embed-1 | 2 - - - -",
        SMALL.format("gen_ai", "tool_calls"),
        SMALL.format("gen_ai", "stop"),
    ),
    "openai-v2": (
        "generation | gen_ai | openai small-1 | 40 12 - - - | tool_calls",
        "generation | gen_ai | openai small-1 | 40 12 - - - | stop",
        "generation | gen_ai | openai small-1 | 40 12 - - - | stop",
        "generation | gen_ai | openai missing-1",
        "generation | gen_ai | openai embed-1 | 2 - - - -",
    ),
    "openinference-anthropic": (
        CLAUDE.format("openinference", "tool_use"),
        CLAUDE.format("gen_ai", "tool_use"),
        CLAUDE.format("openinference", "end_turn"),
        CLAUDE.format("gen_ai", "end_turn"),
        CLAUDE.format("openinference", "end_turn"),
        CLAUDE.format("gen_ai", "end_turn"),
    ),
    "openinference-langgraph-openai": (
        TASK.format("openinference"),
        "agent | openinference | None",
        *[TASK.format("openinference")] * 3,
        *[SMALL.format("openinference", "tool_calls")] * 2,
        *[TASK.format("openinference")] * 2,
        "tool call | openinference | distance(Rome) = {'km': 1430}",
        "agent | openinference | None",
        *[TASK.format("openinference")] * 3,
        *[SMALL.format("openinference", "stop")] * 2,
        TASK.format("openinference"),
    ),
    "openinference-openai": (
        SMALL.format("openinference", "tool_calls"),
        SMALL.format("openinference", "stop"),
        SMALL.format("openinference", "stop"),
        "generation | openinference | openai missing-1",
        "generation | openinference | openai embed-1 | 2 - - - -",
        *["generation | openinference | openai small-1 | 40 12 16 - 5"] * 2,
    ),
    "pydantic-ai": (
        AGENT + " | 80 24 32 - 10",
        SMALL.format("gen_ai", "tool_call"),
        TOOL.format("gen_ai"),
        SMALL.format("gen_ai", "stop"),
    ),
    "pydantic-ai-2": (
        AGENT + " | 80 24 32 - 10",
        SMALL.format("gen_ai", "tool_call"),
        TOOL.format("gen_ai"),
        SMALL.format("gen_ai", "stop"),
    ),
    "pydantic-ai-openai-v2": (
        AGENT + " | 80 24 32 - 10",
        SMALL.format("gen_ai", "tool_call"),
        "generation | gen_ai | openai small-1 | 40 12 - - - | tool_calls",
        TOOL.format("gen_ai"),
        SMALL.format("gen_ai", "stop"),
        "generation | gen_ai | openai small-1 | 40 12 - - - | stop",
    ),
    # Everything but names and tokens in span events.
    "strands": (
        AGENT + " | 80 24 32 0 - | end_turn",
        TASK.format("gen_ai"),
        "generation | gen_ai | strands-agents small-1 | 40 12 16 - - | tool_use",
        TOOL.format("gen_ai"),
        TASK.format("gen_ai"),
        "generation | gen_ai | strands-agents small-1 | 40 12 16 - - | end_turn",
    ),
    "traceloop-anthropic": (
        CLAUDE.format("gen_ai", "tool_call"),
        CLAUDE.format("gen_ai", "tool_use"),
        CLAUDE.format("gen_ai", "stop"),
        CLAUDE.format("gen_ai", "end_turn"),
        # It adds up the output tokens of a stream's events; the SDK below it does not.
        CLAUDE.format("gen_ai", "stop").replace("150 12", "150 13"),
        CLAUDE.format("gen_ai", "end_turn"),
    ),
    "traceloop-anthropic-0.40": (
        CLAUDE.format("traceloop", "tool_use"),
        CLAUDE.format("traceloop", "end_turn"),
        "generation | traceloop | anthropic claude-small | 0 0 0 0 -",
    ),
    "traceloop-langgraph-openai": (
        *[AGENT] * 3,
        *[TASK.format("gen_ai")] * 4,
        "generation | gen_ai | openai small-1 | 40 12 16 - - | tool_call",
        *[TASK.format("gen_ai")] * 2,
        TOOL.format("gen_ai"),
        *[TASK.format("gen_ai")] * 4,
        "generation | gen_ai | openai small-1 | 40 12 16 - - | stop",
        TASK.format("gen_ai"),
    ),
    "traceloop-openai": (
        TASK.format("traceloop"),
        "agent | traceloop | guide",
        TASK.format("traceloop"),
        SMALL.format("gen_ai", "tool_call"),
        SMALL.format("gen_ai", "stop"),
        "generation | gen_ai | openai small-1 | 40 12 16 - - | stop",
        "generation | gen_ai | openai missing-1",
        "generation | gen_ai | openai embed-1 | 2 - 0 - -",
        TOOL.format("traceloop"),
        SMALL.format("gen_ai", "tool_call"),
        SMALL.format("gen_ai", "stop"),
    ),
    "traceloop-openai-0.40": (
        "generation | traceloop | openai small-1 | 40 12 16 - - | tool_calls",
        "generation | traceloop | openai small-1 | 40 12 16 - - | stop",
        "generation | traceloop | openai small-1 | stop",
        "generation | traceloop | openai missing-1",
        "generation | traceloop | openai embed-1 | 2 - 0 - -",
    ),
}


def test_every_file_of_the_corpus_is_expected() -> None:
    """A new file says here what is in it."""
    assert set(FILES) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_spans_are_read_for_what_they_are(name: str) -> None:
    """Kind, model, tokens, reasons, tool with arguments and result, agent: in the order of their starts."""
    assert tuple(row(meaning) for _, meaning in spans_of(name) if meaning.kind != "other") == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_messages_have_one_shape_whoever_wrote_them(name: str) -> None:
    """The model asks for the tool, is given what it answered, and answers itself."""
    for _, meaning in spans_of(name):
        if meaning.kind == "generation" and meaning.output_messages:
            assert meaning.input_messages
            asked = [part for one in meaning.input_messages for part in one["parts"]]
            answered = [part for one in meaning.output_messages for part in one["parts"]]
            results = [part for part in asked if part["type"] == "tool_call_response"]
            if results:
                assert [part["response"] for part in results] == [{"km": 1430}]
                assert [part["content"] for part in answered] == ["1430 km."]
            else:
                assert {"type": "text", "content": "How far is it to Rome?"} in asked
                (call,) = (part for part in answered if part["type"] == "tool_call")
                assert (call["name"], call["arguments"]) == ("distance", {"to": "Rome"})
                assert call["id"]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_answer_of_a_model_is_there(name: str) -> None:
    """None but the refused one, the embedding, one old stream and what is no call lacks its messages."""
    without = [
        meaning.model
        for _, meaning in spans_of(name)
        if meaning.kind == "generation" and not meaning.output_messages
    ]
    few = {
        "traceloop-anthropic-0.40": ["claude-small"],
        "openinference-llamaindex": ["gpt-4o-mini"] * 2,
    }
    assert [model for model in without if model not in ("missing-1", "embed-1")] == few.get(name, [])


def summary_of(name: str, folder: Path) -> Summary:
    """The summary of a file that was imported."""
    store = Store(folder)
    (imported,) = import_file(store, FOLDER / f"{name}.jsonl")
    return summarise(store.resolve(imported.run_id).records())


@pytest.mark.parametrize(
    ("name", "calls", "again", "tokens"),
    [
        # An agent's framework around the SDK's instrumentor.
        ("pydantic-ai-openai-v2", 2, 2, (80, 24, 32, 0, 10)),
        # An instrumentor around the SDK's own spans; those of a stream stand beside each other.
        ("official-anthropic", 3, 3, (450, 36, 300, 60, 0)),
        ("openinference-anthropic", 3, 3, (450, 36, 300, 60, 0)),
        ("traceloop-anthropic", 3, 3, (450, 36, 300, 60, 0)),
        # LangChain's span and OpenAI's stand apart in the tree: the answer's id says that they are one call.
        ("openinference-langgraph-openai", 2, 2, (80, 24, 32, 0, 10)),
        # Nobody told twice.
        ("anthropic-native", 5, 0, (750, 60, 500, 100, 0)),
        ("pydantic-ai", 2, 0, (80, 24, 32, 0, 10)),
        ("traceloop-langgraph-openai", 2, 0, (80, 24, 32, 0, 0)),
    ],
)
def test_a_call_of_which_two_libraries_told_counts_once(
    tmp_path: Path, name: str, calls: int, again: int, tokens: tuple[int, ...]
) -> None:
    """Its tokens too; what only the second one told (tokens from a cache) is added."""
    summary = summary_of(name, tmp_path)
    (model,) = summary.models.values()
    assert (model.count, model.repeated) == (calls, again)
    told = (model.input_tokens, model.output_tokens, model.cache_read_tokens)
    assert (*told, model.cache_write_tokens, model.reasoning_tokens) == tokens
    generations = summary.kinds["generation"]
    assert (generations.count, generations.repeated) == (calls, again)


def test_a_server_that_answers_its_client_is_one_tool_call(tmp_path: Path) -> None:
    """Both are recorded, with one name, and the server's is the one that counts and fails."""
    summary = summary_of("mcp-native", tmp_path)
    assert {name: (tool.count, tool.failed) for name, tool in summary.tools.items()} == {"distance": (2, 1)}
    assert summary.kinds["tool call"].repeated == 2


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_the_machine_that_wrote_it(name: str) -> None:
    """Paths of the packages' sources are made neutral by `make_corpus.py`."""
    content = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    assert "site-packages" not in content.replace("/env/lib/python3.11/site-packages", "")
    assert "corpus.packages" in content
