"""`run`: record a program without an edit to it."""

from __future__ import annotations

import click

from otel_replay.cli.options import store_option

__all__ = ["command"]


@click.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("program", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--name", help="What the run is called; the command's name by default.")
@click.option("--run-id", help="The run's id; made from the time by default.")
@click.option("--rules", multiple=True, metavar="FILE", help="Function rules; may be repeated.")
@store_option
@click.pass_context
def command(
    context: click.Context,
    program: tuple[str, ...],
    name: str | None,
    run_id: str | None,
    rules: tuple[str, ...],
) -> int:
    """Run COMMAND and record what it decides, calls and generates, and its child processes with it.

    Exits with the command's own code.
    """
    from pathlib import Path

    from otel_replay.rules.reading import rule_texts
    from otel_replay.zero_code.launching import launch
    from otel_replay.zero_code.plan import Plan

    plan = Plan(rules=rule_texts(rules, Path.cwd()))
    return launch(program, plan, name=name, run_id=run_id, store=context.obj)
