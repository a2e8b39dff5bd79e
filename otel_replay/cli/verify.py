"""`verify`: are a run's files what they were? One line for each run, and one for each thing that is not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import (
    find_files,
    json_option,
    meant,
    named_runs,
    names_a_pack,
    runs_arguments,
    store_option,
)

if TYPE_CHECKING:
    from otel_replay.cli.terminal import Screen
    from otel_replay.storage.run_files import RunFiles
    from otel_replay.storage.verify import Finding

__all__ = ["command"]


@click.command("verify")
@runs_arguments
@json_option
@store_option
@click.pass_context
def command(context: click.Context, runs: tuple[str, ...], all_runs: bool, as_json: bool) -> int:
    """Check runs against their manifests and journals, byte by byte. A RUN may be the path of a packed one.

    Exits with 1 if anything was changed, is damaged or missing. That a run was interrupted and not recovered
    yet is told, and is no damage.
    """
    names = meant(context, runs)
    packs = [name for name in names if names_a_pack(name)]
    others = tuple(name for name in names if name not in packs)
    stored = named_runs(context, others, all_runs) if others or all_runs or not packs else []
    found = chain((_verified_pack(context, name) for name in packs), _verified(stored))
    if as_json:
        return _print_json(found)
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stderr, stdout

    screen = stdout()
    total = damaged = 0
    for files, findings in found:
        total += 1
        damaged += any(finding.severity == "error" for finding in findings)
        _print_run(files, findings, screen)
    screen.flush()
    if total > 1:
        stderr().print(
            (
                f"{counted(total, 'run')}, {damaged:,} damaged"
                if damaged
                else f"{counted(total, 'run')}, none damaged",
                "dim",
            )
        )
    return 1 if damaged else 0


def _verified_pack(context: click.Context, name: str) -> tuple[RunFiles, list[Finding]]:
    """What is wrong with a pack; the run in it is checked where the pack itself is whole."""
    from pathlib import Path

    from otel_replay.errors import FormatError
    from otel_replay.storage.run_files import RunFiles
    from otel_replay.storage.verify import Finding, verify

    try:
        files = find_files(context, name)
    except FormatError as error:
        return RunFiles(Path(name)), [Finding(severity="error", path=name, problem=error.message)]
    return files, verify(files)


def _verified(runs: list[RunFiles]) -> Iterator[tuple[RunFiles, list[Finding]]]:
    from otel_replay.cli.progress import Progress
    from otel_replay.storage.verify import verify

    with Progress(f"of {len(runs):,} runs verified") as progress:
        for files in runs:
            progress.look()
            yield files, verify(files)
            progress.count += 1


def _print_run(files: RunFiles, findings: list[Finding], screen: Screen) -> None:
    from otel_replay.errors import OtelReplayError

    worst = (
        "error" if any(finding.severity == "error" for finding in findings) else "warning" if findings else ""
    )
    mark, style = {"error": ("✗ ", "failed"), "warning": ("! ", "open"), "": ("✓ ", "finished")}[worst]
    try:
        name = files.header.name
    except OtelReplayError:
        name = ""
    screen.print((mark, style), (files.directory.name, "bold"), "  ", name)
    for finding in findings:
        screen.print(
            "    ", (finding.path, style if finding.severity == "error" else "open"), " ", finding.problem
        )


def _print_json(found: Iterator[tuple[RunFiles, list[Finding]]]) -> int:
    from dataclasses import asdict

    from otel_replay.cli.json_out import print_json

    runs = [
        {
            "run_id": files.directory.name,
            "ok": not any(finding.severity == "error" for finding in findings),
            "findings": [asdict(finding) for finding in findings],
        }
        for files, findings in found
    ]
    print_json({"ok": all(run["ok"] for run in runs), "runs": runs})
    return 0 if all(run["ok"] for run in runs) else 1
