"""Libraries that record themselves by OpenTelemetry: what is to be said to them; what others leave out."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from types import ModuleType

__all__ = ["COMPLETE", "SWITCH_OFF", "SWITCH_ON"]


def _pydantic_ai(module: ModuleType, content: str) -> None:
    agent = module.Agent
    if agent._instrument_default is not False:
        return  # the program has chosen
    if content == "none":
        settings = module.InstrumentationSettings
        agent.instrument_all(settings(include_content=False, include_binary_content=False))
    else:
        agent.instrument_all()


def _nothing_to_do(module: ModuleType, content: str) -> None:
    """It records itself where a tracer provider is set; content as variables say, or none."""
    del module, content


def _mcp(module: ModuleType, content: str) -> None:
    from otel_replay.libraries import mcp_calls

    del module, content
    mcp_calls.install()


def _switch_anthropic_off(environ: MutableMapping[str, str]) -> None:
    # Clients that are made from now on; those that are there already go on.
    environ.setdefault("ANTHROPIC_OPEN_TELEMETRY", "false")


def _openai_agents() -> None:
    from otel_replay.libraries import openai_agents_calls

    openai_agents_calls.install()


COMPLETE: dict[str, Callable[[], None]] = {"openai-agents": _openai_agents}
"""What adds to the spans of others what they leave out, whoever switches them on; by the library's name."""

SWITCH_ON: dict[str, Callable[[ModuleType, str], None]] = {
    "anthropic": _nothing_to_do,
    "mcp": _mcp,
    "pydantic-ai": _pydantic_ai,
}
SWITCH_OFF: dict[str, Callable[[MutableMapping[str, str]], None]] = {
    "anthropic": _switch_anthropic_off,
}
"""What to do by the library's name, and what where the program switches another one of the library on."""
