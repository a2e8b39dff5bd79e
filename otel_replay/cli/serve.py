"""`serve`: an HTTP server on this machine, until it is asked to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from otel_replay.cli.options import open_store, sessions_option, store_option

__all__ = ["TOKEN_VARIABLE", "command"]

TOKEN_VARIABLE = "OTEL_REPLAY_TOKEN"

_PORT_OF_RUNS = 4319  # the links in Jaeger's pages lead there (collector/jaeger-ui.json)
_PORT_OF_GENERATIONS = 8001  # as the server that is replaced has it


@click.command("serve")
@click.option("--generations", is_flag=True, help="Serve image generations: record, replay, compare them.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help=f"0 takes a free one (default: {_PORT_OF_RUNS}; {_PORT_OF_GENERATIONS} with --generations).",
)
@click.option(
    "--generator",
    default="builtin",
    show_default=True,
    metavar="G",
    help="builtin, openai:URL or command:COMMAND LINE.",
)
@click.option("--model", default="", metavar="NAME", help="The model to ask where a request names none.")
@sessions_option
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
    port: int | None,
    generator: str,
    model: str,
    sessions: Path | None,
    prompts: Path | None,
    token: str | None,
    origins: tuple[str, ...],
) -> None:
    """Serve on this machine: the runs of the store as pages.

    With --generations: an HTTP API that makes images, records each as a PNG file and as a generation of a
    run, replays them in order and compares them, and a page that shows them.
    Needs the extra `web`.
    """
    from otel_replay.cli.extras import extra
    from otel_replay.cli.terminal import stderr

    with extra("web", "`otel-replay serve`"):
        from otel_replay.web.serving import bind, serve

    store = open_store(context).root
    if generations:
        served, where = _generations(store, sessions, generator, model, prompts, token=token, origins=origins)
        what, more = "image generations", f", sessions in {where}"
    else:
        with extra("web", "`otel-replay serve`"):
            from otel_replay.web.run_pages import application
        served = application(store, token=token, origins=origins)
        what, more = f"the runs of {store}", ""
    if port is None:
        port = _PORT_OF_GENERATIONS if generations else _PORT_OF_RUNS
    screen = stderr()

    def ready(url: str) -> None:
        screen.print(f"Serving {what} on ", (url, "key"), more)
        screen.flush()

    serve(served, bind(host, port, token=token), ready=ready)


def _generations(
    store: Path,
    sessions: Path | None,
    generator: str,
    model: str,
    prompts: Path | None,
    **who: Any,
) -> tuple[Any, Path]:
    """The generation server, and the folder of its sessions."""
    from otel_replay.cli.extras import extra

    with extra("web", "`otel-replay serve --generations`"):
        from otel_replay.compat.generation_sessions import application
    from otel_replay.compat.generation_sessions_asking import SectorPrompts
    from otel_replay.compat.generation_sessions_files import DEFAULT_FOLDER
    from otel_replay.generations.choosing import generator_from

    folder = sessions or DEFAULT_FOLDER
    served = application(
        generator=generator_from(generator, model=model),
        sessions=folder,
        store=store,
        prompts=SectorPrompts.load(prompts) if prompts is not None else None,
        **who,
    )
    return served, folder
