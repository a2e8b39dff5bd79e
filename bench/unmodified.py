"""A program that knows nothing of us, started by `otel-replay run` and by itself: what that costs it.

The tuner of `examples/unmodified_tuner`, a few thousand lines of log and about 120 decisions, as a whole
process, by the clock, turn by turn, in an environment where the package is installed as people have it. The
bar: 2 % of its time or 30 ms, whichever is more. Beside it what the parts cost: until the program has its
first line, a program that does nothing at all, one that is not Python, and a Python that starts and ends, of
which each recorded program needs one more.
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.installed import installed
from bench.processes import Command
from bench.recorded import temporary_directory
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Measured, difference, interleaved, spread

__all__ = ["NAME", "measure"]

NAME = "unmodified"
_TUNER = Path(__file__).resolve().parent.parent / "examples" / "unmodified_tuner" / "tune.py"
_SHARE, _LEAST_MS = 0.02, 30.0
# The time is taken before the file is opened: that file is recorded.
_FIRST = "import time; now = time.time_ns(); import sys; open(sys.argv[1], 'w').write(str(now))"


def measure(scale: Scale) -> list[Row]:
    """Each program by itself and recorded: the difference, and what it is of the bar."""
    with temporary_directory() as place:
        os.chdir(place)  # where no pyproject.toml names us, whose rules would be read first
        python, command_line = installed(place / "environment")
        run = [*command_line, "--store", str(place / "store"), "run", "--"]
        words = [python, str(_TUNER), "--generate", "--no-times", "--outdir"]
        commands = {
            "tuner": Command([*words, str(place / "plain")]),
            "tuner recorded": Command([*run, *words, str(place / "recorded")]),
            "nothing": Command([python, "-c", "pass"]),
            "nothing recorded": Command([*run, python, "-c", "pass"]),
            "true recorded": Command([*run, "/bin/true"]),
        }
        processor = interleaved(dict(commands), scale.processes)
        wall = {name: command.wall_ns[1:] for name, command in commands.items()}
        first = _first_line(place, python, run, scale)
        _same_files(place)
        os.chdir("/")
    return [*_rows(wall, processor), row(NAME, "  until the program's first line", first, unit="ms")]


def _rows(wall: dict[str, list[int]], processor: dict[str, list[int]]) -> list[Row]:
    plain = spread(wall["tuner"]).times(1e-6)
    more = _differences(wall["tuner recorded"], wall["tuner"])
    allowed_ms = max(_SHARE * plain.median, _LEAST_MS)
    cpu = _differences(processor["tuner recorded"], processor["tuner"])
    nothing = _differences(wall["nothing recorded"], wall["nothing"])
    alone = spread(wall["true recorded"]).times(1e-6)
    return [
        row(
            NAME,
            "a tuner with otel-replay run less by itself / 2 % or 30 ms",
            more.times(1 / allowed_ms),
            bar=1.0,
            note=f"{more.median:.0f} ms more (of the fastest {more.best:.0f}),"
            f" by itself {plain.median:.0f} ms (fastest {plain.best:.0f})",
        ),
        row(NAME, "  the same in processor time, of both processes", cpu, unit="ms"),
        row(NAME, "  python -c pass with it, less by itself", nothing, unit="ms"),
        row(NAME, "  a program that is not Python, with it", alone, unit="ms"),
        row(NAME, "  a Python that starts and ends", spread(wall["nothing"]).times(1e-6), unit="ms"),
    ]


def _differences(more: list[int], less: list[int]) -> Measured:
    pairs = [one - other for one, other in zip(more, less, strict=False)]
    return difference(pairs, best=min(more) - min(less)).times(1e-6)


def _first_line(place: Path, python: str, run: list[str], scale: Scale) -> Measured:
    """How much later the program's first line comes."""
    import subprocess
    from time import time_ns

    told = place / "first"
    sides: dict[str, list[int]] = {"plain": [], "recorded": []}
    for _ in range(scale.processes + 1):
        for side, before in (("plain", []), ("recorded", run)):
            begin = time_ns()
            subprocess.run([*before, python, "-c", _FIRST, str(told)], check=True)
            sides[side].append(int(told.read_text()) - begin)
    return _differences(sides["recorded"][1:], sides["plain"][1:])


def _same_files(place: Path) -> None:
    for path in sorted((place / "plain").iterdir()):
        if path.read_bytes() != (place / "recorded" / path.name).read_bytes():
            raise RuntimeError(f"{path.name} is not what it is without us")
