"""The Model Context Protocol's conventions: what a client sends and a server answers, named by its method."""

from __future__ import annotations

from otel_replay.dialects.table import Said, Table
from otel_replay.dialects.words import MCP_METHOD

__all__ = ["MCP"]

_CALL = "tools/call"


def _tool_in_name(said: Said) -> str | None:
    """A span is named `{mcp.method.name} {target}`; the SDK's client says the tool nowhere else."""
    if said.attributes.get(MCP_METHOD) != _CALL:
        return None
    return said.name.partition(_CALL + " ")[2] or None


MCP = Table(
    name="mcp",
    parts={
        "tool_name": ("mcp.tool.name", _tool_in_name),
    },
)
"""The table; tools' names, arguments and results are those of the GenAI conventions."""
