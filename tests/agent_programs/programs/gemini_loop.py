"""A loop around Google's SDK: parallel tools, streams, its own loop of tools, refusals, calls at once."""

import asyncio

from google import genai
from google.genai import errors, types

CELL = types.Schema(type="OBJECT", properties={"cell": types.Schema(type="INTEGER")}, required=["cell"])
ASKED = types.FunctionDeclaration(
    name="temperature", description="The temperature of a cell", parameters=CELL
)
BRIEF = types.GenerateContentConfig(
    system_instruction="You look after cells.",
    temperature=0.5,
    tools=[types.Tool(function_declarations=[ASKED])],
)


def temperature(cell: int) -> str:
    """The temperature of a cell."""
    return f"cell {cell}: {20 + cell} degrees"


def loop(client: genai.Client) -> str:
    said = [types.Content(role="user", parts=[types.Part(text="cells 3 and 4")])]
    while True:
        answer = client.models.generate_content(model="gemini-test", contents=said, config=BRIEF)
        if not answer.function_calls:
            return answer.text
        said.append(answer.candidates[0].content)
        told = [
            types.Part.from_function_response(name=call.name, response={"result": temperature(**call.args)})
            for call in answer.function_calls
        ]
        said.append(types.Content(role="user", parts=told))


async def at_once(client: genai.Client) -> None:
    async def ask(number: int) -> str:
        answer = await client.aio.models.generate_content(model="gemini-test", contents=f"question {number}")
        return answer.text

    print(await asyncio.gather(*(ask(number) for number in range(3))))
    stream = await client.aio.models.generate_content_stream(model="gemini-test", contents="stream a story")
    async for chunk in stream:
        print(chunk.text, end="|")
    print()


with genai.Client() as client:
    print(loop(client))
    for chunk in client.models.generate_content_stream(model="gemini-test", contents="stream a story"):
        print(chunk.text, end="|")
    print()
    own = types.GenerateContentConfig(tools=[temperature])
    print(client.models.generate_content(model="gemini-test", contents="cells 5 and 6", config=own).text)
    for asked in ("refuse", "break off"):
        try:
            for _ in client.models.generate_content_stream(model="gemini-test", contents=asked):
                pass
        except errors.APIError as error:
            print("refused:", error.code)
        except Exception as error:
            print("broken off:", type(error).__name__)
    asyncio.run(at_once(client))
