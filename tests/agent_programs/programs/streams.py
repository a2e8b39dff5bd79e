"""Says each piece of a stream as soon as it is there."""

import asyncio

import anthropic
import openai

ASKED = [{"role": "user", "content": "stream"}]
MODEL = {"model": "test", "messages": ASKED}


def say(piece: str | None) -> None:
    if piece:
        print(piece.strip(), flush=True)


async def listen() -> None:
    async with openai.AsyncOpenAI() as client:
        async for chunk in await client.chat.completions.create(**MODEL, stream=True):
            say(chunk.choices[0].delta.content)


with openai.OpenAI() as client:
    for chunk in client.chat.completions.create(**MODEL, stream=True):
        say(chunk.choices[0].delta.content)
    with client.responses.stream(model="test", input="stream") as events:
        for event in events:
            say(event.delta if event.type == "response.output_text.delta" else None)
asyncio.run(listen())
with anthropic.Anthropic() as client, client.messages.stream(**MODEL, max_tokens=9) as stream:
    for piece in stream.text_stream:
        say(piece)
