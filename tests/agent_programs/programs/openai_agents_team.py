"""Two agents of the OpenAI Agents SDK: the first hands over to the second, which calls tools."""

import asyncio

from agents import Agent, Runner, function_tool, set_default_openai_client
from openai import AsyncOpenAI

# A key for this client alone: without one in the environment, the SDK sends no traces of its own to OpenAI.
set_default_openai_client(AsyncOpenAI(api_key="none"), use_for_tracing=False)


@function_tool
async def temperature(cell: int) -> str:
    """The temperature of a cell."""
    return f"cell {cell}: {20 + cell} degrees"


@function_tool(failure_error_function=None)
def explode() -> str:
    """Fails."""
    raise RuntimeError("the cell is gone")


keeper = Agent(name="keeper", model="gpt-test", instructions="You look after cells.", tools=[temperature])
desk = Agent(name="desk", model="gpt-test", instructions="You find who can help.", handoffs=[keeper])
clumsy = Agent(name="clumsy", model="gpt-test", instructions="You break things.", tools=[explode])


async def main() -> None:
    print((await Runner.run(desk, "cells 3 and 4")).final_output)
    stream = Runner.run_streamed(keeper, "stream a story")
    async for event in stream.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            print(event.data.delta, end="|")
    print()
    try:
        await Runner.run(clumsy, "break it")
    except Exception as error:
        print("failed:", error)


asyncio.run(main())
