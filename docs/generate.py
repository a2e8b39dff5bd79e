"""Writes the parts of these pages that are made from the program: attributes, settings, commands, a schema.

    python docs/generate.py            writes them
    python docs/generate.py --check    exits with 1 where a page does not say what the program does

A part stands between two comments, `<!-- made by docs/generate.py: NAME -->` and `<!-- end -->`; what stands
around it is written by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import dedent

import click

from otel_replay.attribute_registry import REGISTRY
from otel_replay.attributes import (
    DECISION_EVENT_PREFIX,
    GEN_AI_OPERATION,
    LOG_DECISION_EVENT,
    LOG_EVENT_NAMES,
    SPAN_TYPE,
)
from otel_replay.checking.schema import make_schema
from otel_replay.cli.commands import COMMANDS, cli
from otel_replay.libraries.table import LIBRARIES
from otel_replay.recording import shapes
from otel_replay.settings import VARIABLES

HERE = Path(__file__).parent
PROGRAM = "otel-replay"
_PART = re.compile(r"(<!-- made by docs/generate\.py: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


# -- attributes ----------------------------------------------------------------------------------------------


def span_names() -> str:
    """How the spans of each kind are called, and what says the kind."""
    made = {
        "run": shapes.run_shape("{name}", None, None),
        "process": shapes.process_shape("{program}"),
        "task": shapes.task_shape("{name}"),
        "agent": shapes.agent_shape("{name}"),
        "tool call": shapes.tool_call_shape("{tool}"),
        "generation": shapes.generation_shape("{model}"),
    }
    rows = []
    for kind, shape in made.items():
        marks = [key for key in (SPAN_TYPE, GEN_AI_OPERATION) if key in shape.attributes]
        told = ", ".join(f"`{key}` = `{shape.attributes[key]}`" for key in marks)
        rows.append((kind, f"`{shape.name}`", shape.kind.name.lower(), told))
    return table(("what", "span name", "span kind", "told by"), rows)


def event_names() -> str:
    """What happens at one moment, as a span event and as a log record."""
    rows = [("decision", f"`{DECISION_EVENT_PREFIX}{{action}}`", f"`{LOG_DECISION_EVENT}`")]
    rows += [(name, f"`{name}`", f"`{log_name}`") for name, log_name in LOG_EVENT_NAMES.items()]
    return table(("what", "name of the span event", "`event_name` of the log record"), rows)


def attributes_from(source: str) -> Callable[[], str]:
    """The table of the attributes that `source` defines."""

    def made() -> str:
        rows = [(f"`{row.name}`", row.type, row.on, row.meaning) for row in REGISTRY if row.source == source]
        return table(("attribute", "type", "on", "says"), rows)

    return made


# -- settings ------------------------------------------------------------------------------------------------


def variables() -> str:
    """Our own variables with their defaults."""
    rows = [(f"`{row.name}`", f"`{row.default}`" if row.default else "", row.meaning) for row in VARIABLES]
    return table(("variable", "default", "means"), rows)


# -- libraries -----------------------------------------------------------------------------------------------


def libraries() -> str:
    """The libraries that are recorded by themselves, in the order of their names."""
    rows = []
    for row in sorted(LIBRARIES, key=lambda one: one.name):
        ours = row.place != "instrumentors"
        means = ["otel-replay"] if ours else []
        means += [f"its own OpenTelemetry, from {row.native} on"] if row.native else []
        means += [] if ours else [f"`{way.distribution}` ({way.family})" for way in row.others]
        means += ["otel-replay"] if row.fallback else []
        rows.append((f"`{row.name}`", row.records, "; else ".join(means)))
    return table(("library", "what is recorded", "by which means"), rows)


# -- commands ------------------------------------------------------------------------------------------------


def commands() -> str:
    """Every command: how it is called, what it does, its options."""
    top = cli.make_context(PROGRAM, [], resilient_parsing=True)
    parts = [f"## {PROGRAM}\n", *_described(cli, top)]
    for row in COMMANDS:
        command = cli.get_command(top, row.name)
        assert command is not None
        context = command.make_context(row.name, [], parent=top, resilient_parsing=True)
        parts += [f"## {PROGRAM} {row.name}\n", *_described(command, context)]
    return "\n".join(parts)


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    yield f"```\n{usage}\n```\n"
    for paragraph in (command.help or "").split("\n\n"):
        yield _prose(paragraph) + "\n"
    yield "\n".join(_options(command, context)) + "\n"


def _prose(paragraph: str) -> str:
    if "\b" in paragraph:  # click's sign for lines that are kept as they are
        return f"```\n{dedent(paragraph.partition(chr(10))[2]).strip()}\n```"
    return re.sub(r"\s+", " ", paragraph).strip()


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        names, does = record or ("", "")
        if does:  # an argument stands in the line above
            yield f"* `{names}`: {does}"


# -- pages ---------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    lines = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in cells]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "span names": span_names,
    "event names": event_names,
    "our attributes": attributes_from("otel-replay"),
    "genai attributes": attributes_from("GenAI conventions"),
    "general attributes": attributes_from("semantic conventions"),
    "variables": variables,
    "commands": commands,
    "libraries": libraries,
}
PAGES = ("attributes.md", "settings.md", "cli.md", "libraries.md")
SCHEMA = "check-rules.schema.json"


def made(name: str, page: str) -> str:
    """`page`, a page's text, with its parts as the program says them now; the schema is all made."""
    if name == SCHEMA:
        return json.dumps(make_schema(), indent=1, ensure_ascii=False) + "\n"
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", page)


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` say which are not current."""
    stale = []
    for name in (*PAGES, SCHEMA):
        path = HERE / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = made(name, before)
        if before != after:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(after, encoding="utf-8")
    if "--check" in arguments and stale:
        print(f"not current: {', '.join(stale)}; run `python docs/generate.py`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
