"""An agent of Pydantic AI that calls tools side by side, tries again, and hands a part to another agent."""

import asyncio

from pydantic_ai import Agent, ModelRetry

expert = Agent("openai-chat:gpt-test", name="expert", instructions="You know everything about heat.")
keeper = Agent("openai-chat:gpt-test", name="keeper", instructions="You look after cells.")
tries = 0


@keeper.tool_plain
async def temperature(cell: int) -> str:
    """The temperature of a cell."""
    await asyncio.sleep(0.02 if cell == 3 else 0.01)
    return f"cell {cell}: {20 + cell} degrees"


@keeper.tool_plain
async def ask_expert(question: str) -> str:
    """What the expert says."""
    global tries
    tries += 1
    if tries == 1:
        raise ModelRetry("ask in a whole sentence")
    return (await expert.run(question)).output


async def main() -> None:
    answers = await asyncio.gather(keeper.run("cells 3 and 4"), keeper.run("cells 5 and 6"))
    print([answer.output for answer in answers])
    async with keeper.run_stream("stream a story") as stream:
        async for text in stream.stream_text(delta=True, debounce_by=None):
            print(text, end="|")
    print()
    print((await keeper.run("needs the expert")).output)


asyncio.run(main())
