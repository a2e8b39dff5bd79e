"""`make mutants`: changes a group of modules one place at a time, runs its tests on each change, and counts.

A change that no test notices says that a test is missing, or that the code is not needed. mutmut leaves type
annotations, docstrings, decorated functions and what stands outside functions as they are. Each group is
worked on in a copy of its own, `mutants/GROUP`, where `mutmut browse` shows what was not noticed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MUTMUT = Path(sys.executable).with_name("mutmut")
COPIED = ("otel_replay", "tests", "docs", "examples", "pyproject.toml", "README.md")
NOTICED = {"killed", "timeout", "segfault", "suspicious", "caught by type check"}

GROUPS = {
    "assertions": ["tests/assertions"],
    "queries": ["tests/queries", "tests/assertions"],
    "checking": ["tests/checking", "tests/cli/test_cli_check.py"],
}
"""Packages, and the tests that are to notice what is changed in them."""

LEFT_OUT = ["tests/queries/test_selectors.py::test_a_query_written_as_a_selector_selects_the_same"]
"""Searches at random for many seconds: what it finds the others hold by example."""

CONFIG = """
[tool.mutmut]
source_paths = ["otel_replay"]
only_mutate = ["otel_replay/{group}/*"]
also_copy = ["docs", "examples"]
# Each change meets an interpreter that no test has run in: what is cached there would hide it.
process_isolation = "forkserver"
timeout_constant = 60.0  # seconds: a busy machine is no endless loop
pytest_add_cli_args = {arguments}
pytest_add_cli_args_test_selection = {tests}
"""


def main() -> int:
    """Change, test, and print a line for each module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument(
        "--digits", default="", help="only changes whose number ends in one of these: a sample"
    )
    asked = parser.parse_args()
    folder = ROOT / "mutants" / asked.group
    _copy(folder, asked.group)
    which = [f"otel_replay.{asked.group}.*__mutmut_*[{asked.digits}]"] if asked.digits else []
    done = subprocess.run([MUTMUT, "run", "--max-children", "1", *which], cwd=folder, check=False)
    _print_score(folder)
    return done.returncode


def _copy(folder: Path, group: str) -> None:
    """The tree as it is now; what mutmut knows of changes it has tried stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    arguments = ["-p", "no:cacheprovider", "--hypothesis-seed=0"]
    arguments += [word for test in LEFT_OUT for word in ("--deselect", test)]
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as project:
        project.write(CONFIG.format(group=group, arguments=arguments, tests=GROUPS[group]))


def _print_score(folder: Path) -> None:
    command = [MUTMUT, "results", "--all", "true"]
    lines = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    verdicts = [line.strip().rpartition(": ") for line in lines if ": " in line]
    counts: dict[str, Counter[str]] = {}
    for mutant, _, verdict in verdicts:
        counts.setdefault(mutant.rpartition(".")[0], Counter())[verdict] += 1
    for module, count in [*sorted(counts.items()), ("all", sum(counts.values(), Counter()))]:
        done = count.total() - count["not checked"]
        share = 100 * sum(count[verdict] for verdict in NOTICED) / max(done, 1)
        said = ", ".join(f"{number} {verdict}" for verdict, number in count.most_common())
        print(f"{module:45} {share:5.1f} %   {said}")


if __name__ == "__main__":
    sys.exit(main())
