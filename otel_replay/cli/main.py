"""The one place that turns errors into words and exit codes: 0 yes, 1 no, 2 could not, 130 interrupted."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import TextIO

import click
from click.exceptions import NoArgsIsHelpError

from otel_replay.cli.commands import COMPLETE_VARIABLE, PROGRAM, cli
from otel_replay.errors import OtelReplayError

__all__ = ["DEBUG_VARIABLE", "main", "tell_error"]

DEBUG_VARIABLE = "OTEL_REPLAY_DEBUG"

COULD_NOT = 2
INTERRUPTED = 130
BROKEN_PIPE = 141  # what a shell shows for a program that SIGPIPE ended, as it ends git


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name (those of the process by default); returns its exit code."""
    _write_all_or_raise()
    _let_any_text_through(sys.stdout)
    _let_any_text_through(sys.stderr)
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        return tell_error(error)
    return code


def tell_error(error: BaseException) -> int:
    """Tell a person of an error that ended a command; gives the exit code for it."""
    try:
        raise error
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except OtelReplayError as error:
        return _tell(error.message, error.hint, error.exit_code, error.place)
    except NoArgsIsHelpError as error:
        error.show()
        return COULD_NOT
    except click.UsageError as error:
        return _tell(_lower_first(error.format_message()), _usage_hint(error), COULD_NOT)
    except click.ClickException as error:
        return _tell(_lower_first(error.format_message()), None, COULD_NOT)
    except Exception as error:
        code = _no_room(error) or _unexpected(error)
        _flush_or_forget_stdout()
        return code


def _run(arguments: list[str]) -> int:
    # Not `cli.main()`: it would turn a broken pipe and an interrupt into exit codes of its own.
    completion = os.environ.get(COMPLETE_VARIABLE)
    if completion:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, PROGRAM, COMPLETE_VARIABLE, completion)
    _tell_misspelt()
    try:
        with cli.make_context(PROGRAM, arguments) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as exit:
        return exit.exit_code
    return code if isinstance(code, int) else 0


def _tell_misspelt() -> None:
    # Without such a variable `--help` need not load the settings.
    if not any(name.startswith("OTEL_REPLAY_") for name in os.environ):
        return
    from otel_replay.settings import misspelt

    problems = misspelt(os.environ)
    if problems:
        from otel_replay.cli.terminal import stderr

        screen = stderr()
        for problem in problems:
            screen.print(("warning: ", "open"), problem)
        screen.flush()


def _write_all_or_raise() -> None:
    # With PYTHONUNBUFFERED, Python writes once and drops what the disk or the pipe did not take.
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        whole = io.BufferedWriter(raw)
        sys.stdout = io.TextIOWrapper(whole, encoding=sys.stdout.encoding, line_buffering=True)


def _let_any_text_through(stream: TextIO) -> None:
    # A terminal that is not UTF-8 shows what it cannot as escapes; it must not end the command.
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _forget_stdout() -> None:
    # Python flushes stdout once more at exit; with the reader gone that would print an error.
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass


def _flush_or_forget_stdout() -> None:
    # What a full disk did not take is tried again at exit, which would end in a code of Python's own.
    try:
        sys.stdout.flush()
    except OSError:
        _forget_stdout()


def _tell(message: str, hint: str | None, code: int, place: Sequence[str] = ()) -> int:
    from otel_replay.cli.terminal import stderr

    screen = stderr()
    screen.print(("error: ", "failed"), message)
    for line in place:
        screen.print(f"    {line}")
    if hint:
        screen.print(("hint: ", "key"), hint)
    return code


def _no_room(error: Exception) -> int:
    """Tell of a full disk, which is nobody's mistake; 0 for any other error."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return 0
    where = f" at {error.filename}" if error.filename else ""
    return _tell(f"there is no room left{where}", "free some space, then run the command again", COULD_NOT)


def _unexpected(error: Exception) -> int:
    if os.environ.get(DEBUG_VARIABLE):
        raise error
    reason = f"{type(error).__name__}: {error}".removesuffix(": ")
    return _tell(
        f"otel-replay failed, which it should not: {reason}",
        f"please report it together with what {DEBUG_VARIABLE}=1 shows{_where_to_report()}",
        COULD_NOT,
    )


def _where_to_report() -> str:
    from importlib import metadata

    try:
        links = metadata.metadata("otel-replay").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        links = []
    for link in links:
        label, _, url = link.partition(",")
        if label.strip().lower() in {"issues", "bug tracker", "tracker"}:
            return f", at {url.strip()}"
    return ""


def _usage_hint(error: click.UsageError) -> str | None:
    return None if error.ctx is None else f"see `{error.ctx.command_path} --help`"


def _lower_first(text: str) -> str:
    # click's sentences begin with a capital; after `error: ` ours do not.
    return text[:1].lower() + text[1:].removesuffix(".")
