"""Rules that a run must fulfil: written in Python here, named by a table so that YAML can say the same."""

from otel_replay.assertions.checks import CheckFailed, Checks, check
from otel_replay.assertions.report import Failure
from otel_replay.assertions.rule import Result, Rule
from otel_replay.assertions.trajectory import Call
from otel_replay.queries.parse import selector
from otel_replay.queries.words import (
    agent,
    anything,
    approx,
    attr,
    decision,
    event,
    generation,
    log,
    process,
    run,
    span,
    task,
    tool,
)

__all__ = [
    "Call", "CheckFailed", "Checks", "Failure", "Result", "Rule", "check",
    "agent", "anything", "approx", "attr", "decision", "event", "generation", "log",
    "process", "run", "selector", "span", "task", "tool",
]  # fmt: skip
