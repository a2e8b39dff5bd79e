"""A loop around OpenAI's SDK whose tools are an MCP server's, in a process of its own."""

import asyncio
import json
import os
import sys

import openai
from mcp import Client, StdioServerParameters

SERVER = os.path.join(os.path.dirname(__file__), "mcp_cells.py")


async def main() -> None:
    server = StdioServerParameters(command=sys.executable, args=[SERVER], env=dict(os.environ))
    async with openai.AsyncOpenAI() as model, Client(server) as cells:
        tools = [
            {"type": "function", "function": {"name": tool.name, "parameters": tool.input_schema}}
            for tool in (await cells.list_tools()).tools
        ]
        messages: list = [{"role": "user", "content": "cells 3 and 4"}]
        while True:
            answer = await model.chat.completions.create(model="gpt-test", messages=messages, tools=tools)
            message = answer.choices[0].message
            messages.append(message)
            if not message.tool_calls:
                print(message.content)
                break
            calls = [(call, json.loads(call.function.arguments)) for call in message.tool_calls]
            results = await asyncio.gather(*(cells.call_tool(call.function.name, a) for call, a in calls))
            for (call, _), result in zip(calls, results, strict=True):
                text = result.content[0].text
                messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
        print((await cells.call_tool("temperature", {"cell": 99})).is_error)


asyncio.run(main())
