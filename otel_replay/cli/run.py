"""`run`: record a program without an edit to it."""

from __future__ import annotations

import click

from otel_replay.cli.options import json_option, store_option

__all__ = ["command"]


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("program", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--name", help="What the run is called; the script's or command's name by default.")
@click.option("--run-id", help="The run's id; made from the time by default.")
@click.option("--rules", multiple=True, metavar="FILE", help="Function rules; may be repeated.")
@click.option("--capture", is_flag=True, help="Keep the ends of what the program writes, too.")
@click.option("--dry-run", is_flag=True, help="Start nothing; list what would be hooked into.")
@click.option("--quiet", is_flag=True, help="Say nothing at the end.")
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    program: tuple[str, ...],
    name: str | None,
    run_id: str | None,
    rules: tuple[str, ...],
    capture: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run COMMAND and record what it decides, calls and generates, and its child processes with it.

    Exits with the command's own code, and by its signal where one ended it; with 127 where there is no such
    command. --json is for --dry-run: standard output is the program's.
    """
    if program[0].startswith("-"):
        raise click.UsageError(f"no such option: {program[0]}", context)
    if dry_run:
        return _list(program, rules, as_json)
    if as_json:
        raise click.UsageError("--json is for --dry-run: standard output is the program's", context)
    from otel_replay.zero_code.asked import Asked
    from otel_replay.zero_code.launching import launch

    store = context.find_root().obj
    asked = Asked(program, name=name, run_id=run_id, store=store, rules=rules, capture=capture, quiet=quiet)
    return launch(asked)


def _list(program: tuple[str, ...], rules: tuple[str, ...], as_json: bool) -> int:
    from otel_replay.zero_code.dry_run import what_would_be_hooked

    found = what_would_be_hooked(program, rules)
    if as_json:
        from otel_replay.cli.json_out import print_json

        print_json(found)
        return 0
    from otel_replay.cli.terminal import escape, stdout

    screen = stdout()
    for function in found["functions"]:
        text = f"{function['function']}  {function['place']}  by {function['rule']}"
        screen.print((f"{function['kind']:<20} ", "bold"), text)
    names = ", ".join(library["name"] for library in found["libraries"])
    screen.print(("libraries            ", "bold"), f"what the program imports of: {names}")
    screen.print(("`otel-replay doctor` says which of them are installed, and what is recorded", "dim"))
    screen.flush()
    for problem in found["problems"]:
        click.echo(escape(f"otel-replay: {problem}"), err=True)
    return 0
