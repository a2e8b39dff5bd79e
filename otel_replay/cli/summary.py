"""`summary`: a run in numbers."""

from __future__ import annotations

import click

from otel_replay.cli.options import find_run, json_option, prices_option, run_argument, store_option

__all__ = ["command"]


@click.command("summary")
@run_argument
@prices_option
@json_option
@store_option
@click.pass_context
def command(context: click.Context, run: str, prices_file: str | None, as_json: bool) -> None:
    """Count and time what happened in RUN.

    Says what was decided, where the time went, what models and tools were asked, and what was lost. RUN may
    also be a file (docs/runs.md).
    """
    from otel_replay.analysis.summary import summarise
    from otel_replay.cli.prices import read_prices

    prices = read_prices(prices_file)
    source = find_run(context, run)
    found = summarise(source.records())
    if as_json:
        from otel_replay.cli.json_out import print_json
        from otel_replay.cli.summary_json import summary_document

        print_json(summary_document(source, found, prices))
        return
    from otel_replay.cli.run_head import head_lines, hints
    from otel_replay.cli.summary_lines import summary_lines
    from otel_replay.cli.terminal import stderr, stdout

    screen = stdout()
    screen.write_all(head_lines(source, found, screen))
    for line in summary_lines(found, screen, prices):
        screen.write_fitted(line)
    screen.flush()
    for hint in hints(source, found):
        stderr().print(("hint: ", "key"), hint)
