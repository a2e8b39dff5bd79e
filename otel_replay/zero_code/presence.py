"""A hooked Python process says that it is there, and at its end what it was: a small file in a known folder.

Lines of text: what it runs, its version, its arguments, and where its modules were imported from. It is
written with what the interpreter has loaded anyway; whoever started the program makes something of it.
"""

from __future__ import annotations

import atexit
import os
import sys

__all__ = ["SUFFIX", "say_so"]

SUFFIX = ".python"


def say_so(folder: str) -> None:
    """Leave the file of this process in `folder`, and have its end told there; OSError.

    Where the folder is gone nobody asks any more: whoever started the program has ended.
    """
    path = os.path.join(folder, f"{os.getpid()}{SUFFIX}")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return
    try:
        version = ".".join(map(str, sys.version_info[:3]))
        told = f"{sys.executable}\n{sys.implementation.name} {version}\n{sys.prefix}\n"
        os.write(fd, told.encode("utf-8", "surrogateescape"))
    finally:
        os.close(fd)
    atexit.register(_tell_modules, path, os.getpid())


def _tell_modules(path: str, pid: int) -> None:
    if os.getpid() != pid:
        return  # a forked child that leaves as if it were its parent
    try:
        lines = []
        for name, module in list(sys.modules.items()):
            spec = getattr(module, "__spec__", None)
            origin = getattr(spec, "origin", None)
            if (
                "." in name
                or name in sys.stdlib_module_names
                or not isinstance(origin, str)
                or os.sep not in origin
            ):
                continue
            top = os.path.dirname(origin)
            if getattr(spec, "submodule_search_locations", None) is not None:
                top = os.path.dirname(top)
            lines.append(f"{name}\t{top}\n")
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(fd, "".join(lines).encode("utf-8", "surrogateescape"))
        finally:
            os.close(fd)
    except Exception:  # nobody is left to tell, and the program's end is its own
        return
