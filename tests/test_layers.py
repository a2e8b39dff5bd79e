"""Imports point down: which part of otel_replay may know which, and what it may need from outside.

Every import counts, inside functions too. Those for type checkers only (`if TYPE_CHECKING`) keep the layers
as well, but make no cycle: nothing is loaded by them.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from layer_tables import EXCEPTIONS, GROUND, LATE, MAY_IMPORT, MAY_NEED

PACKAGE = "otel_replay"
ROOT = Path(__file__).parent.parent / PACKAGE


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's target, and where it stands."""

    by: str
    of: str
    line: int
    typing_only: bool
    late: bool

    def __str__(self) -> str:
        return f"{self.by}:{self.line} imports {self.of}"


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def part_of(module: str) -> str:
    """The part of the package, as the tables name it, that a module of it belongs to."""
    first = [*module.split("."), ""][1]
    special = {"": "public names", "__main__": "python -m"}
    return "ground" if first in GROUND else special.get(first, first)


@cache
def imports() -> tuple[Import, ...]:
    """Every import in the package."""
    known = modules()
    found: list[Import] = []
    for name, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for statement, typing_only, late in statements(tree):
            for target in targets(statement, known):
                found.append(Import(name, target, statement.lineno, typing_only, late))
    return tuple(found)


def statements(
    node: ast.AST, typing_only: bool = False, late: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    """Import statements below `node`; whether only type checkers see them; whether a function holds them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, typing_only, late
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from statements(ast.Module(child.body, []), True, late)
            yield from statements(ast.Module(child.orelse, []), typing_only, late)
        else:
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from statements(child, typing_only, late or is_function)


def targets(statement: ast.Import | ast.ImportFrom, known: dict[str, Path]) -> Iterator[str]:
    """The modules that an import statement names."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
        return
    assert statement.level == 0, "relative imports hide which layer is meant"
    assert statement.module is not None
    for alias in statement.names:
        whole = f"{statement.module}.{alias.name}"
        # `from opentelemetry import trace` names a module of another package: the table knows it by either.
        yield whole if whole in known or not statement.module.startswith(PACKAGE) else statement.module


def is_own(module: str) -> bool:
    """Whether a module is one of this package's."""
    return module == PACKAGE or module.startswith(PACKAGE + ".")


def is_covered(module: str, allowed: Sequence[str] | frozenset[str]) -> bool:
    """Whether `module` is one of the packages in `allowed`, or lies in one."""
    return any(module == name or module.startswith(name + ".") for name in allowed)


def is_exception(one: Import) -> bool:
    """Whether the list of exceptions has this import."""
    return any(
        one.by == by and (one.of == of or (not is_own(of) and is_covered(one.of, (of,))))
        for by, of in EXCEPTIONS
    )


def test_every_part_of_the_package_is_in_the_tables() -> None:
    """A new package says what it may import before it imports anything."""
    parts = {part_of(module) for module in modules()}
    assert parts == set(MAY_IMPORT) == set(MAY_NEED)


def test_imports_point_down() -> None:
    """A part imports only those that the table lets it; siblings do not know each other."""
    wrong = [
        str(one)
        for one in imports()
        if is_own(one.of)
        and part_of(one.of) != part_of(one.by)
        and part_of(one.of) not in MAY_IMPORT[part_of(one.by)]
        and not is_exception(one)
    ]
    assert wrong == []


def test_each_part_needs_only_the_packages_of_others_that_it_may() -> None:
    """Above all: what reads runs never imports the OpenTelemetry SDK."""
    wrong = [
        str(one)
        for one in imports()
        if not is_own(one.of)
        and one.of.partition(".")[0] not in sys.stdlib_module_names
        and not is_covered(one.of, MAY_NEED[part_of(one.by)])
        and not is_exception(one)
    ]
    assert wrong == []


def test_no_exception_is_left_over() -> None:
    """An exception that nothing needs any more is taken off its list."""
    used = {
        (by, of) for by, of in EXCEPTIONS for one in imports() if one.by == by and is_covered(one.of, (of,))
    }
    assert used == set(EXCEPTIONS)
    assert {(one.by, one.of) for one in imports() if one.late and (one.by, one.of) in LATE} == set(LATE)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """No cycles, and none that an import inside a function hides but for those that the list names."""
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for one in imports():
        if one.of in graph and not one.typing_only and not (one.late and (one.by, one.of) in LATE):
            graph[one.by].add(one.of)
    assert cycles(graph) == []


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The rings in a graph, each once."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            found.append([*way[way.index(name) :], name])
        elif name not in done:
            for target in sorted(graph[name]):
                visit(target, [*way, name])
            done.add(name)

    for name in graph:
        visit(name, [])
    return found


def test_a_cycle_is_found() -> None:
    """The test above would see one."""
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"]]


# -- what is really loaded ---------------------------------------------------------------------------------


def third_party(python, program: str) -> set[str]:
    """Top-level packages of others that are loaded after `program` has run in a fresh interpreter."""
    # What the interpreter loads by itself (a .pth file of an editable install) is not ours.
    shown = python(
        f"""
        import sys
        before = set(sys.modules)
        {program}
        loaded = {{name for name in set(sys.modules) - before if not name.startswith("otel_replay")}}
        names = {{name.partition(".")[0] for name in loaded}} - set(sys.stdlib_module_names)
        print("LOADED", *sorted(name for name in names if not name.startswith("__mp")))
        """
    ).stdout
    return set(shown.rpartition("LOADED")[2].split())


def test_importing_the_package_loads_nothing_of_others(python) -> None:
    """`import otel_replay` costs next to nothing: names are imported when they are first used."""
    assert third_party(python, "import otel_replay") == set()


def test_the_help_loads_click_and_nothing_else(python) -> None:
    """A command's own modules are imported when it runs."""
    program = "from otel_replay.cli.main import main; main(['--help'])"
    assert third_party(python, program) == {"click"}


@pytest.fixture(scope="module")
def recorded_store(tmp_path_factory):
    """A store with a run, recorded once for all, by another process."""
    root = tmp_path_factory.mktemp("recorded") / "store"
    program = """if True:
        import otel_replay, sys
        with otel_replay.start_run("small", run_id="small", store=sys.argv[1]), otel_replay.task("count"):
            otel_replay.decision("COUNTED", "there were three", values={"n": 3}, cell={"row": 1})
        """
    subprocess.run([sys.executable, "-c", program, str(root)], check=True)
    return root


@pytest.fixture
def recorded(recorded_store, store):
    """A copy of it as the test's store."""
    shutil.copytree(recorded_store, store.root)
    return store


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["list", "--json"],
        ["show", "latest"],
        ["view", "latest"],
        ["summary", "latest"],
        ["dump", "latest"],
        ["dump", "latest", "--format", "jsonl"],
        ["dump", "latest", "--format", "otlp"],
        ["dump", "latest", "--format", "csv"],
        ["verify", "--all"],
        ["recover", "latest"],
        ["replay", "latest"],
        ["trace", "latest"],
        ["diff", "latest", "latest"],
        ["delete", "small", "--yes"],
    ],
    ids=" ".join,
)
def test_looking_at_runs_needs_no_opentelemetry(python, recorded, command: list[str]) -> None:
    """Runs are listed, shown, compared and verified where no SDK is installed."""
    program = f"from otel_replay.cli.main import main; code = main({command!r}); assert code == 0, code"
    loaded = third_party(python, program)
    assert loaded <= {"click", "orjson", "rich", "markdown_it", "mdurl", "pygments"}, loaded


def test_sending_a_run_needs_no_sdk(python) -> None:
    """Of OpenTelemetry only its messages are loaded."""
    shown = python(
        """
        import sys
        import otel_replay.cli.send, otel_replay.sender.send
        import otel_replay.sender.grpc_client, otel_replay.sender.http_client
        print(*(name for name in sys.modules if name.startswith("opentelemetry.sdk")))
        """
    ).stdout
    assert shown.split() == []
