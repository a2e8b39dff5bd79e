"""The functions that a source file defines, with the names and parameters that they will have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Defined", "Module", "imports_in", "module_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """One function: its line, its qualified name and the names of its parameters."""

    qualname: str
    parameters: tuple[str, ...]
    line: int

    @property
    def name(self) -> str:
        """The last part of its qualified name."""
        return self.qualname.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module: the names it goes by, its file, its functions; whether it uses the recorder."""

    names: tuple[str, ...]
    path: str
    functions: tuple[Defined, ...]
    imports: tuple[str, ...]
    records_itself: bool


def module_of(source: str, names: tuple[str, ...], path: str) -> Module | None:
    """The module that a source makes; None where it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    package = names[-1] if path.endswith("__init__.py") else names[-1].rpartition(".")[0]
    imports = tuple(dict.fromkeys(imports_in(tree, package)))
    return Module(
        names=names,
        path=path,
        functions=tuple(_functions(tree, "", None)),
        imports=imports,
        records_itself=any(name.partition(".")[0] == "otel_replay" for name in imports),
    )


def imports_in(tree: ast.AST, package: str) -> Iterator[str]:
    """The modules that a source may import, wherever it does; names of a package's may be no modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            base = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module:
                yield module
            yield from (f"{module}.{alias.name}" if module else alias.name for alias in node.names)


def _functions(node: ast.AST, prefix: str, owner: str | None) -> Iterator[Defined]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            qualname = prefix + child.name
            first = child.decorator_list[0].lineno if child.decorator_list else child.lineno
            yield Defined(qualname=qualname, parameters=_parameters(child.args, owner), line=first)
            yield from _functions(child, f"{qualname}.<locals>.", owner)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.", child.name)
        else:
            yield from _functions(child, prefix, owner)


def _parameters(given: ast.arguments, owner: str | None) -> tuple[str, ...]:
    found = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    found += [one for one in (given.vararg, given.kwarg) if one is not None]
    return tuple(_private(one.arg, owner) for one in found)


def _private(name: str, owner: str | None) -> str:
    """The name as Python keeps it: two underscores make it the class's own."""
    if owner is None or not name.startswith("__") or name.endswith("__"):
        return name
    return f"_{owner.lstrip('_')}{name}" if owner.strip("_") else name
