"""The table of commands. A command's module is imported when the command runs, and not for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

__all__ = ["COMMANDS", "COMPLETE_VARIABLE", "PROGRAM", "Row", "cli"]

PROGRAM = "otel-replay"
COMPLETE_VARIABLE = "_OTEL_REPLAY_COMPLETE"
"""Set by a shell that wants to know what could come next."""


@dataclass(frozen=True, slots=True)
class Row:
    """One command: its name, the module in this package that has it as `command`, what it does."""

    name: str
    module: str
    does: str
    section: str


_LOOK, _KEEP, _BEGIN = "Look at runs", "Keep and pass on", "Begin here"

COMMANDS: tuple[Row, ...] = (
    Row("demo", "demo", "Record two small real runs, and say what to try next", _BEGIN),
    Row("run", "run", "Record a program without an edit to it", _BEGIN),
    Row("doctor", "doctor", "Say what is recorded here, and what may be wrong", _BEGIN),
    Row("completion", "completion", "Print a completion script for bash, zsh or fish", _BEGIN),
    Row("list", "list_runs", "List the runs, newest first", _LOOK),
    Row("show", "show", "Show a run as a tree on a time scale", _LOOK),
    Row("summary", "summary", "Count and time what happened in a run", _LOOK),
    Row("stats", "stats", "Add up many runs: percentiles, errors, tokens, cost", _LOOK),
    Row("query", "query", "Ask runs in SQL, with DuckDB", _LOOK),
    Row("view", "view", "Show decisions one by one, and follow a running run", _LOOK),
    Row("find", "find", "Find spans, decisions and events by a selector", _LOOK),
    Row("play", "play", "Step through decisions, with the state of the table", _LOOK),
    Row("replay", "replay", "Run a program with its calls answered from a run", _LOOK),
    Row("trace", "trace", "Print an agent loop's events line by line", _LOOK),
    Row("check", "check", "Check runs against rules in files, for CI too", _LOOK),
    Row("diff", "diff", "Compare two runs, or several with one", _LOOK),
    Row("dump", "dump", "Write a run as JSON, JSON lines, OTLP or CSV", _KEEP),
    Row("export", "export", "Write a run as one HTML page, a PDF or a table", _KEEP),
    Row("import", "import_files", "Take files of others into the store", _KEEP),
    Row("serve", "serve", "Serve the runs as pages, or image generations", _LOOK),
    Row("compare-generations", "compare_generations", "Compare two sessions of images pixel by pixel", _LOOK),
    Row("verify", "verify", "Check runs against their journals and checksums", _KEEP),
    Row("recover", "recover", "Close runs whose process died", _KEEP),
    Row("send", "send", "Send runs to an OTLP endpoint", _KEEP),
    Row("pack", "pack", "Pack a run into one compressed file", _KEEP),
    Row("unpack", "unpack", "Put packed runs into the store", _KEEP),
    Row("delete", "delete", "Delete runs", _KEEP),
)

_ROWS = {row.name: row for row in COMMANDS}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_ROWS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        row = _ROWS.get(cmd_name)
        if row is None:
            return None
        command: click.Command = import_module(f"otel_replay.cli.{row.module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _ROWS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, _ROWS, n=1, cutoff=0.5)
            also = f"; did you mean `{near[0]}`?" if near else ""
            raise click.UsageError(f"there is no command `{name}`{also}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        width = max(map(len, _ROWS))
        for section in dict.fromkeys(row.section for row in COMMANDS):
            with formatter.section(section):
                formatter.write_dl(
                    [(row.name.ljust(width), row.does) for row in COMMANDS if row.section == section]
                )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(row.name, help=row.does) for row in COMMANDS if row.name.startswith(incomplete)
        ]


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from otel_replay.version import VERSION

        click.echo(f"{PROGRAM} {VERSION}")
        ctx.exit()


@click.group(
    cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--store", metavar="DIR", help="Folder of the store (default: OTEL_REPLAY_STORE, else .otel-replay)."
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version.",
)
@click.pass_context
def cli(context: click.Context, store: str | None) -> None:
    """The flight recorder for tuning runs and agent runs.

    A RUN is named by its id, by a beginning of it that no other run has, or by `latest`. It may also be a
    file: a packed run, OTLP as JSON or Protobuf, an archive of the Collector, JSON of Jaeger, a
    session_replay.json, `-` for standard input. `FILE#ID` is one of several in a file (docs/runs.md).
    """
    context.obj = store
