"""The modules that a command is going to run, found by their files: the interpreter is not asked."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from otel_replay.rules.defined import Module, module_of
from otel_replay.rules.rule import Rule
from otel_replay.rules.sources import decoded

__all__ = ["modules_of"]

_MOST = 2_000
_WITH_VALUE = {"-W", "-X", "--check-hash-based-pycs"}
_PYTHON = re.compile(r"python[0-9.]*(\.exe)?$")


def modules_of(command: Sequence[str], rules: Sequence[Rule], folder: Path) -> list[Module]:
    """The script, what it imports of its own, and what rules name of others; none where it is not Python."""
    program = command[0]
    if _PYTHON.search(program):
        place = shutil.which(program) or program
        started = _started(command[1:], folder, place)
    else:
        started = _script(_found(program, folder), sys.executable)
    if started is None:
        return []
    main, path = started
    own: dict[str, Module] = {"__main__": main}
    waiting = [*main.imports]
    for rule in rules:
        waiting += [
            one.partition(":")[0] for one in rule.functions if not re.search(r"[*?\[]", one.partition(":")[0])
        ]
    named = set(waiting) - set(main.imports)
    while waiting and len(own) < _MOST:
        name = waiting.pop(0)
        if name in own or name in main.names or name.partition(".")[0] in sys.stdlib_module_names - named:
            continue
        spec = _spec(name, path)
        module = _module(spec, name) if spec is not None else None
        if module is None or (_is_of_others(module.path) and not _is_named(name, rules)):
            continue
        own[name] = module
        waiting += module.imports
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return list(own.values())


def _started(arguments: Sequence[str], folder: Path, python: str) -> tuple[Module, list[str]] | None:
    """What a Python command line starts, and where it is going to look for modules."""
    rest = list(arguments)
    while rest:
        one = rest.pop(0)
        if one in _WITH_VALUE:
            rest = rest[1:]
        elif one == "-m" and rest:
            return _as_module(rest[0], [str(folder), *_path(python)])
        elif re.fullmatch(r"-[a-zA-Z]*c", one) and rest:
            module = module_of(rest[0], ("__main__",), "<string>")
            return (module, [str(folder), *_path(python)]) if module else None
        elif not one.startswith("-"):
            return _script(folder / one, python)
    return None


def _as_module(name: str, path: list[str]) -> tuple[Module, list[str]] | None:
    for wanted in (f"{name}.__main__", name):
        spec = _spec(wanted, path)
        if spec is not None and spec.origin is not None:
            module = _read(Path(spec.origin), ("__main__", wanted))
            if module is not None:
                return module, path
    return None


def _script(file: Path | None, python: str) -> tuple[Module, list[str]] | None:
    if file is not None and file.is_dir():
        file = file / "__main__.py"
    if file is None or not file.is_file():
        return None
    with file.open("rb") as stream:
        head = stream.read(200)
    if file.suffix not in {".py", ".pyw"} and not (head.startswith(b"#!") and b"python" in head):
        return None
    if head.startswith(b"#!") and file.suffix not in {".py", ".pyw"}:
        python = head[2:].split(b"\n")[0].decode("utf-8", "replace").split()[0]
    module = _read(file, ("__main__", *([file.stem] if file.suffix == ".py" else [])))
    return (module, [str(file.parent), *_path(python)]) if module is not None else None


def _found(program: str, folder: Path) -> Path | None:
    if os.sep in program:
        return folder / program
    place = shutil.which(program)
    return Path(place) if place else None


def _path(python: str) -> list[str]:
    """`PYTHONPATH`, and the packages of an interpreter: beside it, as environments have them."""
    places = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    for root in dict.fromkeys((Path(python).parent.parent, Path(os.path.realpath(python)).parent.parent)):
        places += [str(one) for one in sorted(root.glob("lib/python3*/site-packages"))]
        places += [str(one) for one in sorted(root.glob("Lib/site-packages"))]
        places += [str(one) for one in sorted(root.glob("lib/python3.[0-9]*")) if (one / "os.py").is_file()]
    return places


def _spec(name: str, path: list[str]) -> ModuleSpec | None:
    """As `importlib.util.find_spec`, which would import the packages that a module is in."""
    places: Sequence[str] | None = path
    spec = None
    for end in range(1, name.count(".") + 2):
        if places is None:
            return None
        try:
            spec = PathFinder.find_spec(".".join(name.split(".")[:end]), list(places))
        except (ImportError, ValueError, OSError):
            return None
        if spec is None:
            return None
        places = spec.submodule_search_locations
    return spec


def _module(spec: ModuleSpec, name: str) -> Module | None:
    if spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return _read(Path(spec.origin), (name,))


def _read(path: Path, names: tuple[str, ...]) -> Module | None:
    try:
        return module_of(decoded(path.read_bytes()), names, str(path))
    except (OSError, UnicodeDecodeError, SyntaxError):
        return None


def _is_of_others(path: str) -> bool:
    library = os.path.dirname(os.__file__) + os.sep
    return path.startswith(library) or "site-packages" in path or "dist-packages" in path


def _is_named(name: str, rules: Sequence[Rule]) -> bool:
    return any(not one.startswith("*") for rule in rules for one in rule.functions) and any(
        rule.may_be_in((name,)) for rule in rules if not all(one.startswith("*") for one in rule.functions)
    )
