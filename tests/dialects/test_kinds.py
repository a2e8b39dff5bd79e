"""The table that says what a span is, and the page that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_replay.dialects.kinds import MENTIONS, SAYS, kind_of, told_by

PAGE = Path(__file__).parent.parent.parent / "docs" / "dialects.md"


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [(name, value, kind) for name, _, kinds in SAYS for value, kind in kinds.items()],
)
def test_the_page_has_every_row_of_the_table(name: str, value: str, kind: str) -> None:
    """In the row of the attribute, the value stands in the column of its kind."""
    assert kind_of({name: value}) == kind
    if kind in ("run", "process"):
        return  # our own, which no other library says
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    head = next(line for line in lines if line.startswith("| | generation"))
    at = [cell.strip() for cell in head.split("|")].index(kind)
    (row,) = (line for line in lines if line.startswith(f"| `{name}` |"))
    assert f"`{value}`" in row.split("|")[at]


def test_what_a_span_says_goes_before_what_it_mentions() -> None:
    """An agent that names its model is an agent, a tool call that names its agent is a tool call."""
    assert kind_of({"gen_ai.request.model": "m", "openinference.span.kind": "AGENT"}) == "agent"
    assert kind_of({"gen_ai.agent.name": "a", "gen_ai.tool.name": "t"}) == "tool call"
    assert [kind_of({name: "x"}) for name, _ in MENTIONS] == ["tool call", "generation", "agent"]


@pytest.mark.parametrize("mark", ["traceloop.workflow.name", "traceloop.entity.path", "gen_ai.agent.call.id"])
def test_the_agents_name_on_what_happens_inside_makes_it_no_agent(mark: str) -> None:
    """OpenLLMetry writes it on an HTTP request too."""
    assert kind_of({"http.request.method": "GET", "gen_ai.agent.name": "guide", mark: "x"}) == "other"


def test_an_operation_that_nobody_knows_leaves_the_word_to_the_next_dialect() -> None:
    """A newer version of one convention does not silence the others."""
    said = {"gen_ai.operation.name": "dream", "traceloop.span.kind": "task"}
    assert told_by(said) == ("task", "traceloop")
    assert kind_of({"gen_ai.operation.name": "dream"}) == "other"
    assert kind_of({"gen_ai.operation.name": ["chat"]}) == "other"


def test_methods_of_mcp_that_call_no_tool_are_nothing_here() -> None:
    """Listing tools asks no tool for anything."""
    assert kind_of({"mcp.method.name": "tools/list"}) == "other"
