"""What a span is, by its attributes."""

import pytest

from otel_replay.analysis.kinds import continued_span, kind_of


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"otel_replay.span.type": "run"}, "run"),
        ({"otel_replay.span.type": "task"}, "task"),
        ({"otel_replay.span.type": "process"}, "process"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool call"),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m"}, "agent"),
        ({"gen_ai.operation.name": "chat"}, "generation"),
        ({"gen_ai.operation.name": "generate_content"}, "generation"),
        ({"gen_ai.operation.name": "embeddings"}, "generation"),
        ({"gen_ai.tool.name": "search", "gen_ai.request.model": "m"}, "tool call"),
        ({"gen_ai.request.model": "m"}, "generation"),
        ({"gen_ai.agent.name": "planner"}, "agent"),
        ({"http.request.method": "GET"}, "other"),
        ({"otel_replay.span.type": "something new"}, "other"),
        ({}, "other"),
    ],
)
def test_a_span_is_what_its_attributes_say(attributes, kind):
    assert kind_of(attributes) == kind


def test_what_a_span_says_of_itself_goes_before_what_it_mentions():
    assert kind_of({"gen_ai.request.model": "m", "otel_replay.span.type": "task"}) == "task"


def test_a_continuation_names_the_span_that_it_carries_on():
    assert continued_span({"otel_replay.continuation.of": "00f067aa0ba902b7"}) == "00f067aa0ba902b7"
    assert continued_span({"otel_replay.continuation.of": ""}) is None
    assert continued_span({"otel_replay.continuation.of": 7}) is None
    assert continued_span({}) is None
