"""The command: `python -m examples.agent "question"` starts the model server and has the agent answer."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import otel_replay
from examples.agent.agent import Agent, GaveUp
from examples.agent.client import Client, HttpClient, ModelError
from examples.agent.model_server import ModelServer
from examples.agent.tools import Toolbox

NOTES = Path(__file__).parent / "notes"
QUESTION = "What is 15% of 240, how many litres is the tank in the notes, and what is the price of diesel?"


def main(arguments: list[str] | None = None) -> int:
    """Answer the question: 0 with an answer, 1 when the agent gave up, 2 when it could not ask the model."""
    options = _parser().parse_args(arguments)
    if not options.notes.is_dir():
        return _fail(f"the notes `{options.notes}` are not a folder", code=2)
    try:
        with ExitStack() as stack:
            url = options.base_url or stack.enter_context(ModelServer(busy=1)).url
            client = _client(url, sdk=options.sdk, stack=stack)
            attributes = {"question": options.question, "model": options.model}
            run = stack.enter_context(otel_replay.start_run("agent", attributes=attributes))
            agent = Agent(client=client, toolbox=Toolbox(options.notes), model=options.model)
            agent.answer(options.question, lambda text: print(text, end="", flush=True))
    except GaveUp as error:
        return _fail(str(error), code=1)
    except ModelError as error:
        return _fail(str(error), code=2)
    print()
    if run.recording:
        print(f"Recorded as run {run.run_id}. Next: otel-replay show {run.run_id}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.agent", description="Ask an agent with tools, and record what it did."
    )
    parser.add_argument("question", nargs="?", default=QUESTION, help="default: %(default)s")
    parser.add_argument("--notes", type=Path, default=NOTES, help="the folder that it can search")
    parser.add_argument("--sdk", action="store_true", help="talk to the model through the openai package")
    parser.add_argument(
        "--base-url", metavar="URL",
        help="another server with the same protocol; its key is taken from OPENAI_API_KEY",
    )  # fmt: skip
    parser.add_argument("--model", default="scripted-1", help="default: %(default)s")
    return parser


def _client(url: str, *, sdk: bool, stack: ExitStack) -> Client:
    key = os.environ.get("OPENAI_API_KEY", "none")
    if not sdk:
        return HttpClient(url, key)
    try:
        from examples.agent.sdk_client import SdkClient  # the openai package is optional
    except ImportError:
        raise ModelError("--sdk needs the openai package: pip install openai") from None
    return stack.enter_context(closing(SdkClient(url, key)))


def _fail(message: str, *, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
