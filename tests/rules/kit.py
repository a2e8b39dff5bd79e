"""A program's module as it runs hooked, in the test's own process: compiled, hooked, executed."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

from otel_replay.rules.hooking import hook_module
from otel_replay.rules.noted import Note, notes_in
from otel_replay.rules.reading import rule_texts


def run_module(folder: Path, program: str, rules: str = "", name: str = "tuner") -> ModuleType:
    """The module that `program` makes, with its functions hooked as `rules` say."""
    folder.mkdir(exist_ok=True)
    path, toml = folder / f"{name}.py", folder / "rules.toml"
    path.write_text(textwrap.dedent(program), encoding="utf-8")
    toml.write_text(textwrap.dedent(rules), encoding="utf-8")
    module = ModuleType(name)
    module.__file__ = str(path)
    code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    _executed(code, vars(module), rule_texts([toml], folder), str(folder))
    return module


def _executed(code: Any, variables: dict[str, Any], rules: tuple[str, ...], notes: str) -> None:
    hook_module(code, sys._getframe(), rules, notes, is_library=False, is_conventional=True)
    exec(code, variables)


def notes(folder: Path) -> list[Note]:
    """What was said of the functions in it."""
    return list(notes_in(folder))
