"""How many mutants of the rules the tests noticed, by module: what `make mutants` prints at its end.

Before it, `mutmut run` has changed the rules one place at a time and run the tests on each. It leaves type
annotations, docstrings, decorators and what stands outside functions as they are.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

NOTICED = {"killed", "timeout", "segfault", "suspicious", "caught by type check"}


def main() -> None:
    """Print a line for each module, and what survived."""
    command = [Path(sys.executable).with_name("mutmut"), "results", "--all", "true"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
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
    main()
