"""What a function returns and yields, told to a hook: its body rewritten, statement by statement."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["giving"]


def _at(node: Any, place: ast.AST) -> Any:
    return ast.copy_location(node, place)


def giving(
    mark: Callable[[], ast.expr],
    call: Callable[..., ast.Call],
    placed: Callable[..., Any],
    *,
    is_generator: bool,
) -> ast.NodeTransformer:
    """What rewrites the statements of a hooked function's body.

    Parameters
    ----------
    mark:
        Gives what stands for the hook in the code.
    call:
        Makes a call of one of its methods.
    placed:
        Gives a node the place of a statement.
    is_generator:
        Whether the function is one.
    """
    return _Giving(mark, call, placed, is_generator=is_generator)


class _Giving(ast.NodeTransformer):
    """Tells a hook what the function returns and yields; what is defined inside it is not part of it."""

    def __init__(
        self,
        mark: Callable[[], ast.expr],
        call: Callable[..., ast.Call],
        placed: Callable[..., Any],
        *,
        is_generator: bool,
    ) -> None:
        self._mark = mark
        self._called = call
        self._placed = placed
        self._is_generator = is_generator

    def visit_FunctionDef(self, node: Any) -> Any:
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_FunctionDef

    def _new(self, method: str, given: ast.expr, of: ast.expr | None = None) -> ast.expr:
        call = self._called(self._mark() if of is None else of, method, [given])
        for node in (call, call.func, call.func.value):  # type: ignore[attr-defined]  # an Attribute
            if not hasattr(node, "lineno"):
                _at(node, given)
        return call

    def visit_Return(self, node: ast.Return) -> Any:
        self.generic_visit(node)
        if node.value is not None:
            node.value = self._new("give", node.value)
        return node

    def visit_Yield(self, node: ast.Yield) -> Any:
        self.generic_visit(node)
        if not self._is_generator:
            return node
        given = node.value if node.value is not None else _at(ast.Constant(None), node)
        node.value = self._new("pause", given, self._current(node))
        return self._new("resume", node, self._current(node))

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Any:
        self.generic_visit(node)
        if not self._is_generator:
            return node
        node.value = self._new("through", node.value, self._current(node))
        return self._new("resume", node, self._current(node))

    def visit_Try(self, node: Any) -> Any:
        self.generic_visit(node)
        node.body = self._guarded(node.body)
        if node.finalbody:
            node.orelse = self._guarded(node.orelse)
            for handler in node.handlers:
                handler.body = self._guarded(handler.body)
        return node

    visit_TryStar = visit_Try

    def visit_With(self, node: Any) -> Any:
        self.generic_visit(node)
        node.body = self._guarded(node.body)
        return node

    visit_AsyncWith = visit_With

    def _guarded(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """What is thrown in at a `yield` in there is dealt with inside the call."""
        if not self._is_generator or not any(map(_yields, body)):
            return body
        back = ast.Expr(self._called(self._mark(), "back", ()))
        handler = ast.ExceptHandler(None, None, [back, ast.Raise()])
        whole = self._placed(ast.Try([ast.Pass()], [handler], [], []), body[0])
        whole.body = body
        return [whole]

    def _current(self, node: ast.AST) -> ast.expr:
        call = self._called(self._mark(), "call", ())
        for each in ast.walk(call):
            if "lineno" in each._attributes:
                _at(each, node)
        return call


def _yields(node: ast.AST) -> bool:
    """Whether there is a `yield` or `yield from` in a statement, and not in a function that it defines."""
    if isinstance(node, ast.Yield | ast.YieldFrom):
        return True
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
        return False
    return any(map(_yields, ast.iter_child_nodes(node)))
