"""What an exception's text keeps where content is not kept: a provider's refusal may quote the prompt.

An exception passes from a generation through tools and agents to the run's end and into logs, so its text is
looked for wherever there is one. Its type and where it came from stay.
"""

from __future__ import annotations

import re

__all__ = ["logs_content", "type_and_text", "without_text"]

_TYPE = re.compile(
    r"([A-Za-z_][\w.]*(?:Error|Exception|Exit|Failure|Fault|Group|Interrupt|Timeout|Warning))(?:: |$)"
)
_OURS = re.compile(r"exit code -?\d+|ended by SIG[A-Z0-9+]+")
"""What is said of a process in our own words."""
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = '  File "'

_LOGGERS = frozenset(
    {
        *("agno", "anthropic", "autogen_core", "boto3", "botocore", "claude_agent_sdk", "cohere"),
        *("crewai", "dspy", "fastmcp", "google_adk", "google_genai", "groq", "haystack", "httpcore"),
        *("huggingface_hub", "instructor", "langchain", "langchain_anthropic", "langchain_core"),
        *("langchain_openai", "langgraph", "langsmith", "litellm", "LiteLLM", "llama_index", "mcp"),
        *("mistralai", "ollama", "openai", "openinference", "pydantic_ai", "smolagents", "strands"),
        *("together", "traceloop", "vertexai"),
    }
)
_LONGER = (
    "opentelemetry.instrumentation",
    "opentelemetry.util.genai",
    "google.genai",
    "google.adk",
    "asyncio",
)
"""Loggers of libraries of models and agents; and asyncio, which tells of exceptions that nobody awaited."""


def logs_content(logger: str) -> bool:
    """Whether what this logger says may quote messages: it belongs to a library of models or agents."""
    return logger.partition(".")[0] in _LOGGERS or logger.startswith(_LONGER)


def type_and_text(message: str) -> tuple[str, str]:
    """The type that a failure's message begins with, or empty, and its text; our own words are no text."""
    if _OURS.fullmatch(message):
        return message, ""
    found = _TYPE.match(message)
    return (found[1], message[found.end() :]) if found else ("", message)


def without_text(stacktrace: str) -> str:
    """The places of a traceback, without lines of source and what exceptions say.

    Of chained exceptions those of the first: what stands behind its frames may be anybody's words, and could
    look like frames.
    """
    first, *lines = stacktrace.splitlines() or [""]
    if first != _TRACEBACK:
        return ""
    places = [first]
    for line in lines:
        if not line.startswith("  "):
            break
        if line.startswith(_FRAME):
            places.append(line)
    return "\n".join(places)
