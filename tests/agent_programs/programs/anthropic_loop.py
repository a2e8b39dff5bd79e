"""Anthropic's SDK: its own loop of tools, a stream, a refusal, an overloaded model that is asked again."""

import anthropic


@anthropic.beta_tool
def temperature(cell: int) -> str:
    """The temperature of a cell.

    Args:
        cell: Its number.
    """
    return f"cell {cell}: {20 + cell} degrees"


with anthropic.Anthropic() as client:
    runner = client.beta.messages.tool_runner(
        model="claude-test",
        max_tokens=100,
        system="You look after cells.",
        tools=[temperature],
        messages=[{"role": "user", "content": "cells 3 and 4"}],
    )
    print(runner.until_done().content[0].text)

    def tell(text: str) -> dict:
        return {
            "model": "claude-test",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": text}],
        }

    with client.messages.stream(**tell("stream a story")) as stream:
        for text in stream.text_stream:
            print(text, end="|")
    print()
    print(client.with_options(max_retries=1).messages.create(**tell("busy")).content[0].text)
    try:
        client.messages.create(**tell("refuse"))
    except anthropic.BadRequestError as error:
        print("refused:", error.status_code)
