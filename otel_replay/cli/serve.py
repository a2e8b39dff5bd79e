"""`serve`: an HTTP server on this machine, until it is asked to end."""

from __future__ import annotations

from pathlib import Path

import click

from otel_replay.cli.options import open_store, store_option

__all__ = ["TOKEN_VARIABLE", "command"]

TOKEN_VARIABLE = "OTEL_REPLAY_TOKEN"


@click.command("serve")
@click.option("--generations", is_flag=True, help="Serve image generations: record, replay, compare them.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port",
    default=8001,
    show_default=True,
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="0 takes a free one.",
)
@click.option(
    "--generator",
    default="builtin",
    show_default=True,
    metavar="G",
    help="builtin, openai:URL or command:COMMAND LINE.",
)
@click.option("--model", default="", metavar="NAME", help="The model to ask where a request names none.")
@click.option(
    "--sessions",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the sessions (default: generation/sessions).",
)
@click.option(
    "--prompts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Prompts for requests that bring none (a sector_prompts.json).",
)
@click.option(
    "--token",
    metavar="TEXT",
    envvar=TOKEN_VARIABLE,
    help=f"Ask clients for this bearer token (or {TOKEN_VARIABLE}); needed where others can reach it.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="URL",
    help="Let pages of this origin ask, besides those of this machine; may be repeated.",
)
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    generations: bool,
    host: str,
    port: int,
    generator: str,
    model: str,
    sessions: Path | None,
    prompts: Path | None,
    token: str | None,
    origins: tuple[str, ...],
) -> None:
    """Serve on this machine.

    With --generations: an HTTP API that makes images, records each as a PNG file and as a generation of a
    run, replays them in order and compares them, and a page that shows them.
    """
    from otel_replay.errors import UsageError

    if not generations:
        raise UsageError("say what to serve", hint="otel-replay serve --generations")
    try:
        from otel_replay.compat.generation_sessions import application
        from otel_replay.web.serving import bind, serve
    except ImportError as error:
        raise UsageError(
            f"serving needs {error.name or 'packages'}, which is not installed",
            hint="pip install 'otel-replay[web]'",
        ) from None
    from otel_replay.cli.terminal import stderr
    from otel_replay.compat.generation_sessions_asking import SectorPrompts
    from otel_replay.compat.generation_sessions_files import DEFAULT_FOLDER
    from otel_replay.generations.choosing import generator_from

    folder = sessions or DEFAULT_FOLDER
    served = application(
        generator=generator_from(generator, model=model),
        sessions=folder,
        store=open_store(context).root,
        prompts=SectorPrompts.load(prompts) if prompts is not None else None,
        token=token,
        origins=origins,
    )
    screen = stderr()

    def ready(url: str) -> None:
        screen.print("Serving image generations on ", (url, "key"), f", sessions in {folder}")
        screen.flush()

    serve(served, bind(host, port, token=token), ready=ready)
