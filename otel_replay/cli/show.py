"""`show`: one run as a tree on a time scale, with what happened in each span."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import find_run, json_option, run_argument, select_option, store_option

if TYPE_CHECKING:
    from otel_replay.analysis.tree import Tree
    from otel_replay.cli.selected import Selected
    from otel_replay.opening import OpenRun
    from otel_replay.queries.query import Query

__all__ = ["command"]

_SPANS = 200
_FEW, _SOME = 40, 100  # up to so many spans: three moments of each kind in a span, or one


@click.command("show")
@run_argument
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Only N levels of spans.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=_SPANS,
    metavar="N",
    show_default=True,
    help="At most N spans: the outline first, then failed and open ones.",
)
@click.option(
    "-e",
    "--events",
    metavar="N|all|none",
    help="So many decisions and events of each kind in a span (default: 3, fewer if there are many spans).",
)
@select_option
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    run: str,
    depth: int | None,
    limit: int,
    events: str | None,
    select: str | None,
    as_json: bool,
) -> int:
    """Show RUN as a tree on a time scale, with its decisions.

    RUN may also be a file (docs/runs.md). With --select the tree has what SELECTOR means and the
    spans above that, and how much is left out is told; exits with 1 where nothing is meant.
    """
    from otel_replay.analysis.causes import tell_causes
    from otel_replay.analysis.pick import pick
    from otel_replay.analysis.tree import Limits
    from otel_replay.analysis.tree_builder import build_tree

    moments, at_most = _moments(events if events is not None or select is None else "all")
    limits = Limits(moments=moments, all_moments=at_most)
    query = None if select is None else _query(select)
    source = find_run(context, run)
    selected = None
    if query is None:
        tree = build_tree(source.records(), limits)
    else:
        from otel_replay.cli.selected import Selected

        selected = Selected(source, query)
        tree = build_tree(selected.source.records(), Limits(moments=0, all_moments=0))
        tree.top = build_tree(selected.records(), limits).top
    shown = pick(tree, limit, depth)
    tell_causes(tree, source.records, source.blobs.read)
    dense = events is None and selected is None
    if dense and shown > _FEW:
        _keep_fewer(tree, 1 if shown <= _SOME else 0)
    if as_json:
        from otel_replay.cli.json_out import print_json
        from otel_replay.cli.tree_json import tree_document

        document = tree_document(source, tree)
        if selected is not None:
            left_out = dict(selected.left_out)
            document["selected"] = {"selector": select, "count": selected.found, "left_out": left_out}
        print_json(document)
    else:
        _print(source, tree, selected, dense=dense and shown > _SOME)
    return int(selected is not None and not selected.found)


def _query(select: str) -> Query:
    from otel_replay.queries.parse import selector

    return selector(select)


def _moments(events: str | None) -> tuple[int, int]:
    from otel_replay.errors import UsageError

    if events is None:
        return 3, 5_000
    if events == "all":
        return 1_000_000_000, 100_000
    if events == "none":
        return 0, 0
    if not events.isdecimal():
        raise UsageError(f"--events takes a number, `all` or `none`, not `{events}`")
    return int(events), 100_000


def _keep_fewer(tree: Tree, most: int) -> None:
    from collections import Counter

    from otel_replay.analysis.tree import label_of

    for node in tree.top.walk():
        seen: Counter[str] = Counter()
        kept = []
        for moment in node.kept:
            seen[label_of(moment)] += 1
            if seen[label_of(moment)] <= most:
                kept.append(moment)
        node.kept = kept


def _print(source: OpenRun, tree: Tree, selected: Selected | None, *, dense: bool) -> None:
    from otel_replay.cli import people
    from otel_replay.cli.run_head import head_lines, hints
    from otel_replay.cli.terminal import stderr, stdout
    from otel_replay.cli.tree_lines import tree_lines

    screen = stdout()
    screen.write_all(head_lines(source, tree, screen))
    screen.print()
    screen.write_all(tree_lines(tree, screen, dense=dense))
    screen.flush()
    told = list(hints(source, tree))
    spans = tree.spans - (selected.left_out["spans"] if selected is not None else 0)
    folded = sum(node.fold.spans for node in tree.top.walk())
    if folded:
        told.append(f"{folded:,} of {spans:,} spans are not shown; --limit N shows more")
    if selected is not None:
        what = people.counted(selected.found, "item")
        stderr().print(
            (f"{what} fit{'s' if selected.found == 1 else ''}; {selected.told()}".rstrip("; "), "dim")
        )
    for hint in told:
        stderr().print(("hint: ", "key"), hint)
