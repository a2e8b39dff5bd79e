"""Writes `tests/corpus/dialects/NAME.jsonl`: what real packages say of a small conversation, as OTLP JSON.

It installs nothing. Run it in an environment that has the packages of one family, with the OTLP JSON file
exporter, and never two families in one (their instrumentors have the same names):

    python -m venv env && env/bin/pip install --pre openai anthropic opentelemetry-exporter-otlp-json-file \\
        opentelemetry-instrumentation-genai-openai opentelemetry-instrumentation-genai-anthropic
    env/bin/python tests/dialects/make_corpus.py official tests/corpus/dialects

The packages of each family stand in `FAMILIES`; which versions wrote a file stands in its resource attribute
`corpus.packages`. The models are answers by rule on loopback (`fake_models`).
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from fake_models import FakeModels
from framework_agents import (
    BRIEF,
    QUESTION,
    agno_agent,
    crewai_crew,
    langgraph_agent,
    llamaindex_agent,
    openai_agents_run,
    pydantic_agent,
    strands_agent,
)

PARAMETERS = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}


def openai_chat(url: str) -> None:
    """A question, the tool that the model asks for, its answer; then the same as a stream."""
    import openai

    client = openai.OpenAI(api_key="none", base_url=url + "/v1", max_retries=0)
    tools: Any = [{"type": "function", "function": {"name": "distance", "parameters": PARAMETERS}}]
    messages: list[Any] = [{"role": "system", "content": BRIEF}, {"role": "user", "content": QUESTION}]
    first = client.chat.completions.create(
        model="small-1", messages=messages, tools=tools, temperature=0.5, max_tokens=100
    )
    message = first.choices[0].message
    (call,) = message.tool_calls or ()
    messages += [
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": '{"km": 1430}'},
    ]
    client.chat.completions.create(model="small-1", messages=messages, tools=tools)
    for _ in client.chat.completions.create(
        model="small-1", messages=messages, tools=tools, stream=True, stream_options={"include_usage": True}
    ):
        pass
    try:
        client.chat.completions.create(model="missing-1", messages=messages[:2])
    except openai.NotFoundError:
        pass
    client.embeddings.create(model="embed-1", input="Rome")


def openai_responses(url: str) -> None:
    """The same with the responses API."""
    import openai

    client = openai.OpenAI(api_key="none", base_url=url + "/v1", max_retries=0)
    tools: Any = [{"type": "function", "name": "distance", "parameters": PARAMETERS}]
    asked: list[Any] = [{"role": "user", "content": QUESTION}]
    first = client.responses.create(model="small-1", instructions=BRIEF, input=asked, tools=tools)
    call: Any = first.output[-1]
    asked += [
        {
            "type": "function_call",
            "call_id": call.call_id,
            "name": call.name,
            "arguments": call.arguments,
        },
        {"type": "function_call_output", "call_id": call.call_id, "output": '{"km": 1430}'},
    ]
    client.responses.create(model="small-1", instructions=BRIEF, input=asked, tools=tools)


def anthropic_messages(url: str) -> None:
    """The same with Anthropic's API: a part of the prompt comes from a cache."""
    import anthropic

    client = anthropic.Anthropic(api_key="none", base_url=url, max_retries=0)
    tools: Any = [{"name": "distance", "description": "How far", "input_schema": PARAMETERS}]
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    first = client.messages.create(
        model="claude-small", max_tokens=100, system=BRIEF, messages=messages, tools=tools
    )
    call: Any = first.content[-1]
    messages += [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call.id, "content": '{"km": 1430}'}],
        },
    ]
    client.messages.create(model="claude-small", max_tokens=100, system=BRIEF, messages=messages, tools=tools)
    with client.messages.stream(
        model="claude-small", max_tokens=100, system=BRIEF, messages=messages, tools=tools
    ) as stream:
        stream.get_final_message()


def anthropic_runner(url: str) -> None:
    """Anthropic's own loop of tools."""
    import anthropic

    @anthropic.beta_tool
    def distance(to: str) -> str:
        """How far it is to a place.

        Args:
            to: The place.
        """
        return '{"km": 1430}'

    client = anthropic.Anthropic(api_key="none", base_url=url, max_retries=0)
    client.beta.messages.tool_runner(
        model="claude-small",
        max_tokens=100,
        system=BRIEF,
        tools=[distance],
        messages=[{"role": "user", "content": QUESTION}],
    ).until_done()


def mcp_call(_: str) -> None:
    """A client and a server of MCP in one process."""
    from mcp.client import Client
    from mcp.client._memory import InMemoryTransport
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("places")

    @server.tool()
    def distance(to: str) -> dict[str, int]:
        """How far it is to a place."""
        if to == "Atlantis":
            raise ValueError("no such place")
        return {"km": 1430}

    async def talk() -> None:
        async with Client(InMemoryTransport(server)) as client:
            await client.list_tools()
            await client.call_tool("distance", {"to": "Rome"})
            await client.call_tool("distance", {"to": "Atlantis"})

    asyncio.run(talk())


def traceloop_functions(url: str) -> None:
    """Functions with OpenLLMetry's decorators around a chat."""
    from opentelemetry.sdk.trace import SpanProcessor
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import agent, task, tool, workflow

    # It joins the tracer provider that is there; what it instruments itself is instrumented already.
    Traceloop.init(app_name="trip", processor=SpanProcessor(), instruments=set(), telemetry_enabled=False)

    @tool(name="distance")
    def distance(to: str) -> dict[str, int]:
        return {"km": 1430}

    @task(name="ask")
    def ask() -> dict[str, int]:
        openai_chat(url)
        return distance(to="Rome")

    @agent(name="guide")
    def guide() -> dict[str, int]:
        return ask()

    @workflow(name="trip")
    def trip() -> dict[str, int]:
        return guide()

    trip()


Talk = Callable[[str], None]

FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...], Talk]] = {
    "official-openai": (
        ("opentelemetry-instrumentation-genai-openai", "openai"),
        ("opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",),
        lambda url: (openai_chat(url), openai_responses(url))[0],
    ),
    "official-anthropic": (
        ("opentelemetry-instrumentation-genai-anthropic", "anthropic"),
        ("opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",),
        anthropic_messages,
    ),
    "openai-v2": (
        ("opentelemetry-instrumentation-openai-v2", "openai"),
        ("opentelemetry.instrumentation.openai_v2:OpenAIInstrumentor",),
        openai_chat,
    ),
    "openinference-openai": (
        ("openinference-instrumentation-openai", "openai"),
        ("openinference.instrumentation.openai:OpenAIInstrumentor",),
        lambda url: (openai_chat(url), openai_responses(url))[0],
    ),
    "openinference-anthropic": (
        ("openinference-instrumentation-anthropic", "anthropic"),
        ("openinference.instrumentation.anthropic:AnthropicInstrumentor",),
        anthropic_messages,
    ),
    "openinference-langgraph-openai": (
        (
            "openinference-instrumentation-langchain",
            "openinference-instrumentation-openai",
            "langchain-openai",
            "langgraph",
            "openai",
        ),
        (
            "openinference.instrumentation.langchain:LangChainInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
        ),
        langgraph_agent,
    ),
    "openinference-llamaindex": (
        ("openinference-instrumentation-llama-index", "llama-index-core", "llama-index-llms-openai"),
        ("openinference.instrumentation.llama_index:LlamaIndexInstrumentor",),
        llamaindex_agent,
    ),
    "openinference-crewai": (
        ("openinference-instrumentation-crewai", "crewai"),
        ("openinference.instrumentation.crewai:CrewAIInstrumentor",),
        crewai_crew,
    ),
    "openinference-openai-agents": (
        ("openinference-instrumentation-openai-agents", "openai-agents"),
        ("openinference.instrumentation.openai_agents:OpenAIAgentsInstrumentor",),
        openai_agents_run,
    ),
    "official-agno": (
        ("opentelemetry-instrumentation-genai-agno", "agno"),
        ("opentelemetry.instrumentation.genai.agno:AgnoInstrumentor",),
        agno_agent,
    ),
    "traceloop-openai": (
        ("traceloop-sdk", "opentelemetry-instrumentation-openai", "openai"),
        ("opentelemetry.instrumentation.openai:OpenAIInstrumentor",),
        lambda url: (traceloop_functions(url), openai_responses(url))[0],
    ),
    "traceloop-anthropic": (
        ("opentelemetry-instrumentation-anthropic", "anthropic"),
        ("opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",),
        anthropic_messages,
    ),
    "traceloop-langgraph-openai": (
        (
            "opentelemetry-instrumentation-langchain",
            "opentelemetry-instrumentation-openai",
            "langchain-openai",
            "langgraph",
            "openai",
        ),
        (
            "opentelemetry.instrumentation.langchain:LangchainInstrumentor",
            "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
        ),
        langgraph_agent,
    ),
    "traceloop-openai-0.40": (
        ("opentelemetry-instrumentation-openai", "openai"),
        ("opentelemetry.instrumentation.openai:OpenAIInstrumentor",),
        openai_chat,
    ),
    "traceloop-anthropic-0.40": (
        ("opentelemetry-instrumentation-anthropic", "anthropic"),
        ("opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",),
        anthropic_messages,
    ),
    "anthropic-native": (("anthropic",), (), lambda url: (anthropic_messages(url), anthropic_runner(url))[0]),
    "strands": (("strands-agents", "openai"), (), strands_agent),
    "mcp-native": (("mcp",), (), mcp_call),
    "pydantic-ai": (("pydantic-ai-slim", "openai"), (), pydantic_agent),
    "pydantic-ai-2": (
        ("pydantic-ai-slim", "openai"),
        (),
        lambda url: pydantic_agent(url, 2),
    ),
    "pydantic-ai-openai-v2": (
        ("pydantic-ai-slim", "opentelemetry-instrumentation-openai-v2", "openai"),
        ("opentelemetry.instrumentation.openai_v2:OpenAIInstrumentor",),
        pydantic_agent,
    ),
}
"""Name of the file: the packages whose versions it names, the instrumentors to switch on, what is said."""

SETTINGS = {
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
    "TRACELOOP_TELEMETRY": "false",
}
OTHER_SETTINGS = {
    name: {"OTEL_SEMCONV_STABILITY_OPT_IN": "", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    for name in ("openai-v2", "pydantic-ai-openai-v2", "strands")
}
"""The older words, which these write unless told otherwise."""


def main(name: str, directory: Path) -> None:
    """Write the file of one family."""
    os.environ.update({**SETTINGS, **OTHER_SETTINGS.get(name, {})})
    from opentelemetry import _logs, trace
    from opentelemetry.exporter.otlp.json.file import FileSpanExporter
    from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    packages, instrumentors, talk = FAMILIES[name]
    told = ", ".join(f"{package} {version(package)}" for package in packages)
    resource = Resource.create({"service.name": name, "corpus.packages": told, "otel_replay.run.id": name})
    path = directory / f"{name}.jsonl"
    path.unlink(missing_ok=True)
    spans, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    spans.add_span_processor(SimpleSpanProcessor(FileSpanExporter(str(path))))
    logs.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(str(path))))
    trace.set_tracer_provider(spans)
    _logs.set_logger_provider(logs)
    for place in instrumentors:
        module, _, class_name = place.partition(":")
        getattr(importlib.import_module(module), class_name)().instrument()
    with FakeModels() as models, trace.get_tracer("make_corpus").start_as_current_span(name):
        talk(models.url)
    spans.shutdown()
    logs.shutdown()
    # Where this machine keeps its packages is nobody's business.
    written = path.read_text().replace(sys.prefix, "/env").replace(str(Path(__file__).parent), "/tests")
    path.write_text(written)
    print(f"{path}: {len(path.read_text().splitlines())} lines; {told}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
