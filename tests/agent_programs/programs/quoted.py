"""Providers that refuse, and quote what they were asked; the program logs it, and ends with a refusal."""

import asyncio
import logging

import anthropic
import openai
from google import genai
from pydantic_ai import Agent

logging.getLogger().setLevel(logging.DEBUG)
log = logging.getLogger("program")


def ask_openai() -> None:
    openai.OpenAI(max_retries=0).chat.completions.create(
        model="gpt-test", messages=[{"role": "user", "content": "the zanzibarine secret"}]
    )


def ask_responses() -> None:
    openai.OpenAI(max_retries=0).responses.create(model="gpt-test", input="the zanzibarine secret")


def ask_anthropic() -> None:
    anthropic.Anthropic(max_retries=0).messages.create(
        model="claude-test", max_tokens=9, messages=[{"role": "user", "content": "the zanzibarine secret"}]
    )


def ask_google() -> None:
    with genai.Client() as client:
        client.models.generate_content(model="gemini-test", contents="the zanzibarine secret")


def ask_agent() -> None:
    Agent("openai:gpt-test").run_sync("the zanzibarine secret")


async def nobody_awaits() -> None:
    task = asyncio.create_task(asyncio.to_thread(ask_openai))
    await asyncio.wait([task])


for ask in (ask_openai, ask_responses, ask_anthropic, ask_google, ask_agent):
    try:
        ask()
    except Exception as error:
        print(type(error).__name__)
        log.exception("%s failed: %s", ask.__name__, error)
asyncio.run(nobody_awaits())
ask_openai()
