"""The example agent, recorded against its model server and replayed without one."""

from __future__ import annotations

import pytest

import otel_replay
from examples.agent.__main__ import NOTES, QUESTION
from examples.agent.agent import Agent
from examples.agent.client import HttpClient
from examples.agent.model_server import ModelServer
from examples.agent.tools import Toolbox


class NoClient:
    """A client that must not be asked."""

    def ask(self, *request):
        """Never."""
        raise AssertionError(f"the model was asked {request}")

    stream = ask


class NoTools(Toolbox):
    """Tools that must not be called."""

    def call(self, name, arguments):
        """Never."""
        raise AssertionError(f"{name} was called with {arguments}")


@pytest.fixture
def recorded(store):
    """What the agent said, piece by piece, when it was recorded."""
    said = []
    with ModelServer(busy=1) as server, otel_replay.start_run("agent", run_id="agent"):
        agent = Agent(client=HttpClient(server.url, "none"), toolbox=Toolbox(NOTES), wait=lambda _: None)
        agent.answer(QUESTION, said.append)
    return "".join(said)


def replayed(question=QUESTION, **options):
    """What it says when it is replayed, and how long it waited."""
    said, waited = [], []
    agent = Agent(client=NoClient(), toolbox=NoTools(NOTES), wait=waited.append)
    with otel_replay.replay_run("agent", **options) as replay:
        agent.answer(question, said.append)
    assert replay.report.ok
    return "".join(said), waited


def test_the_agent_is_replayed_offline_with_its_retries_threads_and_failing_tools(recorded):
    said, waited = replayed()
    assert said == recorded
    assert len(waited) == 1


def test_another_question_is_a_divergence_in_the_planner(recorded):
    with pytest.raises(otel_replay.ReplayDivergence) as caught:
        replayed("What is 15% of 241?")
    first = caught.value.first
    assert first.site == ("invoke_agent planner",)
    assert first.differences[0].place == "input_messages[1].parts[0].content"
