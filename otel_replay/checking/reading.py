"""Files of rules become rules, each with its name, how much it weighs, and the line on which it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from otel_replay.analysis.items import Items
from otel_replay.assertions.rule import Rule, meant
from otel_replay.assertions.table import RULES
from otel_replay.assertions.trajectory import calls_of
from otel_replay.checking.parameters import Parameter, parameters_of
from otel_replay.checking.places import Place, Written, read_written
from otel_replay.errors import FormatError, OtelReplayError, UsageError

__all__ = ["SEVERITIES", "TOP", "VERSION", "WORDS", "NamedRule", "Severity", "looks_like_rules", "read_files"]

Severity = Literal["error", "warning"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning")
VERSION = 1
TOP = ("$schema", "version", "name", "description", "include", "rules")
"""What a file may say at its top."""
WORDS = ("name", "description", "severity")
"""What may be said of each rule besides what it demands."""
_MOST_FILES = 1_000

LoadRun = Callable[[str], Items]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRule:
    """A rule of a file.

    Attributes
    ----------
    rule:
        What a run must fulfil.
    name:
        What it is called; where the file gives no name, the rule as it would be written.
    severity:
        `error`, or `warning`: then a run that does not fulfil it is told and not refused.
    path, line:
        Where it stands; 0 where the line is not known.
    """

    rule: Rule
    name: str
    description: str = ""
    severity: Severity = "error"
    path: Path
    line: int = 0

    @property
    def where(self) -> str:
        """Where it stands, as editors and compilers write it."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


def looks_like_rules(path: Path) -> bool:
    """Whether a JSON file is one of rules, and not somebody's recording."""
    try:
        content = read_written(path).content
    except OtelReplayError:
        return False
    return (
        isinstance(content, dict) and bool(set(content) & {"rules", "include"}) and set(content) <= set(TOP)
    )


def read_files(paths: Sequence[Path], load: LoadRun) -> tuple[NamedRule, ...]:
    """The rules of these files and of those that they include, each file once, in their order.

    Parameters
    ----------
    load:
        Gives the run that `trajectory` names as what is expected.

    Raises
    ------
    UsageError
        If a file cannot be read.
    FormatError
        If one says what no rule says; with file, line and the nearest name.
    """
    seen: set[Path] = set()
    return tuple(rule for path in paths for rule in _file(path, load, seen))


def _file(path: Path, load: LoadRun, seen: set[Path]) -> Iterator[NamedRule]:
    real = path.resolve()
    if real in seen:
        return
    seen.add(real)
    if len(seen) > _MOST_FILES:
        raise FormatError(f"`{path}`: more than {_MOST_FILES} files include each other")
    written = read_written(path)
    content = written.content
    if isinstance(content, list):  # the rules alone
        content = {"rules": content}
        written = Written(path, content, {("rules", *place): line for place, line in written.lines.items()})
    if not isinstance(content, dict):
        raise FormatError(f"{written.where(())} has no rules", hint="begin with `rules:` and a list below it")
    for key in content:
        if key not in TOP:
            near = "each rule is an item of the list `rules`" if key in RULES else meant(str(key), TOP)
            raise FormatError(f"{written.where((str(key),))}: `{key}` is nothing that a file says", hint=near)
    _check_texts(written, content, (), ("$schema", "name", "description"))
    version = content.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        raise FormatError(
            f"{written.where(('version',))}: version {version!r:.20} of rules is not known",
            hint=f"this otel-replay reads version {VERSION}",
        )
    yield from _included(written, content, load, seen)
    rules = content.get("rules", [])
    if not isinstance(rules, list):
        raise FormatError(f"{written.where(('rules',))}: `rules` is no list")
    if not rules and not content.get("include"):
        raise FormatError(f"{written.where(())} has no rules", hint="a rule is written `- absence: tool(rm)`")
    for number, entry in enumerate(rules):
        yield _rule(written, number, entry, load)


def _included(
    written: Written, content: Mapping[str, Any], load: LoadRun, seen: set[Path]
) -> Iterator[NamedRule]:
    names = content.get("include", [])
    if not isinstance(names, (str, list)):
        raise FormatError(f"{written.where(('include',))}: `include` is a file, or a list of files")
    for number, name in enumerate([names] if isinstance(names, str) else names):
        place: Place = ("include", number)
        if not isinstance(name, str):
            raise FormatError(f"{written.where(place)}: `include` is a file, or a list of files")
        path = written.path.parent / name
        if not path.is_file():
            raise FormatError(f"{written.where(place)}: there is no file `{path}` to include")
        yield from _file(path, load, seen)


def _rule(written: Written, number: int, entry: Any, load: LoadRun) -> NamedRule:
    place: Place = ("rules", number)
    if isinstance(entry, str):
        entry = {entry: None}
    if not isinstance(entry, dict):
        raise FormatError(
            f"{written.where(place)}: rule {number + 1} is no rule", hint="`- absence: tool(rm)`"
        )
    for key in entry:
        if key not in RULES and key not in WORDS:
            raise FormatError(
                f"{written.where((*place, str(key)))}: `{key}` is no rule",
                hint=meant(str(key), [*RULES, *WORDS]),
            )
    kinds = [key for key in entry if key in RULES]
    if len(kinds) != 1:
        said = f"is {len(kinds)} rules ({', '.join(kinds)})" if kinds else "does not say what is demanded"
        raise FormatError(
            f"{written.where(place)}: rule {number + 1} {said}", hint="each item of `rules` is one rule"
        )
    [kind] = kinds
    _check_texts(written, entry, place, WORDS)
    severity = entry.get("severity", "error")
    if severity not in SEVERITIES:
        raise FormatError(
            f"{written.where((*place, 'severity'))}: severity `{severity}` is none of {', '.join(SEVERITIES)}"
        )
    rule = _made(written, (*place, kind), kind, entry[kind], load)
    name = entry.get("name") or str(rule)
    line = written.line(place)
    return NamedRule(
        rule=rule,
        name=name,
        description=entry.get("description", ""),
        severity=severity,
        path=written.path,
        line=line,
    )


def _check_texts(written: Written, said: Mapping[str, Any], place: Place, words: Sequence[str]) -> None:
    for word in words:
        if not isinstance(said.get(word, ""), str):
            raise FormatError(f"{written.where((*place, word))}: `{word}` is no text")


def _made(written: Written, place: Place, kind: str, said: Any, load: LoadRun) -> Rule:
    parameters = parameters_of(kind)
    given = _by_name(written, place, kind, said, parameters)
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            near = meant(name, list(known)) if known else f"`{kind}` takes nothing"
            raise FormatError(f"{written.where((*place, name))}: `{kind}` has no `{name}`", hint=near)
        parameter = known[name]
        if value is None and not parameter.required:
            raise FormatError(
                f"{written.where((*place, name))}: `{name}` of `{kind}` has no value",
                hint="leave it out, or say what it is",
            )
        with _Told(f"{written.where((*place, name))}: `{name}` of `{kind}`: "):
            named = value.get("run") if isinstance(value, dict) and len(value) == 1 else None
            if parameter.kind == "calls" and isinstance(named, str):
                values[name] = calls_of(load(named))
            else:
                values[name] = parameter.read(value)
    missing = [name for name, parameter in known.items() if parameter.required and name not in values]
    if missing:
        raise FormatError(
            f"{written.where(place)}: `{kind}` needs {' and '.join(f'`{name}`' for name in missing)}",
            hint=f"it takes {_usage(parameters)}",
        )
    with _Told(f"{written.where(place)}: `{kind}`: "):
        return RULES[kind](**values)


def _by_name(
    written: Written, place: Place, kind: str, said: Any, parameters: Sequence[Parameter]
) -> Mapping[str, Any]:
    """What was said of a rule, by the names of its parameters: a map, a list in their order, or the first."""
    if said is None or (said is True and not any(one.required for one in parameters)):
        return {}
    calls = bool(parameters) and parameters[0].kind == "calls"
    if isinstance(said, dict) and not (calls and set(said) == {"run"}):
        return {str(key): value for key, value in said.items()}
    if isinstance(said, list) and not calls and parameters:
        if len(said) > len(parameters):
            raise FormatError(
                f"{written.where(place)}: `{kind}` takes {len(parameters)} values, and {len(said)} are given",
                hint=f"it takes {_usage(parameters)}",
            )
        return {parameter.name: value for parameter, value in zip(parameters, said, strict=False)}
    if parameters and said is not False:
        return {parameters[0].name: said}
    raise FormatError(
        f"{written.where(place)}: `{kind}` takes no `{said!r:.40}`", hint=f"write it `- {kind}`"
    )


def _usage(parameters: Sequence[Parameter]) -> str:
    said = [f"`{one.name}`" if one.required else f"`{one.name}` (may be left out)" for one in parameters]
    return ", ".join(said)


class _Told:
    """Puts the file and the line before what is wrong with a value."""

    def __init__(self, before: str) -> None:
        self.before = before

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UsageError):
            raise FormatError(f"{self.before}{error.message}", hint=error.hint, place=error.place) from None
