"""What an answer asks for in words, as agents of some frameworks do, is the cause of the call."""

from __future__ import annotations

import time

import pytest

from analysis.told_calls import Told

ALIKE = "name and arguments"

CELL = {"cell": 3}


@pytest.fixture
def run() -> Told:
    """A run without anything."""
    return Told()


class TestRequestsInText:
    """Some agents ask in words of their own."""

    @pytest.mark.parametrize(
        "text",
        [
            '{"next_thought": "I look.", "next_tool_name": "look", "next_tool_args": {"cell": 3}}',
            "[[ ## next_thought ## ]]\nI look.\n\n[[ ## next_tool_name ## ]]\nlook\n\n"
            '[[ ## next_tool_args ## ]]\n{"cell": 3}\n\n[[ ## completed ## ]]\n',
            'Thought: I look.\nAction: look\nAction Input: {"cell": 3}',
            'Thought: I look.\nAction: look\nAction Input: {"cell": 3}\nObservation: 23 degrees',
        ],
    )
    def test_a_request_in_a_form_that_agents_use_is_one(self, run: Told, text: str) -> None:
        run.says("asked", [{"type": "text", "content": text}])
        run.call("call", "look", CELL)
        assert run.causes() == {"call": ("asked", ALIKE)}

    @pytest.mark.parametrize(
        "text",
        [
            'Call look with {"cell": 3}.',
            '{"next_tool_name": "look"}',
            '{"next_tool_name": "look", "next_tool_args"',
            'Action: look\nAction Input: {"cell": 3}\nObservation: 1\nAction: look\nAction Input: {}',
        ],
    )
    def test_other_text_asks_for_nothing(self, run: Told, text: str) -> None:
        """Nor one in which the model went on in the words of its tools."""
        run.says("asked", [{"type": "text", "content": text}])
        run.call("call", "look", CELL)
        assert run.causes() == {}


@pytest.mark.parametrize("text", ["Action: a{}b", "Action:{}", "Action: a{}b\nAction Inputs"])
@pytest.mark.parametrize("many", [" ", "x"])
def test_an_answer_that_nearly_asks_is_read_at_once(run: Told, text: str, many: str) -> None:
    """One with 100,000 spaces took half a minute."""
    run.says("asked", [{"type": "text", "content": text.format(many * 90_000)}])
    run.call("call", "look", CELL)
    begun = time.process_time()
    assert run.causes() == {}
    assert time.process_time() - begun < 2
