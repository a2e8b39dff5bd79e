"""`doctor`: what is recorded here, by which means, what is not and why, and whether anything is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import json_option, store_option

if TYPE_CHECKING:
    from otel_replay.cli.terminal import Screen
    from otel_replay.doctor.checks import Check
    from otel_replay.doctor.found import Found

__all__ = ["command"]

_MARKS = {
    "ok": ("✓ ", "finished"),
    "on": ("✓ ", "finished"),
    "warning": ("! ", "open"),
    "off": ("! ", "open"),
    "error": ("✗ ", "failed"),
}


@click.command("doctor")
@click.option("--all", "everything", is_flag=True, help="Libraries that are not installed, too.")
@json_option
@store_option
@click.pass_context
def command(context: click.Context, everything: bool, as_json: bool) -> int:
    """Say which libraries of this Python are recorded, by which means, and what may be wrong.

    Exits with 1 if something keeps programs from being recorded.
    """
    import os
    import sys
    from pathlib import Path

    from otel_replay.doctor import checks, found
    from otel_replay.settings import read_settings

    settings = read_settings(store=context.obj)
    path = str(Path(__file__).parent.parent / "zero_code" / "path")
    libraries = found.examine(settings)
    answers = checks.examine(settings, os.environ, path)
    ok = all(answer.state != "error" for answer in answers)
    if as_json:
        from dataclasses import asdict

        from otel_replay.cli.json_out import print_json

        print_json(
            {
                "ok": ok,
                "python": sys.executable,
                "libraries": [asdict(library) for library in libraries],
                "checks": [asdict(answer) for answer in answers],
            }
        )
        return 0 if ok else 1
    from otel_replay.cli.terminal import stdout

    screen = stdout()
    _print_checks(answers, screen)
    _print_libraries(libraries, everything, screen)
    screen.flush()
    return 0 if ok else 1


def _print_checks(answers: list[Check], screen: Screen) -> None:
    screen.print(("Environment", "bold"))
    for answer in answers:
        screen.print(_MARKS[answer.state], (f"{answer.about}: ", "key"), answer.told)
        if answer.hint:
            screen.print("    ", (answer.hint, "dim"))


def _print_libraries(libraries: list[Found], everything: bool, screen: Screen) -> None:
    from otel_replay.cli.people import counted

    screen.print("")
    screen.print(("Libraries, when a program imports them", "bold"))
    missing = [library.name for library in libraries if library.state == "not installed"]
    for library in libraries:
        if library.state != "not installed":
            by = f"by {library.means}" if library.means else "not recorded"
            mark = _MARKS[library.state]
            screen.print(mark, (f"{library.name} {library.version}  ", "key"), by)
            if library.why:
                screen.print("    ", (library.why, "dim"))
    if missing and everything:
        screen.print(("not installed: ", "dim"), ", ".join(missing))
    elif missing:
        screen.print(
            (f"{counted(len(missing), 'library', 'libraries')} not installed (--all names them)", "dim")
        )
