"""A loop around OpenAI's SDK: tools, a stream, the Responses API, refusals, several calls at once."""

import asyncio
import json

import openai

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "temperature",
            "description": "The temperature of a cell",
            "parameters": {"type": "object", "properties": {"cell": {"type": "integer"}}},
        },
    }
]


def temperature(cell: int) -> str:
    return f"cell {cell}: {20 + cell} degrees"


def loop(client: openai.OpenAI) -> str:
    messages: list = [
        {"role": "system", "content": "You look after cells."},
        {"role": "user", "content": "Which cell is warmer, 3 or 4?"},
    ]
    while True:
        answer = client.chat.completions.create(
            model="gpt-test", messages=messages, tools=TOOLS, temperature=0.5
        )
        message = answer.choices[0].message
        messages.append(message)
        if not message.tool_calls:
            return message.content
        for call in message.tool_calls:
            result = temperature(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


async def at_once() -> None:
    async with openai.AsyncOpenAI() as client:

        async def ask(number: int) -> str:
            hello = [{"role": "user", "content": f"question {number}"}]
            answer = await client.chat.completions.create(model="gpt-test", messages=hello)
            return answer.choices[0].message.content

        print(await asyncio.gather(*(ask(number) for number in range(3))))


with openai.OpenAI() as client:
    print(loop(client))
    tell = [{"role": "user", "content": "stream a story"}]
    options = {"include_usage": True}
    for chunk in client.chat.completions.create(
        model="gpt-test", messages=tell, stream=True, stream_options=options
    ):
        if chunk.choices and chunk.choices[0].delta.content:
            print(chunk.choices[0].delta.content, end="|")
    print()
    print(client.responses.create(model="gpt-test", input="respond please").output_text)
    print(client.embeddings.create(model="embed-test", input=["one", "two"]).data[1].embedding)
    try:
        client.chat.completions.create(model="gpt-test", messages=[{"role": "user", "content": "refuse"}])
    except openai.BadRequestError as error:
        print("refused:", error.status_code)
    patient = client.with_options(max_retries=2)
    again = [{"role": "user", "content": "too fast"}]
    print(patient.chat.completions.create(model="gpt-test", messages=again).choices[0].message.content)
    try:
        broken = [{"role": "user", "content": "break off"}]
        for _ in client.chat.completions.create(model="gpt-test", messages=broken, stream=True):
            pass
    except openai.APIConnectionError:
        print("broken off")
asyncio.run(at_once())
