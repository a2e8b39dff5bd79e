"""`find`: the items of a run, or of several, that a selector means, one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import choosing_options, complete_run, json_option, open_store, store_option

if TYPE_CHECKING:
    from otel_replay.analysis.items import Item, Items
    from otel_replay.cli.terminal import Text
    from otel_replay.queries.query import Query
    from otel_replay.storage.store import Store

__all__ = ["command"]


@click.command("find")
@click.argument("runs", metavar="RUN...", nargs=-1, shell_complete=complete_run)
@click.argument("selector", metavar="SELECTOR")
@choosing_options
@click.option("--count", "only_count", is_flag=True, help="Print only how many there are.")
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    runs: tuple[str, ...],
    selector: str,
    all_runs: bool,
    since: str | None,
    only_count: bool,
    as_json: bool,
) -> int:
    """Find what SELECTOR means in RUN: spans, decisions, events, log records.

    For example `decision(CLAMPING_*)[after <= 7]` or `agent > tool[name=search]:first`; docs/selectors.md
    has all of it. RUN may also be a file (docs/runs.md), or a pattern such as `night-*`; of several runs each
    line begins with the run's id.
    Exits with 1 where nothing is found.
    """
    from otel_replay.cli.chosen_runs import choose_runs, is_pattern
    from otel_replay.loading import load_items
    from otel_replay.queries.parse import selector as parse

    query = parse(selector)
    store = open_store(context)
    if all_runs or since is not None or len(runs) != 1 or is_pattern(runs[0]):
        names = choose_runs(runs, store, all_runs=all_runs, since=since)
        return _in_several(query, selector, names, store, only_count=only_count, as_json=as_json)
    items = load_items(runs[0], store=store)
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
        from otel_replay.cli.terminal import stdout

        screen = stdout()
        screen.write_all(_line(item) for item in found)
        screen.flush()
        if not found:
            _tell_nearest(query, items)
    return 0 if found else 1


def _in_several(
    query: Query, selector: str, names: list[str], store: Store, *, only_count: bool, as_json: bool
) -> int:
    """The same in several runs, one after the other. One that cannot be read does not stop the rest."""
    from otel_replay.cli.chosen_runs import tell_unreadable
    from otel_replay.cli.json_out import print_json
    from otel_replay.cli.terminal import Text, stdout
    from otel_replay.errors import OtelReplayError
    from otel_replay.loading import load_runs

    screen = stdout()
    counts: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
    unreadable: list[tuple[str, str]] = []
    for name in names:
        try:
            for items in load_runs(name, store=store):
                found = query.select(items)
                counts.append({"run_id": items.run_id, "count": len(found)})
                if only_count and not as_json:
                    screen.write_all([Text((items.run_id, "key"), f"  {len(found)}")])
                elif as_json and not only_count:
                    documents += [{"run_id": items.run_id, **_document(item)} for item in found]
                elif not as_json:
                    screen.write_all(Text((items.run_id, "key"), "  ").join(_line(item)) for item in found)
        except OtelReplayError as error:
            unreadable.append((name, error.message))
    screen.flush()
    total = sum(one["count"] for one in counts)
    if as_json:
        left_out = [{"run": name, "error": why} for name, why in unreadable]
        head = {"selector": selector, "count": total, "runs": counts, "unreadable": left_out}
        print_json(head if only_count else head | {"items": documents})
    return tell_unreadable(unreadable) or int(not total)


def _tell_nearest(query: Query, items: Items) -> None:
    from otel_replay.assertions.report import nearest
    from otel_replay.cli import people
    from otel_replay.queries.indexed import Indexed

    click.echo(f"None of {people.counted(len(items), 'item')} fits.", err=True)
    miss = nearest(query.node, Indexed(items), ())
    for line in miss.lines() if miss else ():
        click.echo(line, err=True)


def _document(item: Item) -> dict[str, Any]:
    from otel_replay.cli.json_out import json_value
    from otel_replay.cli.plain_records import cause_object

    causes = {"cause": cause_object(item.cause)} if item.kind == "tool call" else {}
    return {
        "seq": item.seq,
        "kind": item.kind,
        "name": item.name,
        "path": [*reversed([above.name for above in item.ancestors()]), item.name],
        "start_ns": item.start_ns,
        "duration_ns": item.duration_ns,
        "status": item.status,
        "span_id": item.span_id,
        **causes,
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
    if item.cause is not None:
        line.add("  ").add(f"cause by {item.cause.by}: {item.cause.name}", "key")
    facts = people.pairs(dict(item.attributes))
    return line.add("  ").add(facts, "dim") if facts else line
