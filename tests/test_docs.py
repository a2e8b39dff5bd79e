"""What the pages say is so: examples run, links lead somewhere; commands, variables, attributes are there."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from otel_replay import attributes
from otel_replay.attribute_registry import REGISTRY
from otel_replay.cli.commands import COMMANDS, cli
from otel_replay.settings import VARIABLES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
ALL_PAGES = [*PAGES, *sorted(ROOT.glob("[ced]*/README.md"))]


def text_of(path: Path) -> str:
    """A page."""
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks of a page in a language, with the line on which each begins."""
    text = text_of(path)
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, found.start()) + 2, found[1]


def name_of(path: Path) -> str:
    """A page as messages call it."""
    return path.relative_to(ROOT).as_posix()


def examples() -> list[object]:
    """Every Python example on any page."""
    return [
        pytest.param(code, id=f"{name_of(path)}:{line}")
        for path in ALL_PAGES
        for line, code in blocks(path, "python")
    ]


@pytest.mark.parametrize("code", examples())
def test_an_example_runs(python, store, code: str) -> None:
    """By itself, in a fresh process, without a word on standard error but what it is about."""
    python(code)


def test_pages_made_from_the_program_are_current() -> None:
    """`python docs/generate.py` has nothing to change."""
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# -- links ---------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text_of(path), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        path = (page.parent / place).resolve() if place else page
        if path.is_dir():
            path /= "README.md"
        if not path.is_file() or (anchor and anchor not in anchors(path)):
            dead.append(target)
    assert dead == []


def test_every_page_is_reachable() -> None:
    """From the README, by links."""
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or not page.is_file():
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s:]+)", text_of(page))
        todo += [(page.parent / link).resolve() for link in links if link.endswith((".md", "/"))]
    assert set(PAGES) <= seen


# -- commands ---------------------------------------------------------------------------------------

NAMES = {row.name for row in COMMANDS}


def calls(text: str) -> Iterator[list[str]]:
    """Calls of `otel-replay` that stand on lines of their own, as lists of words."""
    for found in re.finditer(r"^(?:\$ )?otel-replay (.*)$", text, re.MULTILINE):
        yield shlex.split(found[1].partition("  #")[0].partition(" |")[0])


@pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
def test_commands_on_a_page_exist(page: Path) -> None:
    """With the options that they are shown with."""
    unknown = []
    for words in calls("\n".join(code for _, code in blocks(page, ""))):
        if page == DOCS / "cli.md":
            continue
        command = cli.get_command(click.Context(cli), words[0])
        known = {name for parameter in command.params for name in parameter.opts} if command else set()
        ours = words[1 : words.index("--")] if "--" in words else words[1:]  # then comes a program's own
        options = {word.partition("=")[0] for word in ours if word.startswith("-")}
        if command is None or options - known:
            unknown.append(" ".join(words))
    assert unknown == []


def test_every_command_is_documented() -> None:
    """On the page of commands, and the commands of the demo too."""
    text = text_of(DOCS / "cli.md")
    assert [name for name in NAMES if f"## otel-replay {name}\n" not in text] == []


def test_commands_that_hints_name_exist() -> None:
    """A hint that sends people to a command that is not there helps nobody."""
    unknown = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in sorted((ROOT / "otel_replay").rglob("*.py"))
        for found in re.finditer(r"`otel-replay ([a-z]+)", path.read_text(encoding="utf-8"))
        if found[1] not in NAMES
    ]
    assert unknown == []


def test_make_targets_on_pages_exist() -> None:
    """Of the Makefile in the checkout."""
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {
        word
        for path in ALL_PAGES
        for found in re.finditer(r"(?:^|`)make ([a-z-]+(?: [a-z-]+)*)(?:`|  |$)", text_of(path), re.MULTILINE)
        for word in found[1].split()
    }
    assert named - targets == set()


# -- variables ---------------------------------------------------------------------------------------

VARIABLE = re.compile(r"\bOTEL_[A-Z][A-Z0-9_]*[A-Z0-9]\b")


def literals(*folders: str) -> set[str]:
    """Names of variables in the program's strings; its docstrings may speak of others."""
    found: set[str] = set()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and VARIABLE.fullmatch(node.value)
            }
    return found


def documented(*pages: Path) -> set[str]:
    """Variables that pages name; a name that ends with `*` stands for many."""
    return {name for page in pages for name in re.findall(r"OTEL_[A-Z0-9_]+\*?", text_of(page))}


def test_every_variable_is_documented() -> None:
    """Those that the program reads on the page of settings, those of the engines on theirs."""
    settings, engines = documented(DOCS / "settings.md"), documented(ROOT / "collector" / "README.md")
    assert {row.name for row in VARIABLES} <= settings
    assert literals("otel_replay") - settings == set()
    compose = set(VARIABLE.findall(text_of(ROOT / "docker-compose.yml")))
    configured = {
        name
        for path in (ROOT / "collector").glob("*.yaml")
        for name in VARIABLE.findall(path.read_text(encoding="utf-8"))
    }
    assert literals("collector") | compose | configured <= engines | settings


def test_no_variable_of_ours_is_made_up() -> None:
    """What pages name is read somewhere."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for pattern in ("otel_replay/**/*.py", "collector/*.py", "collector/*.yaml", "docker-compose.yml")
        for path in ROOT.glob(pattern)
    )
    named = {name for name in documented(*ALL_PAGES) if name.startswith("OTEL_REPLAY_")}
    assert sorted(name for name in named if name.rstrip("*") not in code) == []


def test_the_flags_of_opentelemetry_instrument_are_those_of_the_settings() -> None:
    """The module that OpenTelemetry reads them from names every variable."""
    from otel_replay.otel import environment_variables

    names = {name for name in vars(environment_variables) if name.startswith("OTEL_")}
    assert names == {row.name for row in VARIABLES}


# -- attributes ---------------------------------------------------------------------------------------

ATTRIBUTE = re.compile(r"(?:otel_replay|gen_ai|file|code|error)\.[a-z_.]+")
KNOWN = {row.name for row in REGISTRY}


def is_known(name: str) -> bool:
    """Whether the registry has an attribute, by its name or by a prefix."""
    return name in KNOWN or any(row.endswith(".*") and name.startswith(row[:-1]) for row in KNOWN)


def test_every_attribute_name_is_in_the_registry() -> None:
    """Every constant that is one; the registry is what the page of attributes is made of."""
    events = set(attributes.LOG_EVENT_NAMES.values()) | {attributes.LOG_DECISION_EVENT}
    named = {
        value
        for name, value in vars(attributes).items()
        if name.isupper() and isinstance(value, str)
        if ATTRIBUTE.fullmatch(value) and not value.endswith(".")
    }
    assert sorted(name for name in named - events if not is_known(name)) == []


def test_every_recorded_attribute_is_documented(python, store) -> None:
    """Whatever the examples record that use most of the recording API."""
    for _, code in blocks(DOCS / "recording.md", "python"):
        if re.search(r"tool_call|checkpoint|@otel_replay", code):
            python(code)
    found = {
        name
        for run in store.runs()
        for record in run.records
        for name in (record.attributes if record.kind in {"start", "update", "end", "event"} else ())
    }
    ours = {name for name in found if ATTRIBUTE.fullmatch(name)}
    assert sorted(name for name in ours if not is_known(name)) == []
    assert len(ours) > 20
