"""Which packages modules belong to, by what stands beside them. Nothing is imported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["versions_of"]

_SUFFIX = ".dist-info"
_NOBODYS = frozenset({"_distutils_hack", "sitecustomize", "usercustomize"})
"""What Python imports by itself. To find whose it is, the lists of files of all packages would be read."""


def versions_of(modules: Mapping[str, str]) -> dict[str, str]:
    """Name and version of the packages that some modules belong to.

    Parameters
    ----------
    modules:
        Names of top-level modules, and for each the folder that it was imported from. A module of no
        installed package, such as the program's own, is left out.
    """
    found: dict[str, str] = {}
    for folder in sorted(set(modules.values())):
        installed = {_normal(name): (name, version, info) for name, version, info in _installed(folder)}
        left = set()
        for module in (module for module, place in modules.items() if place == folder):
            package = installed.get(_normal(module))
            if package is None and module not in _NOBODYS:
                left.add(module)
            elif package is not None:
                found[package[0]] = package[1]
        if left and installed:
            found.update(_by_their_files(left, installed.values()))
    return dict(sorted(found.items()))


def _normal(name: str) -> str:
    return "-".join(filter(None, name.replace("_", "-").replace(".", "-").split("-"))).lower()


def _installed(folder: str) -> Iterator[tuple[str, str, str]]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.endswith(_SUFFIX):
            package, _, version = name.removesuffix(_SUFFIX).rpartition("-")
            if package:
                yield package.replace("_", "-"), version, os.path.join(folder, name)


def _by_their_files(left: set[str], installed: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """The packages whose modules are called otherwise than they are: by what they say that they installed."""
    for name, version, info in installed:
        if left & _tops(info):
            yield name, version


def _tops(info: str) -> set[str]:
    """The top-level modules of an installed package."""
    for name in ("top_level.txt", "RECORD"):
        try:
            with open(os.path.join(info, name), encoding="utf-8", errors="replace") as stream:
                lines = stream.read().splitlines()
        except OSError:
            continue
        tops = {line.split("/")[0].split(",")[0].removesuffix(".py").partition(".")[0] for line in lines}
        return {top for top in tops if top.isidentifier()}
    return set()
