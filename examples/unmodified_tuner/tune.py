"""The command: `python tune.py --generate --outdir OUT`, or `--csv LOG` with a dyno log of your own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sparktune import decision_log
from sparktune.engine import base_table, sweeps
from sparktune.log_file import LogError, write_log
from sparktune.table import as_csv, from_csv
from sparktune.tuning import Settings, tune


def main(arguments: list[str] | None = None) -> int:
    """Tune, and say what came out: 0 when it worked, 2 when it could not."""
    options = _parser().parse_args(arguments)
    settings = Settings(options.passes, options.threshold, options.limit, not options.no_times)
    try:
        log = options.csv
        if log is None:
            options.outdir.mkdir(parents=True, exist_ok=True)
            log = options.outdir / "dyno_log.csv"
            write_log(log, sweeps(options.seed, options.repeats))
        old = from_csv(options.table.read_text()) if options.table else base_table()
        tuned = tune(log, old, options.outdir, settings)
    except (LogError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{tuned.samples} samples, {len(decision_log.logged())} decisions, {len(tuned.suspicions)} to check"
    )
    print(as_csv(tuned.table), end="")
    for line in tuned.damaged[:5]:
        print(f"damaged: {line}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Find the spark advance of a twin from dyno sweeps.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--csv", type=Path, metavar="LOG", help="the dyno log to tune from")
    source.add_argument("--generate", action="store_true", help="tune from a made-up log")
    parser.add_argument("--table", type=Path, metavar="CSV", help="the spark table to start from")
    parser.add_argument("--outdir", type=Path, required=True, metavar="OUT", help="where the results go")
    parser.add_argument("--seed", type=int, default=7, help="which made-up log (default: %(default)s)")
    parser.add_argument(
        "--repeats", type=int, default=1, help="sweeps of each cell in the made-up log (default: %(default)s)"
    )
    parser.add_argument("--passes", type=int, default=2, help="of smoothing (default: %(default)s)")
    parser.add_argument(
        "--threshold", type=float, default=3.5, metavar="DEG", help="steps above are kept (%(default)s)"
    )
    parser.add_argument(
        "--limit", type=float, default=6.0, metavar="DEG", help="no change goes further (%(default)s)"
    )
    parser.add_argument(
        "--no-times", action="store_true", help="leave the times out of decisions.json, for comparing runs"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
