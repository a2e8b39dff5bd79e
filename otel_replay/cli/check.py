"""`check`: whether runs fulfil the rules of files, for people and for CI systems."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import choosing_options, complete_run, json_option, store_option

if TYPE_CHECKING:
    from otel_replay.checking.outcome import CheckedRun, Outcome
    from otel_replay.checking.reading import NamedRule
    from otel_replay.storage.store import Store

__all__ = ["command"]


@click.command("check")
@click.argument("names", metavar="RUN... RULES...", nargs=-1, shell_complete=complete_run)
@click.option("--rules", "rule_files", multiple=True, metavar="FILE", help="A file of rules of any name.")
@choosing_options
@click.option("--strict", is_flag=True, help="Warnings are failures.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML.")
@click.option("--markdown", metavar="FILE", help="Write a summary; added to what $GITHUB_STEP_SUMMARY has.")
@click.option("--sarif", metavar="FILE", help="Write SARIF 2.1.0, for code scanning.")
@click.option(
    "--github/--no-github",
    default=None,
    help="Print annotations for GitHub Actions (default: where GITHUB_ACTIONS is true).",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of files of rules, and nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="Print only what is wrong.")
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    names: tuple[str, ...],
    rule_files: tuple[str, ...],
    all_runs: bool,
    since: str | None,
    strict: bool,
    schema: bool,
    **wishes: Any,
) -> int:
    """Check runs against rules: what must happen in them, in which order, with which values, at what cost.

    RULES are files that end in .yaml, .yml, .toml, or a .json with `rules` in it; where none is named, those
    of [tool.otel_replay.check] in pyproject.toml. RUN is a run, a pattern of ids or names such as 'tune-*',
    or a file of any kind (docs/runs.md). docs/check.md has the rules. Exits with 0 where all
    runs fulfil them, 1 where one does not, 2 where one could not be checked.
    """
    if schema:
        from otel_replay.checking.schema import make_schema
        from otel_replay.cli.json_out import print_json

        print_json(make_schema())
        return 0
    from otel_replay.checking.outcome import Outcome, exit_code
    from otel_replay.checking.reading import read_files
    from otel_replay.cli.chosen_runs import choose_runs
    from otel_replay.cli.options import open_store
    from otel_replay.loading import load_items

    if wishes["as_json"] and wishes["github"]:
        raise click.UsageError("--json and --github both want standard output", context)
    store = open_store(context)
    run_names, paths = _told_apart(names)
    rules = read_files(
        _rule_files([*paths, *map(Path, rule_files)]), lambda name: load_items(name, store=store)
    )
    wanted = choose_runs(run_names, store, all_runs=all_runs, since=since)
    show = _shown_at_once(wishes)
    outcome = Outcome(list(_checked(wanted, rules, store, show)), strict)
    _report(outcome, wishes)
    return exit_code(outcome)


def _told_apart(names: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Runs, and files of rules."""
    from otel_replay.checking.reading import looks_like_rules

    runs, rules = [], []
    for name in names:
        path = Path(name)
        suffix = path.suffix.lower()
        if suffix in {".yaml", ".yml", ".toml"} or (suffix == ".json" and looks_like_rules(path)):
            rules.append(path)
        else:
            runs.append(name)
    return runs, rules


def _rule_files(paths: list[Path]) -> list[Path]:
    from otel_replay.checking.project import project_rules
    from otel_replay.errors import UsageError

    found = paths or project_rules(Path.cwd())
    if not found:
        raise UsageError(
            "no file of rules is named",
            hint="name one, such as rules.yaml, or say which in [tool.otel_replay.check] of pyproject.toml",
        )
    return found


def _checked(
    names: Sequence[str], rules: Sequence[NamedRule], store: Store, show: Callable[[CheckedRun], None]
) -> Iterator[CheckedRun]:
    """All runs that are named; one that cannot be read does not keep the others from being checked."""
    from otel_replay.checking.outcome import check_run, could_not_check
    from otel_replay.cli.progress import Progress
    from otel_replay.errors import OtelReplayError
    from otel_replay.loading import load_runs

    seen: set[str] = set()
    with Progress("runs checked") as progress:
        for name in names:
            try:
                for items in load_runs(name, store=store):
                    if items.source == items.run_id:  # a run of the store, which may have several names
                        if items.run_id in seen:
                            continue
                        seen.add(items.run_id)
                    run = check_run(items, rules, named=name)
                    show(run)
                    yield run
            except OtelReplayError as error:
                run = could_not_check(name, error)
                show(run)
                yield run
            progress.count += 1
            progress.look(f" of {len(names):,}")


def _shown_at_once(wishes: dict[str, Any]) -> Callable[[CheckedRun], None]:
    """Shows a person each run when it has been checked; where one document is asked for, nothing."""
    if wishes["as_json"]:
        return lambda run: None  # noqa: ARG005 - nothing is shown
    from otel_replay.cli.check_lines import run_lines
    from otel_replay.cli.terminal import stdout

    screen = stdout()

    def show(run: CheckedRun) -> None:
        wrong = bool(run.error or run.notes or run.count("failed") or run.count("warning"))
        if wrong or not wishes["quiet"]:
            screen.write_all(run_lines(run, passed_too=not wishes["quiet"]))

    return show


def _report(outcome: Outcome, wishes: dict[str, Any]) -> None:
    from otel_replay.checking import documents, reports

    if wishes["as_json"]:
        from otel_replay.cli.json_out import print_json

        print_json(documents.as_json(outcome))
    else:
        _print_end(outcome, wishes)
    if wishes["junit"]:
        _write(Path(wishes["junit"]), reports.junit(outcome))
    if wishes["sarif"]:
        from otel_replay.cli.json_out import json_bytes

        _write(Path(wishes["sarif"]), json_bytes(documents.as_sarif(outcome)))
    if wishes["markdown"]:
        _write(Path(wishes["markdown"]), reports.markdown(outcome).encode("utf-8", "replace"))


def _print_end(outcome: Outcome, wishes: dict[str, Any]) -> None:
    from otel_replay.checking.reports import github_lines
    from otel_replay.cli.check_lines import summary_line
    from otel_replay.cli.terminal import stdout

    screen = stdout()
    if not wishes["quiet"] or any(outcome.refused(run) for run in outcome.runs):
        screen.write(summary_line(outcome))
    github = wishes["github"]
    if github is None:
        github = os.environ.get("GITHUB_ACTIONS") == "true"
    for line in github_lines(outcome) if github else ():
        screen.print(line)
    screen.flush()


def _write(path: Path, content: bytes) -> None:
    from otel_replay.storage.atomic import open_output
    from otel_replay.storage.refusals import told_as_store_error

    if str(path) == os.environ.get("GITHUB_STEP_SUMMARY"):
        # What the steps before have said in it stays.
        with told_as_store_error("write", path), path.open("ab") as stream:
            stream.write(content)
        return
    with open_output(path) as stream:
        stream.write(content)
