"""What there is to say of a span or a moment, in one line: attributes, tokens, values, how many of what."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

from otel_replay.analysis.facts import as_number
from otel_replay.analysis.tree import Moment, Node
from otel_replay.attributes import (
    ARTIFACT_EVENT,
    ARTIFACT_NAME,
    ARTIFACT_SIZE,
    CHECKPOINT_EVENT,
    CHECKPOINT_NAME,
    CHECKPOINT_SHA256,
    CHECKPOINT_SIZE,
    CHUNK,
    CHUNK_EVENT,
    ERROR_TYPE,
    EXCEPTION_EVENT,
    FILE_LINES,
    FILE_OPENS,
    FILE_OTHERS,
    FILE_PATH,
    FILE_READ_EVENT,
    FILE_SIZE,
    FILE_WRITE_EVENT,
    FILE_WRITTEN_EVENT,
    GEN_AI_FINISH_REASONS,
    GEN_AI_INPUT_TOKENS,
    GEN_AI_OUTPUT_TOKENS,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_RESULT,
    HTTP_METHOD,
    HTTP_STATUS,
    PROCESS_COMMAND_ARGS,
    PROCESS_COMMAND_LINE,
    PROCESS_DURATION_MS,
    PROCESS_END_EVENT,
    PROCESS_EVENT,
    PROCESS_EXIT_CODE,
    PROCESS_PID,
    PROCESS_SIGNAL,
    PROCESS_WORKING_DIRECTORY,
    URL_FULL,
    VCS_HEAD_NAME,
    VCS_REVISION,
)
from otel_replay.cli import people
from otel_replay.cli.terminal import Text
from otel_replay.records import Decision, LogEntry
from otel_replay.wording import duration

__all__ = ["EXCEPTION_EVENT", "counts_text", "facts_text", "moment_text"]

_LONG_NAME = 20
_MOST_ARGUMENTS = 20
_OURS = ("gen_ai.", "otel_replay.")
_OF_PROGRAMS = ("process.", "host.", "os.", "vcs.")
_OF_REQUESTS = ("http.", "url.", "server.", "network.")


def facts_text(node: Node) -> Text:
    """What tells most of a span: tokens, a tool's arguments and result, a request's status, the rest."""
    facts = {name: fact for name, fact in node.facts.items() if not _is_its_name(node, fact)}
    parts = [_tokens(facts), _tool(facts), _request(facts), _program(facts), _others(facts)]
    return Text(("  ".join(part for part in parts if part), "dim"))


def _is_its_name(node: Node, fact: Any) -> bool:
    return isinstance(fact, str) and len(fact) > _LONG_NAME and node.name.endswith(fact)


def _tokens(facts: Mapping[str, Any]) -> str:
    if GEN_AI_INPUT_TOKENS not in facts and GEN_AI_OUTPUT_TOKENS not in facts:
        return ""
    asked, answered = as_number(facts.get(GEN_AI_INPUT_TOKENS)), as_number(facts.get(GEN_AI_OUTPUT_TOKENS))
    text = f"{asked:,} + {answered:,} tokens"
    reasons = facts.get(GEN_AI_FINISH_REASONS)
    return (
        f"{text}, {', '.join(map(str, reasons))}" if isinstance(reasons, (list, tuple)) and reasons else text
    )


def _tool(facts: Mapping[str, Any]) -> str:
    text = people.pairs(facts.get(GEN_AI_TOOL_ARGUMENTS))
    result = facts.get(GEN_AI_TOOL_RESULT)
    return f"{text} = {people.value(result)}".strip() if result is not None else text


def _request(facts: Mapping[str, Any]) -> str:
    """`404 https://example.com/cells`: the method is the span's name."""
    if HTTP_METHOD not in facts:
        return ""
    told = (facts.get(HTTP_STATUS), facts.get(URL_FULL))
    return " ".join(str(part) for part in told if part is not None)


def _program(facts: Mapping[str, Any]) -> str:
    """`python tune.py --rows 5  pid 4711  main 1a2b3c4`: the rest stands in the run's own data."""
    if PROCESS_PID not in facts:
        return ""
    commit = [str(facts.get(VCS_HEAD_NAME, "")), str(facts.get(VCS_REVISION, ""))[:7]]
    parts = [_command(facts), f"pid {facts[PROCESS_PID]}", " ".join(part for part in commit if part)]
    return "  ".join(part for part in parts if part)


def _command(facts: Mapping[str, Any]) -> str:
    given = facts.get(PROCESS_COMMAND_ARGS)
    if isinstance(given, (list, tuple)):
        return " ".join(map(_word, given[:_MOST_ARGUMENTS])) + (" …" if len(given) > _MOST_ARGUMENTS else "")
    return str(facts.get(PROCESS_COMMAND_LINE, ""))


_PLAIN = frozenset(string.ascii_letters + string.digits + "@%+=:,./_-")
"""What a word of a command has where a shell needs no quotes (`shlex`)."""


def _word(value: object) -> str:
    """A word of a command: `2` is `2`, for all words are texts."""
    return value if isinstance(value, str) and value and _PLAIN.issuperset(value) else people.value(value)


def _others(facts: Mapping[str, Any]) -> str:
    # Why it failed stands below, in words; where a model was asked, in the request's own span.
    asks = HTTP_METHOD in facts or any(name.startswith("gen_ai.") for name in facts)
    known = (*_OURS, *_OF_REQUESTS) if asks else _OURS
    if PROCESS_PID in facts:
        known = (*known, *_OF_PROGRAMS)
    return people.pairs(
        {name: value for name, value in facts.items() if not name.startswith(known) and name != ERROR_TYPE}
    )


def counts_text(node: Node) -> Text:
    """`◆ 98 AFR_CORRECTION, 18 GRADIENT_LIMITING`."""
    line = Text(("◆ ", "action"))
    return line.add(", ".join(f"{count:,} {label}" for label, count in node.counts.most_common()), "dim")


def moment_text(moment: Moment) -> Text:
    """A decision, an event or a log record on one line."""
    if isinstance(moment, Decision):
        line = Text(("◆ ", "action"), (moment.action, "action"))
        for text, style in (
            (people.pairs(moment.cell), "key"),
            (people.pairs(moment.values), ""),
            (moment.reason, "dim"),
        ):
            if text:
                line.add("  ").add(text, style)
        return line
    if isinstance(moment, LogEntry):
        return _log_text(moment)
    if moment.name == EXCEPTION_EVENT:
        told = ": ".join(
            str(moment.attributes[name])
            for name in ("exception.type", "exception.message")
            if moment.attributes.get(name)
        )
        return Text(("✗ " + (told or "exception"), "failed"))
    describe = _EVENTS.get(moment.name)
    told = describe(moment.attributes) if describe else people.pairs(moment.attributes)
    return Text(("· ", "dim"), moment.name, ("  " + told if told else "", "dim"))


def _log_text(entry: LogEntry) -> Text:
    body = (
        ""
        if entry.body is None
        else people.value(entry.body)
        if not isinstance(entry.body, str)
        else entry.body
    )
    parts = [part for part in (entry.severity_text, entry.event_name, body) if part]
    return Text(
        ("· ", "dim"),
        "  ".join(parts) or "log record",
        ("  " + people.pairs(entry.attributes), "dim"),
    )


def _file(attributes: Mapping[str, Any]) -> str:
    parts = [str(attributes.get(FILE_PATH, ""))]
    if FILE_LINES in attributes:
        parts.append(people.counted(as_number(attributes[FILE_LINES]), "line"))
    if FILE_SIZE in attributes:
        parts.append(people.size(as_number(attributes[FILE_SIZE])))
    if FILE_OPENS in attributes:
        parts.append(f"opened {as_number(attributes[FILE_OPENS]):,} times by now")
    if ERROR_TYPE in attributes:
        error = str(attributes[ERROR_TYPE])
        parts.append("not there" if error == "FileNotFoundError" else error)
    if FILE_OTHERS in attributes:
        parts = [f"and {as_number(attributes[FILE_OTHERS]):,} that are not listed"]
    return "  ".join(parts)


def _process(attributes: Mapping[str, Any]) -> str:
    parts = []
    if PROCESS_WORKING_DIRECTORY in attributes:
        parts.append(f"in {attributes[PROCESS_WORKING_DIRECTORY]}")
    if PROCESS_SIGNAL in attributes:
        parts.append(f"ended by {attributes[PROCESS_SIGNAL]}")
    elif PROCESS_EXIT_CODE in attributes:
        parts.append(f"exit code {attributes[PROCESS_EXIT_CODE]}")
    if PROCESS_DURATION_MS in attributes:
        parts.append(duration(round(as_number(attributes[PROCESS_DURATION_MS]) * 1e6)))
    parts.append(_command(attributes))
    return "  ".join(parts)


def _checkpoint(attributes: Mapping[str, Any]) -> str:
    parts = [str(attributes.get(CHECKPOINT_NAME, "")), str(attributes.get(CHECKPOINT_SHA256, ""))[:12]]
    if CHECKPOINT_SIZE in attributes:
        parts.append(people.size(as_number(attributes[CHECKPOINT_SIZE])))
    return "  ".join(parts)


def _artifact(attributes: Mapping[str, Any]) -> str:
    parts = [str(attributes.get(ARTIFACT_NAME, ""))]
    if ARTIFACT_SIZE in attributes:
        parts.append(people.size(as_number(attributes[ARTIFACT_SIZE])))
    return "  ".join(parts)


_EVENTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    FILE_READ_EVENT: _file,
    FILE_WRITE_EVENT: _file,
    FILE_WRITTEN_EVENT: _file,
    PROCESS_EVENT: _process,
    PROCESS_END_EVENT: _process,
    CHECKPOINT_EVENT: _checkpoint,
    ARTIFACT_EVENT: _artifact,
    CHUNK_EVENT: lambda attributes: people.value(attributes.get(CHUNK)),
}
