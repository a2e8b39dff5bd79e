"""Style that can be counted: sizes, docstrings, names, reasons; and no trace of a machine in the files."""

from __future__ import annotations

import ast
import gc
import re
import subprocess
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LONGEST_FILE = 400
LONGEST_FUNCTION = 60

VAGUE = frozenset({"session", "manager", "handler", "helper", "utils", "service", "data", "info"})
"""Words that say nothing about what a thing is; each thing here has a better name."""

GIVEN_NAMES = ("session_replay", "SessionReplay", "SESSION_REPLAY", "SESSION_ID")
"""Names that were there before us: of a file format, of an attribute of OpenTelemetry's."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the project, as git lists them; where there is no git, all that are not hidden."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not any(part[0] == "." for part in path.parts[1:])]
    return tuple(sorted(path for path in paths if path.is_file()))


def python_files(*folders: str) -> Iterator[tuple[str, Path]]:
    """Python files below `folders` (everywhere, without any), with how they are called in a message."""
    for path in tracked():
        place = path.relative_to(ROOT)
        if path.suffix == ".py" and (not folders or place.parts[0] in folders):
            yield place.as_posix(), path


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    # Looking for garbage among all the trees that are kept takes longer than making them.
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    finally:
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def no_trees_are_left() -> Iterator[None]:
    """Looking for garbage among them would slow down the tests that come after these."""
    yield
    tree.cache_clear()


def definitions(node: ast.AST) -> Iterator[Definition]:
    """Functions and classes at a module's or a class's own level, and what such classes hold."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            yield child
        if isinstance(child, (ast.ClassDef, ast.If, ast.Try)):
            yield from definitions(child)


def expect_none(found: Iterable[str]) -> None:
    """Fail with everything that was found, a line each."""
    told = "\n".join(found)
    if told:
        pytest.fail(told, pytrace=False)


PRODUCT = ("otel_replay", "collector", "examples", "docs", "bench")


def test_no_file_is_longer_than_400_lines() -> None:
    """A file that grows past this is two ideas."""
    sizes = {name: len(path.read_bytes().splitlines()) for name, path in python_files()}
    expect_none(f"{name}: {size} lines" for name, size in sizes.items() if size > LONGEST_FILE)


def test_no_function_is_longer_than_60_lines() -> None:
    """Its docstring included."""
    long = [
        f"{name}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for name, path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, Function)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    expect_none(long)


def test_every_module_says_its_idea() -> None:
    """In its docstring; empty files need none."""
    silent = [
        name
        for name, path in python_files()
        if not ast.get_docstring(tree(path)) and path.read_text().strip()
    ]
    expect_none(silent)


def test_every_public_function_and_class_says_what_it_does() -> None:
    """But for overloads, and for what carries out an interface that is described elsewhere."""
    silent = [
        f"{name}:{node.lineno} {node.name}"
        for name, path in python_files("otel_replay")
        for node in public(tree(path))
        if not ast.get_docstring(node)
    ]
    expect_none(silent)


def public(node: ast.AST, described: frozenset[str] = frozenset()) -> Iterator[Definition]:
    """Public definitions of a module or of a class, but for methods that are `described` elsewhere."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Definition) or child.name.startswith("_"):
            continue
        if any(ast.unparse(one).endswith("overload") for one in child.decorator_list):
            continue
        if child.name not in described:
            yield child
        if isinstance(child, ast.ClassDef):
            bases = [ast.unparse(base) for base in child.bases]
            yield from public(child, frozenset().union(*(INTERFACES.get(base, ()) for base in bases)))


INTERFACES = {
    "Sampler": ("should_sample", "get_description"),
    "Node": ("find", "test", "explain", "tally", "words", "suffix", "lead", "step"),
}
"""Methods that are described where the interface is: OpenTelemetry's, and that of queries."""


def test_no_name_is_vague() -> None:
    """Modules, classes, functions and what they keep are named after what they are; `compat` keeps names."""
    vague = [
        f"{name}: {word}"
        for name, path in python_files(*PRODUCT)
        if not name.startswith("otel_replay/compat/")
        for word in [path.stem, path.parent.name, *names(tree(path))]
        if is_vague(word)
    ]
    expect_none(vague)


def names(module: ast.Module) -> Iterator[str]:
    """Names of classes, functions, constants and fields. Bytes in hand may be called `data`."""
    for node in definitions(module):
        if isinstance(node, ast.ClassDef):
            inherited = " ".join(ast.unparse(base) for base in node.bases)
            # A server of the standard library asks for a class of that kind.
            if not any(word in inherited.lower() for word in words(node.name) & VAGUE):
                yield node.name
            yield from fields(node)
        else:
            yield node.name
    yield from fields(module)


def fields(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Names that are assigned at a module's or a class's level."""
    for child in node.body:
        found = child.targets if isinstance(child, ast.Assign) else []
        for target in [child.target] if isinstance(child, ast.AnnAssign) else found:
            if isinstance(target, ast.Name):
                yield target.id


def words(name: str) -> frozenset[str]:
    """The words in a name, however they are joined."""
    return frozenset(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()))


def is_vague(name: str) -> bool:
    """Whether one of the words in `name` says nothing."""
    for given in GIVEN_NAMES:
        name = name.replace(given, "")
    return bool(words(name) & VAGUE)


IGNORE = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*)?|type:\s*ignore(?:\[[a-z\-, ]+\])?)"
)
CODES = re.compile(r"noqa: [A-Z]+[0-9]+|type: ignore\[[a-z-]+")


def test_every_ignored_finding_of_a_checker_has_its_reason() -> None:
    """On the line itself, or in a comment right above; and it names what it ignores."""
    bare = []
    for name, path in python_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, comment in comments(path):
            found = IGNORE.search(comment)
            if found is None:
                continue
            reason = IGNORE.sub("", comment).strip(" #-()")
            above = lines[number - 2].strip() if number > 1 else ""
            if not CODES.search(comment) or (len(reason) < 5 and not above.startswith("#")):
                bare.append(f"{name}:{number} {comment}")
    expect_none(bare)


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """The comments of a file with their line numbers, where one of them is for a checker."""
    if not re.search("noqa|type: ?ignore", path.read_text(encoding="utf-8")):
        return  # to read all as tokens takes long
    with tokenize.open(path) as stream:
        for token in tokenize.generate_tokens(stream.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


SKIPPING = frozenset({"skip", "skipif", "xfail", "importorskip", "skipUnless", "skipIf"})


def test_no_test_is_skipped() -> None:
    """What cannot be tested everywhere is marked (`slow`, `engines`) and run where it can be."""
    skipped = [
        f"{name}:{node.lineno}"
        for name, path in python_files("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in SKIPPING
        and not is_about_python(path, node.lineno)
    ]
    expect_none(skipped)


def is_about_python(path: Path, line: int) -> bool:
    """Whether a test is left out because what it tests is not in this version of Python."""
    return "sys.version_info" in path.read_text(encoding="utf-8").splitlines()[line - 1]


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    """Neither this checkout nor anybody's home; `bob` is nobody."""
    homes = r"/(?:home|Users)/(?!bob\b)[a-z]|/root/|/work/|/tmp/[a-z_]+\.[0-9]"
    here = "|".join(re.escape(str(folder)) + r"\b" for folder in (ROOT, Path.home()) if len(folder.parts) > 2)
    pattern = re.compile(f"{homes}|{here}" if here else homes)
    found = []
    for path in tracked():
        if path != Path(__file__):
            text = path.read_bytes().decode("utf-8", "replace")
            found += [
                f"{path.relative_to(ROOT)}:{number} {line.strip()[:100]}"
                for number, line in enumerate(text.splitlines(), 1)
                if pattern.search(line)
            ]
    expect_none(found)


def test_lines_of_text_files_end_well() -> None:
    """One newline at the end of each file, none of Windows' in it, no blanks at the ends of lines."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".json"}
        and "corpus" not in path.parts
        and not is_tidy(path.read_bytes())
    ]
    expect_none(wrong)


def is_tidy(data: bytes) -> bool:
    """Whether a text file's lines end as they should; an empty file's do."""
    lines = data.split(b"\n")
    return all(line == line.rstrip() for line in lines) and lines[-1] == b"" and lines[-2:] != [b"", b""]
