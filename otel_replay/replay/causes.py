"""The likely cause of a divergence, told from what differs; and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otel_replay.redaction import MASK
from otel_replay.replay.cursor import Found
from otel_replay.replay.paths import MISSING, Difference, Path, text_of
from otel_replay.replay.requests import Request

__all__ = ["Cause", "Drift", "cause_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why, as far as it can be told: a short name for programs, a sentence and a hint for people."""

    name: str
    text: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A call that was made although it was recorded, and gave something else."""

    step: int
    name: str
    differences: tuple[Difference, ...]


_RECORD_ANEW = (
    "record the run anew, or replay with match=`nearest` (`--match nearest`) to see how far it comes"
)

_VOLATILE = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"  # UUID
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"  # time
    r"|\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r"|0x[0-9a-fA-F]{6,}|(?<![0-9A-Za-z])(?=[0-9a-f]*\d)[0-9a-f]{12,}(?![0-9A-Za-z])"  # address, id
    r"|/tmp/[^\s\"']+|(?<!\d)1[6-9]\d{8}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?(?!\d)"  # temporary path, epoch
)


def cause_of(
    request: Request, found: Found, differing: Sequence[Difference], drifts: Sequence[Drift], left: int
) -> Cause:
    """The first cause that fits. `left`: how many recorded calls nobody has asked for yet."""
    if found.used:
        return _asked_again(found)
    if found.nearest is None:
        return _nothing_left(request, left)
    for rule in (_redacted, _volatile):
        cause = rule(differing)
        if cause is not None:
            return cause
    if drifts:
        return _drifted(drifts[-1])
    for names, cause in _BY_FIELD:
        if all(difference.path[:1] in [(name,) for name in names] for difference in differing):
            return cause
    return _in_the_messages(differing)


def _nothing_left(request: Request, left: int) -> Cause:
    what = "tool calls" if request.kind == "tool call" else "generations"
    text = f"the recording has no more {what}: the program asks for more than it did"
    if left:
        text += f" ({left} calls of another kind are left)"
    return Cause(name="dry", text=text, hint="record the run anew; a recording does not make answers up")


def _asked_again(found: Found) -> Cause:
    times = "once" if found.used == 1 else f"{found.used} times"
    return Cause(
        name="asked again",
        text=f"the same was asked {times} when it was recorded, and is asked once more now",
        hint="look for a retry or a loop that goes round more often than it did",
    )


def _redacted(differing: Sequence[Difference]) -> Cause | None:
    places = [one.place for one in differing if (MASK in str(one.recorded)) != (MASK in str(one.now))]
    if not places:
        return None
    return Cause(
        name="redaction",
        text=f"a secret was taken out of {places[0]} on one side and not on the other",
        hint="replay with the OTEL_REPLAY_REDACT and OTEL_REPLAY_REDACT_KEYS that the run was recorded with",
    )


def _volatile(differing: Sequence[Difference]) -> Cause | None:
    if not differing or not all(_is_volatile(one) for one in differing):
        return None
    patterns = list(dict.fromkeys(_pattern(one.path) for one in differing))[:3]
    return Cause(
        name="volatile",
        text="only times, ids or temporary paths differ, which do in every run",
        hint=f"ignore={patterns!r}, or have the program make them in a way that repeats",
    )


def _is_volatile(one: Difference) -> bool:
    if one.recorded is MISSING or one.now is MISSING:
        return False
    recorded, now = str(one.recorded), str(one.now)
    masked = _VOLATILE.sub("#", recorded)
    return masked == _VOLATILE.sub("#", now) and "#" in masked


def _pattern(path: Path) -> str:
    return re.sub(r"\[\d+\]", "[*]", text_of(path))


def _drifted(drift: Drift) -> Cause:
    place = drift.differences[0].place if drift.differences else ""
    return Cause(
        name="tool drift",
        text=f"step {drift.step}, {drift.name}, was made and gave something else than it did"
        + (f" (at {place})" if place else ""),
        hint="let the recording answer this tool too",
    )


_BY_FIELD: tuple[tuple[tuple[str, ...], Cause], ...] = (
    (
        ("arguments",),
        Cause(name="arguments", text="the tool is called with other arguments", hint=_RECORD_ANEW),
    ),
    (
        ("call_id",),
        Cause(
            name="call id",
            text="only the id of the call differs",
            hint="ignore=['call_id'], if the program makes these ids itself",
        ),
    ),
    (("tool",), Cause(name="other tool", text="another tool is called", hint=_RECORD_ANEW)),
    (("model", "provider"), Cause(name="model", text="another model is asked", hint=_RECORD_ANEW)),
    (
        ("request", "operation"),
        Cause(name="parameters", text="the model is asked with other parameters", hint=_RECORD_ANEW),
    ),
    (
        ("system_instructions",),
        Cause(name="prompt", text="the system instructions have changed", hint=_RECORD_ANEW),
    ),
    (
        ("tool_definitions",),
        Cause(name="tools offered", text="the tools on offer have changed", hint=_RECORD_ANEW),
    ),
)


def _in_the_messages(differing: Sequence[Difference]) -> Cause:
    messages = [one for one in differing if one.path[:1] == ("input_messages",)]
    for is_it, cause in _IN_MESSAGES:
        if messages and is_it(messages):
            return cause
    return Cause(name="request", text="something else is asked", hint=_RECORD_ANEW)


def _adds_or_drops(messages: Sequence[Difference]) -> bool:
    return all(len(one.path) == 2 and MISSING in (one.recorded, one.now) for one in messages)


def _says_response(messages: Sequence[Difference]) -> bool:
    return any("response" in one.path for one in messages)


_IN_MESSAGES: tuple[tuple[Callable[[Sequence[Difference]], bool], Cause], ...] = (
    (
        _adds_or_drops,
        Cause(
            name="history",
            text="the conversation is longer or shorter than it was",
            hint="look for a message that is added, left out or cut off earlier",
        ),
    ),
    (
        _says_response,
        Cause(
            name="tool drift",
            text="a tool's result in the conversation is not the recorded one",
            hint="let the recording answer this tool: decorate it with @otel_replay.tool, or use perform()",
        ),
    ),
    (
        bool,
        Cause(name="prompt", text="the text of the conversation has changed", hint=_RECORD_ANEW),
    ),
)
