"""`demo`: two small real runs, recorded into the store, and what to do with them."""

from __future__ import annotations

import click

from otel_replay.cli.options import open_store, store_option

__all__ = ["command"]

_ARTIFACT_LINES = 11
_NEXT = (
    ("otel-replay list", "the runs that there are"),
    ("otel-replay show latest", "the tuning run as a tree on a time scale"),
    ("otel-replay show {agent}", "the agent run"),
    ("otel-replay view latest --action CLAMPING --cell rpm=3500", "why the table came out so"),
    ("otel-replay summary latest", "what was decided, and where the time went"),
    ("otel-replay dump --run-id latest | head", "the file artifact"),
    ("otel-replay verify --all", "is every byte what it was?"),
    ("make jaeger", "the same runs in a real Jaeger (in a checkout)"),
)


@click.command("demo")
@store_option
@click.pass_context
def command(context: click.Context) -> None:
    """Record two small real runs into the store, and say what to try next.

    A fuel-table tuner on an engine that it makes up, and an agent with tools that talks to a scripted model
    on loopback.
    """
    from otel_replay.cli.demo_runs import agent, tuning
    from otel_replay.cli.terminal import Text, stdout
    from otel_replay.errors import StoreError
    from otel_replay.storage.finalise import SESSION_REPLAY_NAME

    store = open_store(context)
    store.ensure()
    screen = stdout()
    # The tuning run comes last, so that it is the one that `latest` means.
    ids = {"agent": agent.answer(str(store.root)), "tuning": tuning.tune(str(store.root))}
    for what, run_id in ids.items():
        if not run_id:
            raise StoreError(f"the {what} run was not recorded", hint="is OTEL_REPLAY_DISABLED set?")
        screen.print("Recorded a run of the ", (what, "bold"), " program: ", (run_id, "key"))
    artifact = store.directory(ids["tuning"]) / SESSION_REPLAY_NAME
    screen.print("The tuning run's artifact: ", (str(artifact), "key"))
    for line in artifact.read_text(encoding="utf-8").splitlines()[:_ARTIFACT_LINES]:
        screen.write_fitted(Text("  ", (line, "dim")))
    screen.print("  …")
    screen.print()
    screen.print(("Try next:", "bold"))
    commands = [(text.format(**ids), why) for text, why in _NEXT]
    width = max(len(text) for text, _ in commands)
    for text, why in commands:
        screen.write_fitted(Text("  ", text.ljust(width), "  ", (why, "dim")))
