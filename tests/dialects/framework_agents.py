"""The small conversation of `make_corpus.py` with agents of frameworks, each with one tool."""

from __future__ import annotations

import asyncio
import os
from typing import Any

__all__ = [
    "BRIEF",
    "QUESTION",
    "agno_agent",
    "crewai_crew",
    "langgraph_agent",
    "llamaindex_agent",
    "openai_agents_run",
    "pydantic_agent",
    "strands_agent",
]

NO_KEY: Any = "none"
QUESTION = "How far is it to Rome?"
BRIEF = "Be brief."


def langgraph_agent(url: str) -> None:
    """An agent of LangGraph with one tool."""
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI
    from langgraph.prebuilt import create_react_agent

    @tool
    def distance(to: str) -> str:
        """How far it is to a place."""
        return '{"km": 1430}'

    model = ChatOpenAI(model="small-1", base_url=url + "/v1", api_key=NO_KEY, max_retries=0)
    agent = create_react_agent(model, [distance], prompt=BRIEF, name="guide")
    agent.invoke({"messages": [("user", QUESTION)]})


def pydantic_agent(url: str, version_of_format: int | None = None) -> None:
    """An agent of pydantic-ai with one tool."""
    from pydantic_ai import Agent, InstrumentationSettings
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("small-1", provider=OpenAIProvider(base_url=url + "/v1", api_key="none"))
    settings: dict[str, Any] = {} if version_of_format is None else {"version": version_of_format}
    try:
        instrument = InstrumentationSettings(**settings)
        agent = Agent(model, name="guide", instructions=BRIEF, instrument=instrument)
    except TypeError:
        from pydantic_ai.capabilities import Instrumentation

        agent = Agent(
            model,
            name="guide",
            instructions=BRIEF,
            capabilities=[Instrumentation(settings=InstrumentationSettings(**settings))],
        )

    @agent.tool_plain
    def distance(to: str) -> dict[str, int]:
        """How far it is to a place."""
        return {"km": 1430}

    agent.run_sync(QUESTION)


def strands_agent(url: str) -> None:
    """An agent of Strands with one tool."""
    import strands
    from strands.models.openai import OpenAIModel

    @strands.tool
    def distance(to: str) -> str:
        """How far it is to a place."""
        return '{"km": 1430}'

    model = OpenAIModel(client_args={"api_key": "none", "base_url": url + "/v1"}, model_id="small-1")
    agent = strands.Agent(
        model=model, tools=[distance], system_prompt=BRIEF, name="guide", callback_handler=None
    )
    agent(QUESTION)


def llamaindex_agent(url: str) -> None:
    """An agent of LlamaIndex with one tool."""
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.llms.openai import OpenAI

    def distance(to: str) -> str:
        """How far it is to a place."""
        return '{"km": 1430}'

    # It knows models by their names.
    model = OpenAI(model="gpt-4o-mini", api_base=url + "/v1", api_key="none", max_retries=0)
    agent = FunctionAgent(name="guide", tools=[distance], llm=model, system_prompt=BRIEF, streaming=False)

    async def talk() -> None:
        await agent.run(QUESTION)

    asyncio.run(talk())


def crewai_crew(url: str) -> None:
    """A crew of CrewAI: one agent with one tool."""
    os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false")
    from crewai import LLM, Agent, Crew, Task
    from crewai.tools import tool

    @tool("distance")
    def distance(to: str) -> str:
        """How far it is to a place."""
        return '{"km": 1430}'

    model = LLM(model="openai/gpt-4o-mini", base_url=url + "/v1", api_key="none")
    guide = Agent(role="guide", goal=BRIEF, backstory=BRIEF, llm=model, tools=[distance])
    Crew(
        agents=[guide], tasks=[Task(description=QUESTION, expected_output="a distance", agent=guide)]
    ).kickoff()


def openai_agents_run(url: str) -> None:
    """An agent of the OpenAI Agents SDK with one tool."""
    from agents import Agent, Runner, function_tool, set_default_openai_client
    from openai import AsyncOpenAI

    @function_tool
    def distance(to: str) -> str:
        """How far it is to a place."""
        return '{"km": 1430}'

    client = AsyncOpenAI(api_key="none", base_url=url + "/v1", max_retries=0)
    set_default_openai_client(client, use_for_tracing=False)
    Runner.run_sync(Agent(name="guide", model="small-1", instructions=BRIEF, tools=[distance]), QUESTION)


def agno_agent(url: str) -> None:
    """An agent of Agno with one tool."""
    from agno.agent import Agent
    from agno.models.openai import OpenAIChat

    def distance(to: str) -> str:
        """How far it is to a place."""
        return '{"km": 1430}'

    model = OpenAIChat(id="small-1", base_url=url + "/v1", api_key="none")
    Agent(model=model, name="guide", tools=[distance], instructions=BRIEF, telemetry=False).run(QUESTION)
