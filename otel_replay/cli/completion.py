"""`completion`: the script that teaches a shell our commands, options and run ids."""

from __future__ import annotations

import click

__all__ = ["command"]

_WHERE = {
    "bash": 'add to ~/.bashrc:  eval "$(otel-replay completion bash)"',
    "zsh": 'add to ~/.zshrc:  eval "$(otel-replay completion zsh)"',
    "fish": "otel-replay completion fish > ~/.config/fish/completions/otel-replay.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_WHERE)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a completion script for SHELL; run ids are completed too.

    \b
    bash:  eval "$(otel-replay completion bash)"      in ~/.bashrc
    zsh:   eval "$(otel-replay completion zsh)"       in ~/.zshrc
    fish:  otel-replay completion fish > ~/.config/fish/completions/otel-replay.fish
    """
    import sys

    from click.shell_completion import get_completion_class

    from otel_replay.cli.commands import COMPLETE_VARIABLE, PROGRAM
    from otel_replay.cli.terminal import stderr

    shells = get_completion_class(shell)
    assert shells is not None  # click knows all three
    script = shells(context.find_root().command, {}, PROGRAM, COMPLETE_VARIABLE)
    click.echo(script.source())
    if sys.stdout.isatty():
        stderr().print(("hint: ", "key"), _WHERE[shell])
