"""The command: `python -m examples.hyperparameters --trials 40 --jobs 2 --outdir OUT`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import otel_replay
from examples.hyperparameters.neighbours import generate_points


def main(arguments: list[str] | None = None) -> int:
    """Run the study and say what came out: 0 when it worked, 2 when it could not."""
    options = _parser().parse_args(arguments)
    try:
        import optuna  # an optional dependency
    except ImportError:
        return _fail("this example needs Optuna: pip install optuna")
    from examples.hyperparameters.study import Study, trials_table

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    points = generate_points(options.points, options.seed)
    settings = {"trials": options.trials, "jobs": options.jobs, "seed": options.seed}
    with otel_replay.start_run("hyperparameters", attributes=settings) as run:
        study = Study(points=points, seed=options.seed).optimise(options.trials, options.jobs)
        best = {"trial": study.best_trial.number, "error": study.best_value, "values": study.best_params}
        texts = {"trials.csv": trials_table(study), "best.json": json.dumps(best, indent=2) + "\n"}
        try:
            _write(options.outdir, texts)
        except OSError as error:
            return _fail(f"cannot write to `{options.outdir}`: {error.strerror or error}")
    print(f"Best of {len(study.trials)} trials: error {best['error']:.4f} with {best['values']}")
    if run.recording:
        print(f"Recorded as run {run.run_id}. Next: otel-replay show {run.run_id}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.hyperparameters",
        description="Tune a nearest-neighbour regression with Optuna, and record every choice.",
    )
    parser.add_argument("--trials", type=_at_least(1), default=40, help="default: %(default)s")
    parser.add_argument("--jobs", type=_at_least(1), default=1, help="threads (default: %(default)s)")
    parser.add_argument("--points", type=_at_least(10), default=150, help="of data (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of data and sampler (default: %(default)s)")
    parser.add_argument("--outdir", type=Path, required=True, metavar="OUT", help="where the results go")
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {value}")
        return value

    return number


def _write(outdir: Path, texts: dict[str, str]) -> None:
    outdir.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = outdir / name
        path.write_text(text, encoding="utf-8", newline="\n")
        otel_replay.artifact(name, path)


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
