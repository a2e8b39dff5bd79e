"""An MCP server that knows cells."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("cells")


@server.tool()
def temperature(cell: int) -> str:
    """The temperature of a cell."""
    if cell > 90:
        raise ValueError("there is no such cell")
    return f"cell {cell}: {20 + cell} degrees"


if __name__ == "__main__":
    server.run(transport="stdio")
