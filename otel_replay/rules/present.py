"""Hooks functions of modules that are there already, and those that have no source: functions written in C.

Only for rules that name a module in full. A function of Python's keeps its place and gets other code, as in
a module that is about to run; where there is no source, a function around it takes its name in the module.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from otel_replay.hooks.imported import when_imported
from otel_replay.rules.calls import is_hook
from otel_replay.rules.hooking import parts_for
from otel_replay.rules.rewriting import NotHooked, Parts, parameters, rewritten
from otel_replay.rules.rule import Rule, Rules, rule_of
from otel_replay.rules.sources import imported_names, lines_of
from otel_replay.rules.telling import note

__all__ = ["hook_present"]

_MAGIC = "*?["
_MARK = "_otel_replay_hooked"
_Call = Callable[..., Any]


def hook_present(rules: Sequence[str], notes: str) -> None:
    """Hook functions of the modules that rules name, now or when they have been imported.

    Parameters
    ----------
    rules:
        As JSON.
    notes:
        Where to say what was hooked.
    """
    known = Rules(rule_of(json.loads(text)) for text in rules)
    names = {one.partition(":")[0] for rule in known.all for one in rule.functions}
    for name in sorted(names):
        if name != "__main__" and not any(sign in name for sign in _MAGIC):
            if name in sys.builtin_module_names:
                __import__(name)  # a part of the interpreter: nothing tells when the program imports it
            when_imported(name, partial(_hook_module, known.in_module((name,)), notes))


def _hook_module(rules: Rules, notes: str, module: ModuleType) -> None:
    name = module.__name__
    for owner, key, qualname, function in list(_functions(module, name)):
        match = rules.match((name,), qualname)
        if match is None or _is_hooked(function):
            continue
        found = [rule for rule in (match.decision, match.span) if rule is not None]
        try:
            parts = parts_for(match, qualname, _parameters(function), passes_on=False, module=name)
            if parts is not None:
                _hook(owner, key, qualname, function, parts)
                _tell(notes, "hooked", f"{name}:{qualname}", "", found)
        except (NotHooked, ValueError, TypeError, AttributeError) as error:
            _tell(notes, "problem", f"{name}:{qualname}", str(error), found)


def _tell(notes: str, what: str, function: str, text: str, rules: Sequence[Rule]) -> None:
    for rule in rules:
        note(notes, what, function, text, rule.where)


def _functions(owner: Any, module: str, prefix: str = "") -> Iterator[tuple[Any, str, str, Any]]:
    """Functions and methods of a module's own, each with what holds it and under which name."""
    for key, value in list(vars(owner).items()):
        inner = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        inner = inspect.unwrap(inner) if isinstance(inner, FunctionType) else inner
        if isinstance(value, type) and value.__module__ == module and value.__qualname__ == prefix + key:
            yield from _functions(value, module, f"{prefix}{key}.")
        elif isinstance(inner, FunctionType) and (inner.__module__ != module or hasattr(value, _MARK)):
            continue  # imported from elsewhere, or hooked
        elif isinstance(inner, FunctionType | BuiltinFunctionType):
            yield owner, key, prefix + key, inner


def _is_hooked(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and any(is_hook(constant) for constant in code.co_consts)


def _parameters(function: Any) -> tuple[str, ...]:
    if isinstance(function, FunctionType):
        return parameters(function.__code__)
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ("args", "kwargs")


def _hook(owner: Any, key: str, qualname: str, function: Any, parts: Parts) -> None:
    if isinstance(function, FunctionType):
        variables = function.__globals__
        code = function.__code__
        module = compile("", code.co_filename, "exec")
        try:
            lines = lines_of(module, variables)
            imports = imported_names(compile("\n".join(lines), code.co_filename, "exec", dont_inherit=True))
            function.__code__ = rewritten(code, qualname, lines, parts, imports)
            return
        except (NotHooked, SyntaxError, ValueError):
            if code.co_flags & 0x220:
                raise NotHooked("a generator whose source is not there") from None
    held = vars(owner)[key]
    around = _around(function, parts)
    setattr(owner, key, type(held)(around) if isinstance(held, staticmethod | classmethod) else around)


def _around(function: _Call, parts: Parts) -> _Call:
    try:
        signature: inspect.Signature | None = inspect.signature(function)
    except (TypeError, ValueError):
        signature = None

    def blocks(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[AbstractContextManager[Any]]:
        given: dict[str, Any] = {"args": list(args), "kwargs": dict(kwargs)}
        if signature is not None:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                return [nullcontext(), nullcontext()]  # the call itself is going to say so
            bound.apply_defaults()
            given = bound.arguments
        hooks = [hook for hook in (parts.span, parts.decision) if hook is not None]
        opened = [hook.open(*(given[name] for name in hook.names)) for hook in hooks]
        return [*opened, nullcontext(), nullcontext()][:2]

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def called(*args: Any, **kwargs: Any) -> Any:
            outer, inner = blocks(args, kwargs)
            with outer, inner:
                return _given(outer, inner, await function(*args, **kwargs))
    else:

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            outer, inner = blocks(args, kwargs)
            with outer, inner:
                return _given(outer, inner, function(*args, **kwargs))

    setattr(called, _MARK, True)
    return called


def _given(outer: Any, inner: Any, result: Any) -> Any:
    for call in (outer, inner):
        if not isinstance(call, nullcontext):
            call.result = result
    return result
