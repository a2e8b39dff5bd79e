"""`diff`: what is not the same in two runs, where it began, and what follows from what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.grid_options import grid_options
from otel_replay.cli.options import complete_run, json_option, store_option

if TYPE_CHECKING:
    from otel_replay.diffing.difference import Difference
    from otel_replay.diffing.rules import Rules

__all__ = ["command"]

_SHOWN = 20


@click.command("diff")
@click.argument("a", metavar="A", shell_complete=complete_run)
@click.argument("others", metavar="B...", nargs=-1, required=True, shell_complete=complete_run)
@click.option(
    "-t",
    "--tolerance",
    multiple=True,
    metavar="NAME=ABS[,REL%]",
    help="Numbers of this name are equal when no further apart; may be repeated, the first that fits counts.",
)
@click.option(
    "--identity",
    multiple=True,
    metavar="ITEM=NAME,NAME",
    help="What such items are about (default: a decision's whole cell); may be repeated.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="GLOB",
    help="Leave out attributes, decisions, events and spans of such names; may be repeated.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="GLOB",
    help="Compare only decisions, events and spans of such names, and what is in them; may be repeated.",
)
@click.option("--strict", is_flag=True, help="1 and 1.0 differ.")
@click.option(
    "--times",
    is_flag=True,
    help="Lengths of spans count too: equal within 10 ms or 10%, or --tolerance duration_ms=…",
)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=_SHOWN,
    show_default=True,
    metavar="N",
    help="At most N differences of a kind on the screen.",
)
@click.option(
    "--markdown", "as_markdown", is_flag=True, help="Print Markdown, for a comment on a pull request."
)
@click.option("--html", metavar="FILE", help="Write one page for any browser, with everything in it.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the runs differ.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; implies --exit-code.")
@grid_options
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    a: str,
    others: tuple[str, ...],
    limit: int,
    as_markdown: bool,
    html: str | None,
    exit_code: bool,
    quiet: bool,
    as_json: bool,
    **wishes: Any,
) -> int:
    """Compare run B with run A; several runs with A make a table.

    A and B are runs, packed runs, a session_replay.json, or files of OTLP JSON or Jaeger JSON. Ids and times
    are no differences. A pattern such as `values.*` names attributes; `AFR_CORRECTION:values.weight` those of
    one action alone. What one run did not reach, because its recording ended before, is told apart. Exits
    with 0 all the same, as git does, unless --exit-code asks for 1.
    """
    from otel_replay.cli.options import open_store
    from otel_replay.diffing.compare import compare
    from otel_replay.errors import UsageError
    from otel_replay.loading import load_items

    if as_json and as_markdown:
        raise UsageError("--json and --markdown both want standard output")
    if html and len(others) > 1:
        raise UsageError("--html compares two runs", hint="without it, several runs make a table")
    rules, grid = _rules(wishes), _grid(wishes)
    store = open_store(context)
    base = load_items(a, store=store)
    found = [compare(base, load_items(name, store=store), rules, **grid) for name in others]
    if wishes["axes"] and not any(one.grid for one in found):
        raise UsageError(f"no decision changes a cell with --axes {wishes['axes']}")
    if html:
        _write_page(Path(html), found[0])
    if not quiet:
        _print(found, limit, as_json=as_json, as_markdown=as_markdown)
    return int((exit_code or quiet) and any(not one.equal for one in found))


def _rules(wishes: dict[str, Any]) -> Rules:
    from otel_replay.diffing.rules import Tolerance, make_rules, parse_identity, parse_tolerance

    return make_rules(
        tolerances=[parse_tolerance(text) for text in wishes["tolerance"]],
        identity=dict(parse_identity(text) for text in wishes["identity"]),
        ignore=wishes["ignore"],
        only=wishes["only"],
        strict=wishes["strict"],
        times=Tolerance(absolute=10.0, relative=0.1) if wishes["times"] else False,
    )


def _grid(wishes: dict[str, Any]) -> dict[str, Any]:
    from otel_replay.errors import UsageError

    axes = [name.strip() for name in wishes["axes"].split(",")] if wishes["axes"] else []
    if axes and (len(axes) != 2 or not all(axes)):
        raise UsageError(f"--axes `{wishes['axes']}` is not two names", hint="such as --axes rpm,kpa")
    return {"axes": axes, "value": wishes["value"], "before": wishes["before"]}


def _write_page(place: Path, found: Difference) -> None:
    from otel_replay.cli.terminal import stderr
    from otel_replay.diffing.page import write_page
    from otel_replay.storage.atomic import open_output

    with open_output(place) as stream:
        write_page(stream, found)
    stderr().print(f"Wrote the comparison to {place}")


def _print(found: list[Difference], limit: int, *, as_json: bool, as_markdown: bool) -> None:
    if as_json:
        from otel_replay.cli.json_out import print_json

        if len(found) == 1:
            print_json(found[0].as_json())
        else:
            print_json(
                {"schema": "otel-replay.diffs", "version": 1, "differences": [one.as_json() for one in found]}
            )
        return
    if as_markdown:
        from otel_replay.cli.json_out import stdout_bytes

        for one in found:
            stdout_bytes().write(one.markdown(most_bytes=60_000 // len(found)).encode("utf-8", "replace"))
        return
    from otel_replay.cli.diff_lines import difference_lines, table_lines
    from otel_replay.cli.terminal import stdout

    screen = stdout()
    lines = difference_lines(found[0], screen, limit) if len(found) == 1 else table_lines(found, screen)
    for line in lines:
        screen.write_fitted(line)
    screen.flush()
