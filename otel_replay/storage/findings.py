"""What is wrong with a run, told in one finding for each file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from otel_replay.storage.manifest import Output

__all__ = ["Finding", "Findings", "Outputs", "Severity"]

Severity = Literal["error", "warning"]

Outputs: TypeAlias = Mapping[tuple[str, "int | None"], Output]
"""What a manifest lists, by file and place in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was recorded.

    `path` is the file, relative to the run's directory; `problem` goes on from it in words ("is missing"). An
    `error` is a byte that changed or is gone; a `warning` says what is left to do, or is not ours.
    """

    path: str
    problem: str
    severity: Severity


class Findings:
    """One finding for each path: what is found later about the same file is added to it."""

    def __init__(self) -> None:
        self.by_path: dict[str, Finding] = {}

    def __contains__(self, path: str) -> bool:
        return path in self.by_path

    def add(self, path: str, problem: str, severity: Severity = "error") -> None:
        """Note what is wrong with the file `path`."""
        before = self.by_path.get(path)
        if before is not None:
            problem = f"{before.problem}; {problem}"
            severity = "error" if before.severity == "error" else severity
        self.by_path[path] = Finding(path, problem, severity)
