"""`diff`: what is not the same in two runs, where it began, and what follows from what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.grid_options import grid_options
from otel_replay.cli.options import choosing_options, complete_run, json_option, store_option

if TYPE_CHECKING:
    from otel_replay.analysis.decision_lines import DecisionLines
    from otel_replay.analysis.items import Items
    from otel_replay.diffing.difference import Difference
    from otel_replay.diffing.rules import Rules
    from otel_replay.storage.store import Store

__all__ = ["command"]

_SHOWN = 20


@click.command("diff")
@click.argument("a", metavar="A", shell_complete=complete_run)
@click.argument("others", metavar="B...", nargs=-1, shell_complete=complete_run)
@choosing_options
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
@click.option(
    "--all-attributes",
    is_flag=True,
    help="Where a run was made counts too: machine, environment, directories in the command, versions.",
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
    all_runs: bool,
    since: str | None,
    limit: int,
    as_markdown: bool,
    html: str | None,
    exit_code: bool,
    quiet: bool,
    as_json: bool,
    **wishes: Any,
) -> int:
    """Compare run B with run A; several runs with A make a table.

    A and B are runs, or files of any kind (docs/runs.md); B may be a pattern such as 'tune-*'. Ids and times
    are no differences. A pattern such as `values.*` names attributes; `AFR_CORRECTION:values.weight` those of
    one action alone. What one run did not reach, because its recording ended before, is told apart. Exits
    with 0 all the same, as git does, unless --exit-code asks for 1.
    """
    from otel_replay.analysis.decision_lines import DecisionLines
    from otel_replay.cli.chosen_runs import choose_runs
    from otel_replay.cli.options import open_store
    from otel_replay.diffing.compare import compare
    from otel_replay.errors import UsageError
    from otel_replay.loading import load_items
    from otel_replay.opening import several

    if as_json and as_markdown:
        raise UsageError("--json and --markdown both want standard output")
    if not (others or all_runs or since is not None):
        raise UsageError(
            "two runs are compared, and one is named",
            hint="name the other one too, or say --all, --since 1d or a pattern such as 'tune-*'",
        )
    rules, grid = _rules(wishes), _grid(wishes)
    store = open_store(context)
    names = choose_runs(others, store, all_runs=all_runs, since=since)
    if html and len(names) > 1:
        raise UsageError("--html compares two runs", hint="without it, several runs make a table")
    lines = DecisionLines(numbered=True)
    base = load_items(a, store=store, lines=lines)
    runs = _Others(names, others, base, store, lines.enough())
    found = [compare(base, other, rules, **grid) for other in runs]
    if wishes["axes"] and not any(one.grid for one in found):
        raise UsageError(f"no decision changes a cell with --axes {wishes['axes']}")
    if html:
        if len(found) > 1:
            raise several(names[0], [one.b.run_id for one in found])
        _write_page(Path(html), found[0])
    if not quiet:
        _print(found, limit, runs.unreadable, as_json=as_json, as_markdown=as_markdown)
    return runs.tell() or int((exit_code or quiet) and any(not one.equal for one in found))


class _Others:
    """The runs that are compared with A. Of several, one that cannot be read does not stop the rest."""

    def __init__(
        self, names: Sequence[str], named: Sequence[str], base: Items, store: Store, lines: DecisionLines
    ) -> None:
        self.names, self.named, self.base, self.store, self.lines = names, named, base, store, lines
        self.unreadable: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[Items]:
        from otel_replay.errors import OtelReplayError, UsageError
        from otel_replay.loading import load_runs

        compared = 0
        for name in self.names:
            try:
                for items in load_runs(name, store=self.store, lines=self.lines):
                    is_base = (items.run_id, items.source) == (self.base.run_id, self.base.source)
                    if name in self.named or not is_base:  # a pattern, or --all, may mean A too
                        compared += 1
                        yield items
            except OtelReplayError as error:
                if len(self.names) == 1:
                    raise
                self.unreadable.append((name, error.message))
        if not compared and not self.unreadable:
            raise UsageError(f"there is no run but {self.base.source} itself to compare it with")

    def tell(self) -> int:
        """Tell what could not be read; gives the exit code: 2 where there is any, else 0."""
        from otel_replay.cli.chosen_runs import tell_unreadable

        return tell_unreadable(self.unreadable)


def _rules(wishes: dict[str, Any]) -> Rules:
    from otel_replay.diffing.rules import Tolerance, make_rules, parse_identity, parse_tolerance

    return make_rules(
        tolerances=[parse_tolerance(text) for text in wishes["tolerance"]],
        identity=dict(parse_identity(text) for text in wishes["identity"]),
        ignore=wishes["ignore"],
        only=wishes["only"],
        strict=wishes["strict"],
        times=Tolerance(absolute=10.0, relative=0.1) if wishes["times"] else False,
        all_attributes=wishes["all_attributes"],
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


def _print(
    found: list[Difference],
    limit: int,
    unreadable: list[tuple[str, str]],
    *,
    as_json: bool,
    as_markdown: bool,
) -> None:
    if as_json:
        from otel_replay.cli.json_out import print_json

        if len(found) == 1 and not unreadable:
            print_json(found[0].as_json())
            return
        document = {"schema": "otel-replay.diffs", "version": 1}
        left_out = [{"run": name, "error": why} for name, why in unreadable]
        print_json(document | {"differences": [one.as_json() for one in found], "unreadable": left_out})
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
