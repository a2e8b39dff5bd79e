"""What would be hooked in a program, read from its source: nothing of it is run, and nothing imported.

The script is followed through its imports as far as they are the program's own; packages of others are looked
into where a rule names them. What is imported by other means is not seen here, and is hooked all the same.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from otel_replay.rules.defined import Defined, Module
from otel_replay.rules.hooking import CONVENTION, parts_for
from otel_replay.rules.modules import modules_of
from otel_replay.rules.noted import Note, notes_in
from otel_replay.rules.rule import CONVENTIONS, Rule, Rules

__all__ = ["Hookable", "Listing", "list_functions", "problems_of_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hookable:
    """A function that would be hooked: `module:qualname`, as what, where it stands, by which rule."""

    function: str
    kind: str
    place: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What would be hooked, and what is wrong with rules, a sentence each."""

    functions: tuple[Hookable, ...]
    problems: tuple[str, ...]


def list_functions(command: Sequence[str], rules: Sequence[Rule], folder: Path) -> Listing:
    """What a command's functions would be recorded as.

    Parameters
    ----------
    command:
        The program and its arguments, as they would be started in `folder`.
    rules:
        The rules; the conventions come by themselves.
    """
    modules = modules_of(command, rules, folder)
    found: list[Hookable] = []
    problems: list[str] = []
    blamed: set[str] = set()
    for module in modules:
        for function in module.functions:
            hookables, problem = _looked_at(module, function, rules)
            found += hookables
            if problem is not None:
                blamed.add(problem.rule)
                problems.append(problem.text)
    if not modules:
        problems.append(
            f"`{command[0]}` is no Python program whose source is at hand: its functions show as it runs"
        )
    else:
        used = {one.rule for one in found} | blamed
        problems += [
            _no_match(rule, rules, used, modules)
            for rule in rules
            if rule.where not in used and rule.kind != "ignore"
        ]
    return Listing(functions=tuple(found), problems=tuple(problems))


def problems_of_run(
    command: Sequence[str], rules: Sequence[Rule], folder: Path, notes: Path
) -> tuple[str, ...]:
    """What is to be told at the end of a run: functions that were not hooked, and rules that matched nothing.

    Parameters
    ----------
    notes:
        The folder in which the processes of the run said what they hooked.
    """
    said = list(notes_in(notes))
    hooked = {one.function for one in said if one.what == "hooked"}
    problems = [
        f"{one.function} is not recorded ({one.rule}): {one.text}"
        for one in said
        if one.what == "problem" and one.function not in hooked
    ]
    used = {one.rule for one in said}
    idle = [rule for rule in rules if rule.where not in used and rule.kind != "ignore"]
    if idle:
        modules = modules_of(command, rules, folder)
        problems += [_no_match(rule, rules, used, modules) for rule in idle]
    return tuple(problems)


def _looked_at(
    module: Module, function: Defined, rules: Sequence[Rule]
) -> tuple[list[Hookable], Note | None]:
    known = [*rules, *(() if module.records_itself or function.name != CONVENTION else CONVENTIONS)]
    match = Rules(known).match(module.names, function.qualname)
    if match is None:
        return [], None
    name = f"{module.names[0]}:{function.qualname}"
    try:
        parts = parts_for(match, function.qualname, function.parameters, passes_on=False, module=name)
    except ValueError as error:
        rule = match.decision or match.span
        where = rule.where if rule is not None else ""
        return [], Note("problem", name, f"{name} would not be recorded ({where}): {error}", where)
    matched = [rule for rule in (match.decision, match.span) if rule is not None and parts is not None]
    place = f"{_relative(module.path)}:{function.line}"
    return [Hookable(function=name, kind=rule.kind, place=place, rule=rule.where) for rule in matched], None


def _relative(path: str) -> str:
    here = os.getcwd() + os.sep
    return path.removeprefix(here)


def _no_match(rule: Rule, rules: Sequence[Rule], used: Collection[str], modules: Sequence[Module]) -> str:
    names = {
        f"{name}:{one.qualname}" for module in modules for name in module.names for one in module.functions
    }
    there = [
        (module.names, one.qualname)
        for module in modules
        for one in module.functions
        if rule.is_for(module.names, one.qualname)
    ]
    if there:
        names_of, qualname = there[0]
        why = _why_idle(rule, [one for one in rules if one.is_for(names_of, qualname)], used)
        return f"{names_of[0]}:{qualname} was not recorded ({rule.where}): {why}"
    near: list[str] = []
    for pattern in rule.functions:
        near += get_close_matches(pattern, names, 3, 0.6)
        wanted = pattern.rpartition(":")[2]
        by_end = {name.rpartition(":")[2]: name for name in sorted(names)}
        near += [by_end[end] for end in get_close_matches(wanted, by_end, 2, 0.6)]
    hint = f"; near it: {', '.join(dict.fromkeys(near))}" if near else ""
    return f"no function is {' or '.join(rule.functions)} ({rule.where}){hint}"


def _why_idle(rule: Rule, about_it: Sequence[Rule], used: Collection[str]) -> str:
    ignoring = next((one for one in about_it if one.kind == "ignore"), None)
    if ignoring is not None:
        return f"{ignoring.where} says to ignore it"
    first = next(one for one in about_it if (one.kind == "decision") == (rule.kind == "decision"))
    if first is not rule and first.where in used:
        return f"the rule of {first.where} comes first"
    return "its module was not imported"
