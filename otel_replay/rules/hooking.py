"""Hooks the functions of one module that rules are about, before it runs."""

from __future__ import annotations

import sys
from functools import cache
from types import CodeType, ModuleType

from otel_replay.hooks.guard import failed
from otel_replay.rules.calls import DecisionHook, NoteHook, PassingHook, SpanHook
from otel_replay.rules.placing import place
from otel_replay.rules.rewriting import NotHooked, Parts, parameters, rewritten
from otel_replay.rules.rule import CONVENTIONS, Match, Rule, Rules, rule_of
from otel_replay.rules.sources import imported_names, lines_of
from otel_replay.rules.telling import note

TYPE_CHECKING = False  # a program that decides waits for this: no more is loaded than is needed
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType
    from typing import Any

__all__ = ["CONVENTION", "hook_module", "module_names", "parts_for"]

_FUNCTION = 0x03  # CO_OPTIMIZED, CO_NEWLOCALS
CONVENTION = "log_decision"


def hook_module(
    code: CodeType,
    caller: FrameType | None,
    rules: Sequence[str],
    notes: str,
    *,
    is_library: bool,
    is_conventional: bool,
) -> None:
    """Hook what rules and conventions find in a module.

    Parameters
    ----------
    code:
        The module's, about to run.
    caller:
        What runs it; None for the script that the interpreter was started with.
    rules:
        As JSON.
    notes:
        Where to say what was hooked.
    is_library:
        It is Python's own: only rules that name it count.
    is_conventional:
        There is a function in it that goes by a convention.
    """
    variables = _globals_of(code, caller)
    names = module_names(code, variables)
    if names[0].partition(".")[0] == "otel_replay":
        return
    known = list(_read(tuple(rules)))
    if is_library:
        known = [rule for rule in known if not all(one.startswith("*") for one in rule.functions)]
    found = Rules(known).in_module(names).all
    if is_conventional and not _records_itself(code):
        found = (*found, *CONVENTIONS)
    if found:
        _Module(code, names, variables, Rules(found), notes).hook()


@cache
def _read(rules: tuple[str, ...]) -> tuple[Rule, ...]:
    if not rules:
        return ()
    import json

    return tuple(rule_of(json.loads(text)) for text in rules)


def module_names(code: CodeType, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """The names that a module goes by in rules: a script is `__main__`, and goes by its file's name too."""
    name = str(variables.get("__name__") or "__main__")
    spec = getattr(variables.get("__spec__"), "name", None)
    names = [name, *([spec] if spec else [])]
    if name in {"__main__", "__mp_main__"}:
        file = code.co_filename.replace("\\", "/").rpartition("/")[2]
        names += ["__main__", *([file[:-3]] if file.endswith(".py") else [])]
    return tuple(dict.fromkeys(names))


def _globals_of(code: CodeType, caller: FrameType | None) -> Mapping[str, Any]:
    """The variables of the module that code is run as: those that its caller is at hand with."""
    held: list[Any] = list(caller.f_locals.values()) if caller is not None else []
    held += [item for value in held if isinstance(value, tuple) for item in value]
    for value in held:
        variables = vars(value) if isinstance(value, ModuleType) else value
        if isinstance(variables, dict) and variables.get("__name__") and _is_from(variables, code):
            return variables
    for module in (sys.modules.get("__main__"), *list(sys.modules.values())):
        if isinstance(module, ModuleType) and _is_from(vars(module), code):
            return vars(module)
    return {} if caller is None else {"__name__": "?"}


def _is_from(variables: Mapping[str, Any], code: CodeType) -> bool:
    file = variables.get("__file__") or getattr(variables.get("__spec__"), "origin", None)
    return bool(file == code.co_filename)


def _records_itself(code: CodeType) -> bool:
    """Whether a module uses the recorder: then its functions are not for us to record again."""
    if any(name.partition(".")[0] == "otel_replay" for name in code.co_names):
        return True
    return any(_records_itself(one) for one in code.co_consts if isinstance(one, CodeType))


def parts_for(
    match: Match, qualname: str, names: Sequence[str], *, passes_on: bool, module: str
) -> Parts | None:
    """What to put into a function with these parameters; None where a convention is not about it.

    Raises
    ------
    ValueError
        If a rule names a parameter that the function lacks.
    """
    parts: dict[str, Any] = {}
    if match.decision in CONVENTIONS:
        if not {"action", "reason"} <= set(names):
            return None
        decision = ("action", "reason", *(name if name in names else None for name in ("values", "cell")))
        hook: Any = PassingHook(match.decision, qualname, names) if passes_on else NoteHook()
        given = hook.names if passes_on else decision
        parts = {"decision": hook, "decision_names": given, "decision_method": "note", "waits": passes_on}
    elif match.decision is not None:
        hook = DecisionHook(match.decision, qualname, names)
        parts = {"decision": hook, "decision_names": hook.names, "waits": hook.waits}
    if match.span is not None:
        span = SpanHook(match.span, f"{module}.{qualname}", names)
        parts.update({"span": span, "span_names": span.names})
    return Parts(**parts)


class _Module:
    """One module that is about to run."""

    def __init__(
        self, code: CodeType, names: tuple[str, ...], variables: Mapping[str, Any], rules: Rules, notes: str
    ) -> None:
        self._code = code
        self._names = names
        self._variables = variables
        self._rules = rules
        self._notes = notes
        self._lines: Sequence[str] | None = None
        self._imports: frozenset[str] = frozenset()

    def hook(self) -> None:
        """Hook its functions."""
        for index, inner in _inner(self._code):
            new = self._exchanged(inner, inner.co_name)
            if new is not None and not place(self._code, index, new):
                note(
                    self._notes, "problem", f"{self._names[0]}:{inner.co_name}", "this Python keeps its code"
                )

    def _exchanged(self, code: CodeType, qualname: str) -> CodeType | None:
        """The code with all hooks in it; None where there are none."""
        is_function = code.co_flags & _FUNCTION == _FUNCTION
        new = self._rewritten(code, qualname) if is_function and not code.co_name.startswith("<") else None
        whole = new or code
        prefix = f"{qualname}.<locals>." if is_function else f"{qualname}."
        if code.co_name.startswith("<generic parameters of"):
            prefix = qualname.rpartition("<generic")[0]
        constants = list(whole.co_consts)
        changed = False
        for index, inner in _inner(whole):
            exchanged = self._exchanged(inner, prefix + inner.co_name)
            if exchanged is not None:
                constants[index], changed = exchanged, True
        return whole.replace(co_consts=tuple(constants)) if changed else new

    def _rewritten(self, code: CodeType, qualname: str) -> CodeType | None:
        match = self._rules.match(self._names, qualname)
        if match is None:
            return None
        rules = [rule for rule in (match.decision, match.span) if rule is not None]
        function = f"{self._names[0]}:{qualname}"
        try:
            passes_on = code.co_name == CONVENTION and CONVENTION in (*code.co_names, *code.co_freevars)
            module = self._names[-1] if self._names[0] == "__main__" else self._names[0]
            parts = parts_for(match, qualname, parameters(code), passes_on=passes_on, module=module)
            if parts is None:
                return None
            if self._lines is None:
                self._lines = lines_of(self._code, self._variables)
                self._imports = imported_names(self._code)
            new = rewritten(code, qualname, self._lines, parts, self._imports)
        except (NotHooked, ValueError) as error:
            for rule in rules:
                note(self._notes, "problem", function, str(error), rule.where)
            return None
        except Exception as error:
            failed(f"hooking {function}", error)
            return None
        for rule in rules:
            note(self._notes, "hooked", function, _where(code), rule.where)
        return new


def _inner(code: CodeType) -> Iterator[tuple[int, CodeType]]:
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            yield index, constant


def _where(code: CodeType) -> str:
    return f"{code.co_filename}:{code.co_firstlineno}"
