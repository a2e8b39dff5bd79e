"""MCP clients and servers are recorded by MCP's own spans, once, with arguments and results of tool calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mcp
import pytest
from mcp.client._memory import InMemoryTransport
from mcp.server.mcpserver import MCPServer
from store_kit import Recorded, Store

from libraries.conftest import Recording
from otel_replay.formats.spans import Span
from otel_replay.hooks import guard

SERVER = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("cells")

@server.tool()
def double(value: int) -> int:
    return value * 2

server.run("stdio")
"""

CLIENT = """
import asyncio, sys
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

async def main():
    server = StdioServerParameters(command=sys.executable, args=[sys.argv[0].replace("program", "server")])
    async with Client(stdio_client(server)) as client:
        result = await client.call_tool("double", {"value": 21})
        assert result.structured_content == {"result": 42}, result

asyncio.run(main())
"""


def in_memory(transport: Callable[[Any], Any] = lambda server: server) -> Any:
    """What a client gets of a server in the same process."""
    server: Any = MCPServer("cells")

    @server.tool()
    def double(value: int) -> int:
        return value * 2

    async def program() -> Any:
        async with mcp.Client(transport(server)) as client:
            return (await client.call_tool("double", {"value": 21})).structured_content

    return asyncio.run(program())


def over_streams() -> Any:
    """The same, with messages as between processes."""
    return in_memory(InMemoryTransport)


def tool_calls(run: Recorded) -> list[Span]:
    """The spans of tool calls."""
    return [span for span in run.spans if span.attributes.get("gen_ai.operation.name") == "execute_tool"]


def test_a_tool_call_in_memory_is_one_span_with_arguments_and_result(recorded: Recording) -> None:
    got: list[Any] = []
    (call,) = tool_calls(recorded(lambda: got.append(in_memory())))
    assert got == [{"result": 42}]
    assert call.attributes["gen_ai.tool.name"] == "double"
    assert call.attributes["gen_ai.tool.call.arguments"] == {"value": 21}
    assert call.attributes["gen_ai.tool.call.result"] == {"result": 42}
    assert call.scope.name == "mcp-python-sdk"


@pytest.mark.slow
def test_a_server_over_stdio_joins_the_run_of_its_client(
    tmp_path: Path, store: Store, python_run: Callable[[str], None]
) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    python_run(CLIENT)
    run = store.run()
    (call,) = tool_calls(run)
    spans = {span.span_id: span for span in run.spans}
    asked = spans[call.parent_id]
    assert (asked.name, asked.span_kind) == ("MCP send tools/call double", 3)
    for one in (asked, call):
        assert one.attributes["gen_ai.tool.call.arguments"] == {"value": 21}
        assert one.attributes["gen_ai.tool.call.result"] == {"result": 42}
    assert {span.trace_id for span in run.spans} == {call.trace_id}


@pytest.mark.parametrize(("content", "kept"), [("full", 2), ("hashes", 2), ("none", 0)])
def test_what_a_client_says_and_is_told_is_content(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, content: str, kept: int
) -> None:
    monkeypatch.setenv("OTEL_REPLAY_CONTENT", content)
    calls = [span for span in recorded(over_streams).spans if "tools/call" in span.name]
    assert [span.name for span in calls] == ["tools/call double", "MCP send tools/call double"]
    for call in calls:
        said = [value for name, value in call.attributes.items() if name.startswith("gen_ai.tool.call.")]
        assert len(said) == kept
        assert all(str(value).startswith("sha256:") for value in said) is (content != "full")


@pytest.mark.parametrize("hook", ["_note", "_Noted._begin"])
def test_a_hook_of_a_client_that_fails_changes_nothing(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(f"otel_replay.libraries.mcp_client.{hook}", broken)
    got: list[Any] = []
    recorded(lambda: got.append(over_streams()))
    assert got == [{"result": 42}]
    assert guard.FAILURES.pop("recording a tool call that an MCP client sends") >= 1


@pytest.mark.parametrize("hook", ["_set", "install"])
def test_a_hook_that_fails_changes_nothing(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(f"otel_replay.libraries.mcp_calls.{hook}", broken)
    got: list[Any] = []
    recorded(lambda: got.append(in_memory()))
    assert got == [{"result": 42}]
    assert guard.FAILURES.pop("recording a tool call of MCP" if hook == "_set" else "hooking into mcp") >= 1
