"""The source of a module that is about to run, as lines; and what it imports."""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType
    from typing import Any

__all__ = ["decoded", "imported_names", "lines_of"]


def lines_of(code: CodeType, variables: Mapping[str, Any]) -> Sequence[str]:
    """The lines of the file that a module's code was made from; none where they cannot be had.

    Parameters
    ----------
    code:
        The module's.
    variables:
        The module's: they may say who loaded it.
    """
    file = code.co_filename
    if file == "<string>" and "__spec__" not in variables:
        return _command()
    if file == "<stdin>":
        return _standard_input()
    try:
        # A pipe can be read only once, by the interpreter.
        if stat.S_ISREG(os.stat(file).st_mode):
            with open(file, "rb") as stream:
                return decoded(stream.read()).split("\n")
    except (OSError, ValueError, SyntaxError):
        pass
    cached = getattr(sys.modules.get("linecache"), "cache", {}).get(file)
    if cached is not None and len(cached) == 4:
        return "".join(cached[2]).split("\n")
    loader = variables.get("__loader__") or getattr(variables.get("__spec__"), "loader", None)
    get: Any = getattr(loader, "get_source", None)
    try:
        source = get(variables.get("__name__")) if get is not None else None
    except (ImportError, OSError):
        source = None  # a loader that knows no such module: of what comes through a pipe
    return source.split("\n") if source else []


def decoded(source: bytes) -> str:
    """A source file as text, by the encoding that it says, with line ends as Python sees them."""
    if b"coding" in source[:200]:
        from importlib.util import decode_source

        return decode_source(source)
    text = source.removeprefix(b"\xef\xbb\xbf").decode()
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _command() -> Sequence[str]:
    """What `python -c` was given."""
    for option, text in zip(sys.orig_argv, sys.orig_argv[1:], strict=False):
        if option.startswith("-") and not option.startswith("--") and option.endswith("c"):
            return text.split("\n")
    return []


def _standard_input() -> Sequence[str]:
    """The program that comes by standard input, where that is a file, as in `python < tune.py`."""
    try:
        told = os.fstat(0)
        # A pipe can be read only once, by the interpreter.
        return decoded(os.pread(0, told.st_size, 0)).split("\n") if stat.S_ISREG(told.st_mode) else []
    except (OSError, ValueError, SyntaxError):
        return []


def imported_names(code: CodeType) -> frozenset[str]:
    """The names that a module's own statements import, read from its code."""
    from opcode import opmap

    imports = {opmap["IMPORT_NAME"], opmap["IMPORT_FROM"]}
    stores = {opmap["STORE_NAME"], opmap["STORE_GLOBAL"]}
    between = {opmap[name] for name in ("ROT_TWO", "SWAP", "POP_TOP", "CACHE") if name in opmap} | imports
    operations, arguments = code.co_code[::2], code.co_code[1::2]
    last = max(map(operations.rfind, imports))  # most stand at the top of a module
    names, within, high = set(), False, 0
    for place, operation in enumerate(operations):
        if place > last and not within:
            break
        low = arguments[place]
        argument, high = high << 8 | low, 0
        if operation == opmap["EXTENDED_ARG"]:
            high = argument
        elif operation in stores:
            if within:
                names.add(code.co_names[argument])
        else:
            within = operation in imports or (within and operation in between)
    return frozenset(names)
