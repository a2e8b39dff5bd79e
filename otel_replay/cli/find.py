"""`find`: the items of a run that a selector means, one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import complete_run, json_option, open_store, store_option

if TYPE_CHECKING:
    from otel_replay.analysis.items import Item
    from otel_replay.cli.terminal import Text

__all__ = ["command"]


@click.command("find")
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.argument("selector", metavar="SELECTOR")
@click.option("--count", "only_count", is_flag=True, help="Print only how many there are.")
@json_option
@store_option
@click.pass_context
def command(context: click.Context, run: str, selector: str, only_count: bool, as_json: bool) -> int:
    """Find what SELECTOR means in RUN: spans, decisions, events, log records.

    For example `decision(CLAMPING_*)[after <= 7]` or `agent > tool[name=search]:first`; docs/selectors.md
    has all of it. RUN may also be a file (docs/runs.md).
    Exits with 1 where nothing is found.
    """
    from otel_replay.loading import load_items
    from otel_replay.queries.parse import selector as parse

    query = parse(selector)
    items = load_items(run, store=open_store(context))
    found = query.select(items)
    if as_json:
        from otel_replay.cli.json_out import print_json, write_list

        head = {"run_id": items.run_id, "selector": selector, "count": len(found)}
        if only_count:
            print_json(head)
        else:
            write_list(head, "items", (_document(item) for item in found))
    elif only_count:
        click.echo(len(found))
    else:
        from otel_replay.cli import people
        from otel_replay.cli.terminal import stdout

        screen = stdout()
        screen.write_all(_line(item) for item in found)
        screen.flush()
        if not found:
            from otel_replay.assertions.report import nearest
            from otel_replay.queries.indexed import Indexed

            click.echo(f"None of {people.counted(len(items), 'item')} fits.", err=True)
            miss = nearest(query.node, Indexed(items), ())
            for line in miss.lines() if miss else ():
                click.echo(line, err=True)
    return 0 if found else 1


def _document(item: Item) -> dict[str, Any]:
    from otel_replay.cli.json_out import json_value

    return {
        "seq": item.seq,
        "kind": item.kind,
        "name": item.name,
        "path": [*reversed([above.name for above in item.ancestors()]), item.name],
        "start_ns": item.start_ns,
        "duration_ns": item.duration_ns,
        "status": item.status,
        "span_id": item.span_id,
        "attributes": json_value(dict(item.attributes)),
    }


def _line(item: Item) -> Text:
    from otel_replay.cli import people
    from otel_replay.cli.decision_lines import one_line
    from otel_replay.cli.terminal import Text
    from otel_replay.records import Decision

    if isinstance(item.record, Decision):
        return one_line(item.record)
    line = Text((people.moment_of_day(item.start_ns), "dim")).add("  ").add(item.name, "action")
    if item.is_span:
        length = item.duration_ns
        line.add("  ").add("goes on" if length is None else people.duration(length), "key")
    if item.failed:
        line.add("  ").add(item.message or "failed", "failed")
    facts = people.pairs(dict(item.attributes))
    return line.add("  ").add(facts, "dim") if facts else line
