"""Makes of a function's code one that also tells of its calls: the same file, names, lines and columns.

A function is not wrapped: its own source is compiled anew with a call at its top, or with a block around its
body. So it stays itself (its name, signature, identity, what has been imported from where), and a traceback
has no line more. The new code is only taken where the plain source compiles to just the code that the program
has: an edited file, or code that somebody else has changed before, is left alone.

A decision that is known when the call begins is one call, `HOOK.note(action, reason, values, cell)` or
`HOOK.tell(parameters…)`. All else is `with HOOK.open(parameters…):` with `return HOOK.give(X)` in it; in a
generator, `HOOK.call().resume((yield HOOK.call().pause(X)))`, and for `yield from` the same with `through`;
before a handler sees what was thrown into one, `HOOK.back()` is called. HOOK is a constant of the code.
"""

from __future__ import annotations

import _ast as ast  # what `ast` is made of: all of it takes as long again to load
import warnings

TYPE_CHECKING = False  # a program that decides waits for this: no more is loaded than is needed
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import CodeType
    from typing import Any

__all__ = ["NotHooked", "Parts", "parameters", "rewritten"]

_FUTURE = 0x1FE0000  # the flags that `from __future__ import …` sets, as compile() takes them
_GENERATOR = 0x20 | 0x200  # CO_GENERATOR, CO_ASYNC_GENERATOR
_VARARGS, _VARKEYWORDS = 0x04, 0x08
_MOST_ENDS = 200
_MARK = b"\0otel_replay hook %d"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class NotHooked(Exception):
    """A function stays as it is; says why."""


class Parts:
    """What is put into one function: hooks, and which parameters each is given.

    Parameters
    ----------
    decision, decision_names:
        Told at the top, or, where `waits`, of the whole call. `decision_method` is `note` or `tell`.
    span, span_names:
        Around the whole call.
    """

    def __init__(
        self,
        *,
        decision: Any = None,
        decision_names: Sequence[str | None] = (),
        decision_method: str = "tell",
        waits: bool = False,
        span: Any = None,
        span_names: Sequence[str] = (),
    ) -> None:
        self.decision = decision
        self.decision_names = tuple(decision_names)
        self.decision_method = decision_method
        self.waits = waits
        self.span = span
        self.span_names = tuple(span_names)


def parameters(code: CodeType) -> tuple[str, ...]:
    """The names of a function's parameters, `*args` and `**kwargs` among them."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    return code.co_varnames[:count]


def rewritten(
    code: CodeType, qualname: str, lines: Sequence[str], parts: Parts, imports: Iterable[str] = ()
) -> CodeType:
    """The code with the hooks in it.

    Parameters
    ----------
    code:
        A function's, not yet run.
    qualname:
        The function's qualified name.
    lines:
        Its file, as lines without their ends.
    parts:
        What to put in.
    imports:
        Names that the module imports: calls of what they name are compiled in another way.

    Raises
    ------
    NotHooked
        If the source is not what the code was made from.
    """
    with _Quiet():
        function = _definition(code, lines)
        flags = code.co_flags & _FUTURE
        around = _Around(code, qualname, flags, tuple(imports))
        plain = around.compiled(function)
        if plain != code or plain.co_freevars != code.co_freevars:
            raise NotHooked("its code is not what its source says")
        hooks: list[Any] = []
        _put_in(function, code, parts, hooks)
        new = _filled(around.compiled(function), hooks)
    if new.co_freevars != code.co_freevars or new.co_argcount != code.co_argcount:
        raise NotHooked("its code cannot be exchanged")
    return new


class _Quiet:
    """Without the warnings of the compiler, which the program has had already."""

    # Not catch_warnings(): it would make the program's own warnings appear a second time.
    _ignore: Any = ("ignore", None, Warning, None, 0)

    def __enter__(self) -> None:
        warnings.filters.insert(0, self._ignore)  # type: ignore[attr-defined]  # a list at run time

    def __exit__(self, *_: object) -> None:
        warnings.filters.remove(self._ignore)  # type: ignore[attr-defined]  # as above


# -- from the source -----------------------------------------------------------------------------------------


def _definition(code: CodeType, lines: Sequence[str]) -> Function:
    """The function's definition, with the lines and columns of its file."""
    first = code.co_firstlineno
    if not 0 < first <= len(lines):
        raise NotHooked("its source is not there")
    indent = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    head = "\n" * (first - 2) + "if 1:\n" if indent else "\n" * (first - 1)
    for _, end in zip(range(_MOST_ENDS), _ends(lines, first, indent), strict=False):
        try:
            found = _parsed(head + "\n".join(lines[first - 1 : end]) + "\n").body[0]
        except (SyntaxError, ValueError):
            continue  # a text over several lines may go further left than the function
        if isinstance(found, ast.If):
            found = found.body[0]
        if isinstance(found, Function) and found.name == code.co_name:
            return found
        break
    raise NotHooked("its source is not there")


def _ends(lines: Sequence[str], first: int, indent: int) -> Iterator[int]:
    """The lines before which the function that begins at `first` may end, nearest first."""
    within = False  # past the line with the colon, after which each line is further right
    for number in range(first, len(lines)):
        line = lines[number].lstrip()
        if not line or line[0] == "#":
            continue
        depth = len(lines[number]) - len(line)
        if depth > indent:
            within = True
        elif within or depth < indent or not _goes_on(line):
            yield number
    yield len(lines)


def _goes_on(line: str) -> bool:
    """Whether a line may stand between a function's first line and its body, as far to the left."""
    word = line[:5] if line.startswith("async") else line[:3]
    if word in ("async", "def"):
        return not (line[len(word) :][:1].isalnum() or line[len(word) :][:1] == "_")
    return line[0] in "@)]}"


class _Around:
    """What a definition stands in, as far as its code depends on it."""

    def __init__(self, code: CodeType, qualname: str, flags: int, imports: tuple[str, ...]) -> None:
        self.code = code
        self.qualname = qualname
        self.flags = flags
        self.imports = imports

    def compiled(self, function: Function) -> CodeType:
        """The function's code, compiled where it sees the same class and the same names around it."""
        names = _parsed(f"import {', '.join(self.imports)}").body if self.imports else []
        module = ast.Module([*names, self._surrounded(function)], [])
        try:
            compiled = compile(module, self.code.co_filename, "exec", self.flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise NotHooked(f"its source does not compile alone: {error}") from None
        found = next(_codes(compiled, self.code), None)
        if found is None:
            raise NotHooked("its source does not compile alone")
        return found

    def _surrounded(self, function: Function) -> ast.stmt:
        """In the classes and functions of its qualified name; the innermost has the names that it uses."""
        names = [name for name in self.code.co_freevars if name != "__class__"]
        parts = self.qualname.split(".")[:-1]
        whole: ast.stmt = function
        while parts:
            part = parts.pop()
            if part == "<locals>":
                whole, names = _outer(parts.pop(), names, whole), []
            else:
                whole = _class(part, whole)
        return whole


def _parsed(text: str) -> ast.Module:
    """As `ast.parse`."""
    module: Any = compile(text, "<unknown>", "exec", ast.PyCF_ONLY_AST)
    made: ast.Module = module
    return made


def _walk(node: Any) -> Iterator[Any]:
    """As `ast.walk`, in another order."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, ast.AST):
            waiting += [getattr(one, name, None) for name in one._fields]
            yield one


def _class(name: str, inner: ast.stmt) -> ast.stmt:
    made = _parsed(f"class {name}: pass").body[0]
    assert isinstance(made, ast.ClassDef)
    made.body = [inner]
    return made


def _outer(name: str, names: Sequence[str], inner: ast.stmt) -> ast.stmt:
    text = f"def {name}():\n " + "".join(f"{one} = " for one in names) + "None"
    outer = _parsed(text).body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.body.append(inner)
    return outer


def _codes(code: CodeType, like: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if constant.__class__ is code.__class__:
            if (constant.co_name, constant.co_firstlineno) == (like.co_name, like.co_firstlineno):
                yield constant
            yield from _codes(constant, like)


# -- the hooks -----------------------------------------------------------------------------------------------


def _put_in(function: Function, code: CodeType, parts: Parts, hooks: list[Any]) -> None:
    body = function.body
    first = body[0]
    has_text = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    text, rest = (body[:1], body[1:]) if has_text else ([], body)
    place = rest[0] if rest else first
    is_generator = bool(code.co_flags & _GENERATOR)
    if parts.decision is not None and parts.waits:
        rest = _block(rest, parts.decision, parts.decision_names, place, hooks, is_generator=is_generator)
    if parts.span is not None:
        rest = _block(rest, parts.span, parts.span_names, place, hooks, is_generator=is_generator)
    if parts.decision is not None and not parts.waits:
        call = _call(_mark(hooks, parts.decision), parts.decision_method, parts.decision_names)
        told = ast.Expr(call)
        if parts.span is not None:
            assert isinstance(rest[0], ast.With)
            rest[0].body.insert(0, _placed(told, place))
        else:
            rest = [_placed(told, place), *rest]
    function.body = [*text, *rest]


def _block(
    body: list[ast.stmt],
    hook: Any,
    names: Sequence[Any],
    place: ast.stmt,
    hooks: list[Any],
    *,
    is_generator: bool,
) -> list[ast.stmt]:
    from otel_replay.rules.giving import giving  # most hooks are one call at the top

    told = giving(lambda: _mark(hooks, hook), _call, _placed, is_generator=is_generator)
    inner = [told.visit(statement) for statement in body] or [_placed(ast.Pass(), place)]
    opened = ast.withitem(_call(_mark(hooks, hook), "open", names), None)
    whole = ast.With([opened], [ast.Pass()])
    _placed(whole, place)
    whole.body = inner
    return [whole]


def _placed(node: Any, place: ast.stmt) -> Any:
    """`node` and what is in it at the first place of a statement: a debugger sees no line more."""
    for each in _walk(node):
        if "lineno" in each._attributes:
            each.lineno = each.end_lineno = place.lineno
            each.col_offset = each.end_col_offset = place.col_offset
    return node


def _mark(hooks: list[Any], hook: Any) -> ast.expr:
    for number, known in enumerate(hooks):
        if known is hook:
            return ast.Constant(_MARK % number)
    hooks.append(hook)
    return ast.Constant(_MARK % (len(hooks) - 1))


def _call(of: ast.expr, method: str, names: Sequence[str | None] | Sequence[ast.expr]) -> ast.Call:
    given: list[ast.expr] = []
    for name in names:
        if isinstance(name, ast.expr):
            given.append(name)
        else:
            given.append(ast.Constant(None) if name is None else ast.Name(name, ast.Load()))
    return ast.Call(ast.Attribute(of, method, ast.Load()), given, [])


def _filled(code: CodeType, hooks: Sequence[Any]) -> CodeType:
    marks = {_MARK % number: hook for number, hook in enumerate(hooks)}
    constants = tuple(
        marks[constant] if isinstance(constant, bytes) and constant in marks else constant
        for constant in code.co_consts
    )
    return code.replace(co_consts=constants)
