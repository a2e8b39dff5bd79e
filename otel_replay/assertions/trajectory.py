"""The order of tool calls: what the run called, beside what is expected.

==============  ==========================================================================================
mode            the run fulfils it when
==============  ==========================================================================================
`strict`        it made the expected calls in their order, and no others
`unordered`     it made the expected calls in any order, and no others
`subset`        the run is the subset: every call that it made is expected, and some may be missing
`superset`      the run is the superset: it made every expected call, and perhaps others
`causal`        as `strict`, but calls that do not wait for each other may swap: those that stand in one inner
                list, or overlap in a run that is given as what is expected
==============  ==========================================================================================

Each call of the run is paired with one expected call at most, so two equal calls need two. Arguments are
compared `exact`, not at all (`ignore`), or so that the run's are some of the expected (`subset`: the run is
the subset here too) or all of them and more (`superset`); numbers may be off by `abs` or by the share `rel`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from otel_replay.analysis.comparisons import check_tolerances, glob_pattern
from otel_replay.analysis.items import Item, Items
from otel_replay.assertions.matching import Matching
from otel_replay.assertions.pairing import inversions, pair_in_order, pair_steps
from otel_replay.assertions.report import Mark
from otel_replay.assertions.rule import Result, Rule, shown
from otel_replay.errors import UsageError
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.names import meaning_of
from otel_replay.queries.query import Query
from otel_replay.queries.words import tool
from otel_replay.wording import counted

__all__ = ["Call", "Trajectory", "calls_of"]

_MOST_PAIRS = 4_000_000

Mode = Literal["strict", "unordered", "subset", "superset", "causal"]
Arguments = Literal["exact", "ignore", "subset", "superset"]


@dataclass(frozen=True, slots=True)
class Call:
    """An expected call. Calls of a lower `step` come first; those of the same step wait for none of it."""

    tool: str
    arguments: Any = None
    step: int = 0
    given: bool = True

    def __str__(self) -> str:
        return f"{self.tool}({_shown(self.arguments)})" if self.given else self.tool


def _shown(arguments: Any) -> str:
    if isinstance(arguments, Mapping):
        return ", ".join(f"{key}={shown(value):.60}" for key, value in arguments.items())
    return "" if arguments is None else f"{shown(arguments):.100}"


def calls_of(expected: Iterable[Any] | Items, *, among: Query | None = None) -> tuple[Call, ...]:
    """The calls that a person names: tools, pairs of tool and arguments, `Call`s, lists of parallel ones.

    Parameters
    ----------
    expected:
        Or a run: then the calls that it made, in the steps in which they waited for each other.
    among:
        Which tool calls of that run.

    Raises
    ------
    UsageError
        If something in it is no call.
    """
    if isinstance(expected, Items):
        return _calls_of_run(Indexed(expected), among)
    if isinstance(expected, (str, Mapping)) or not isinstance(expected, Iterable):
        hint = 'write it so: ["plan", ("search", {"q": "x"})], or give the run itself: load_items("golden")'
        raise UsageError(f"{expected!r:.80} is no list of calls", hint=hint)
    found: list[Call] = []
    for step, one in enumerate(expected):
        parallel = one if isinstance(one, (list, set, frozenset)) else [one]
        found += [_call(item, step) for item in parallel]
    return tuple(found)


def _call(one: Any, step: int) -> Call:
    if isinstance(one, Call):
        return Call(one.tool, one.arguments, step, one.given)
    if isinstance(one, str):
        return Call(one, None, step, given=False)
    if isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str):
        return Call(one[0], one[1], step)
    if isinstance(one, Mapping) and isinstance(one.get("tool"), str):
        return Call(one["tool"], one.get("arguments"), step, given="arguments" in one)
    raise UsageError(
        f"{one!r:.80} is no call",
        hint='a call is "search", ("search", {"q": "x"}) or {"tool": "search", "arguments": {…}}',
    )


def _calls_of_run(run: Indexed, among: Query | None) -> tuple[Call, ...]:
    """A step ends where every call of it has ended before the next one begins."""
    calls: list[Call] = []
    step = ends = 0
    for item in run.select((tool() if among is None else among).node):
        if calls and item.start_ns >= ends:
            step += 1
        ends = max(ends, item.start_ns if item.end_ns is None else item.end_ns)
        meaning = meaning_of(item)
        calls.append(Call(meaning.tool_name or item.name, meaning.tool_arguments, step))
    return tuple(calls)


@dataclass(frozen=True, slots=True)
class Trajectory(Rule):
    """The run made the expected tool calls; the module's table has the modes."""

    name: ClassVar[str] = "trajectory"
    expected: tuple[Call, ...]
    mode: Mode = "strict"
    arguments: Arguments = "exact"
    abs: float = 0.0
    rel: float = 0.0
    among: Query | None = None

    def __post_init__(self) -> None:
        for word, allowed in ((self.mode, get_args(Mode)), (self.arguments, get_args(Arguments))):
            if word not in allowed:
                raise UsageError(f"`{word}` is none of {', '.join(allowed)}")
        check_tolerances(abs=self.abs, rel=self.rel)

    def __str__(self) -> str:
        calls = ", ".join(map(str, self.expected))
        rest = "" if self.arguments == "exact" else f", arguments={self.arguments!r}"
        return f"trajectory([{calls}], mode={self.mode!r}{rest})"

    def _check(self, run: Indexed) -> Result:
        made = run.select((tool() if self.among is None else self.among).node)
        if len(made) * len(self.expected) > _MOST_PAIRS:
            raise UsageError(
                f"{len(made)} calls beside {len(self.expected)} expected ones are too many to pair",
                hint="`among` takes some of them; `otel-replay diff` compares runs of any length",
            )
        fits = [[self._fits(call, item) for item in made] for call in self.expected]
        if self.mode == "strict":
            pairs = pair_in_order(fits, len(made))
            swapped: list[tuple[int, int]] = []
        else:
            steps = [call.step if self.mode == "causal" else 0 for call in self.expected]
            pairs = pair_steps(fits, len(made), steps)
            swapped = inversions(pairs, steps)
        paired = set(pairs.values())
        missing = [] if self.mode == "subset" else [n for n in range(len(fits)) if n not in pairs]
        extra = [] if self.mode == "superset" else [n for n in range(len(made)) if n not in paired]
        if not missing and not extra and not swapped:
            return self._yes([made[n] for n in sorted(paired)])
        return self._told(run, made, pairs, missing, extra, swapped)

    def _fits(self, call: Call, item: Item) -> bool:
        meaning = meaning_of(item)
        if glob_pattern(call.tool).fullmatch(meaning.tool_name or item.name) is None:
            return False
        return not self._differences(call, meaning.tool_arguments)

    def _differences(self, call: Call, found: Any) -> list[str]:
        if self.arguments == "ignore" or not call.given:
            return []
        how = Matching(
            abs=self.abs,
            rel=self.rel,
            may_lack=self.arguments == "subset",
            may_have_more=self.arguments == "superset",
        )
        return how.differences(call.arguments, found)

    def _told(
        self,
        run: Indexed,
        made: Sequence[Item],
        pairs: Mapping[int, int],
        missing: Sequence[int],
        extra: Sequence[int],
        swapped: Sequence[tuple[int, int]],
    ) -> Result:
        said, lines = [], []
        if missing:
            are = "is" if len(missing) == 1 else "are"
            said.append(f"{counted(len(missing), 'expected call')} {are} missing or out of place")
        if extra:
            were = "was" if len(extra) == 1 else "were"
            said.append(f"{counted(len(extra), 'call')} {were} not expected")
        if swapped:
            have = "has" if len(swapped) == 1 else "have"
            said.append(f"{counted(len(swapped), 'pair of calls', 'pairs of calls')} {have} swapped")
        lines.append(f"expected: {', '.join(map(str, self.expected[:30])) or 'no calls'}")
        lines.append(f"made:     {', '.join(str(_made(item)) for item in made[:30]) or 'no calls'}")
        for number in missing[:5]:
            lines.append(f"missing: {self.expected[number]}{self._nearest(number, made, set(extra))}")
        for first, second in swapped[:5]:
            lines.append(f"swapped: {self.expected[first]} must come before {self.expected[second]}")
        marks = [Mark(made[number], False, "not expected here") for number in extra]
        marks += [Mark(made[pairs[second]], False, "too early") for _, second in swapped]
        good = [made[number] for number in sorted(set(pairs.values()))]
        return self._no(run, "; ".join(said), bad=marks, good=good, lines=lines)

    def _nearest(self, number: int, made: Sequence[Item], extra: set[int]) -> str:
        """The unexpected call of the same tool whose arguments differ least."""
        call = self.expected[number]
        misses = [
            (differences, item)
            for place, item in enumerate(made)
            if place in extra and glob_pattern(call.tool).fullmatch(_made(item).tool)
            for differences in [self._differences(call, _made(item).arguments)]
        ]
        if not misses:
            return ""
        differences, item = min(misses, key=lambda miss: (len(miss[0]), miss[1].seq))
        reason = "; ".join(differences[:3]) or "it came at another place"
        return f"; nearest is {_made(item)}: {reason}"


def _made(item: Item) -> Call:
    meaning = meaning_of(item)
    return Call(meaning.tool_name or item.name, meaning.tool_arguments)
