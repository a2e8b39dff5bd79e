"""The files of rules that a project names: `[tool.otel_replay.check]` of the nearest pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from otel_replay.checking.places import read_written
from otel_replay.errors import FormatError

__all__ = ["project_rules"]

_PROJECT = "pyproject.toml"


def project_rules(folder: Path) -> list[Path]:
    """The files that `rules` names in the pyproject.toml of `folder`, or the nearest one above it.

    Raises
    ------
    FormatError
        If `rules` is no list of files, or one of them is not there.
    """
    for place in (folder, *folder.parents):
        project = place / _PROJECT
        if project.is_file():
            return list(_named_in(project))
    return []


def _named_in(project: Path) -> Iterator[Path]:
    content = read_written(project).content
    for name in ("tool", "otel_replay", "check"):
        content = content.get(name) if isinstance(content, dict) else None
    said = content.get("rules", []) if isinstance(content, dict) else []
    names = [said] if isinstance(said, str) else said
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise FormatError(
            f"`{project}`: `rules` in [tool.otel_replay.check] is no list of files",
            hint='rules = ["checks/*.yaml"]',
        )
    for name in names:
        found = sorted(project.parent.glob(name)) if not Path(name).is_absolute() else [Path(name)]
        if not found:
            raise FormatError(f"`{project}`: there is no file `{name}`, which [tool.otel_replay.check] names")
        yield from found
