"""Every hook that the package has in libraries, found in its source: a new one is in this list by itself."""

from __future__ import annotations

import ast
from pathlib import Path

import otel_replay.libraries

__all__ = ["hooks"]

_FOLDER = Path(otel_replay.libraries.__file__).parent
_HOOKING = {"watch": 2, "replace": 2, "listen": 1}
"""What hooks, and which of its arguments is ours."""


def hooks() -> dict[str, set[str]]:
    """For each module with hooks, the names of what is called; `<lambda>` for what has none."""
    found: dict[str, set[str]] = {}
    for path in sorted(_FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _HOOKING:
                ours = node.args[_HOOKING[node.func.id]]
                found.setdefault(path.stem, set()).add(ours.id if isinstance(ours, ast.Name) else "<lambda>")
    return found
