"""The command: `python -m examples.ve_tuning --csv LOG --outdir OUT`, or `--generate ROWS` without a log."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import otel_replay
from examples.ve_tuning.generate import generate_log
from examples.ve_tuning.log_file import LogError
from examples.ve_tuning.tuner import Settings, Tuning, tune

DAMAGED_SHOWN = 5


def main(arguments: list[str] | None = None) -> int:
    """Tune and say what came out: 0 when it worked, 2 when it could not."""
    options = _parser().parse_args(arguments)
    settings = Settings(
        smooth_passes=options.smooth_passes,
        gradient_threshold=options.gradient_threshold,
        clamp=options.clamp,
    )
    try:
        log = options.csv or _generated(options.outdir, options.generate, options.seed)
        with otel_replay.start_run("ve tuning", attributes={"log": str(log), **asdict(settings)}) as run:
            tuning = tune(log, options.outdir, settings)
    except LogError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"cannot write to `{options.outdir}`: {error.strerror or error}")
    _tell(tuning, options.outdir)
    if run.recording:
        print(f"Recorded as run {run.run_id}. Next: otel-replay show {run.run_id}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.ve_tuning",
        description="Correct a fuel table from a dyno log, and record why each cell came out as it did.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--csv", type=Path, metavar="LOG", help="the dyno log to tune from")
    source.add_argument(
        "--generate", type=_number(int, least=1), metavar="ROWS",
        help="tune from a made-up log of so many rows",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=7, help="which made-up log (default: %(default)s)")
    parser.add_argument("--outdir", type=Path, required=True, metavar="OUT", help="where the tables go")
    parser.add_argument(
        "--smooth-passes", type=_number(int, least=0), default=2, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--gradient-threshold", type=_number(float, least=0), default=1.0, metavar="PERCENT",
        help="steps between neighbours above this are kept (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--clamp", type=_number(float, least=0), default=10.0, metavar="PERCENT",
        help="no correction goes further than this (default: %(default)s)",
    )  # fmt: skip
    return parser


def _number(kind: Callable[[str], float], *, least: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not (math.isfinite(value) and value >= least):
            raise argparse.ArgumentTypeError(f"must be a number from {least} on, not {text}")
        return value

    return number


def _generated(outdir: Path, rows: int, seed: int) -> Path:
    outdir.mkdir(parents=True, exist_ok=True)
    path = outdir / "dyno_log.csv"
    with path.open("w", encoding="utf-8", newline="\n") as log:
        log.writelines(generate_log(rows, seed))
    return path


def _tell(tuning: Tuning, outdir: Path) -> None:
    log, front, rear = tuning.log, tuning.front, tuning.rear
    covered = sum(1 for line in front.hits for count in line if count)
    print(f"{len(log.samples)} samples, {front.accepted} accepted in front and {rear.accepted} in the rear,")
    print(f"{covered} of {sum(map(len, front.hits))} cells covered, {len(tuning.anomalies)} anomalies.")
    print(f"The tables are in {outdir}.")
    for line in log.damaged[:DAMAGED_SHOWN]:
        print(f"damaged line {line.number}: {line.reason}", file=sys.stderr)
    if len(log.damaged) > DAMAGED_SHOWN:
        print(f"... {len(log.damaged)} damaged lines in all", file=sys.stderr)


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
