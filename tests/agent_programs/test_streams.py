"""Streams pass through a recorded program as they come: nothing waits for the next piece, or for the end."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from model_protocols import Answer, Request
from model_server import ModelServer, says
from store_kit import Store

from .conftest import PROGRAMS, meaning_of

pytestmark = pytest.mark.slow

WORDS = ["one", "two", "three", "four"]
BEFORE_WORDS = {"chat": 1, "responses": 4, "messages": 2}
"""How many events of each protocol come before the first piece of text."""


class Listener:
    """Lets the model say a piece only when the program has said the one before."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.heard: list[str] = []

    def __call__(self, request: Request) -> Answer:
        """A stream that waits for its listener."""
        first = BEFORE_WORDS[request.protocol]

        def before_chunk(number: int) -> None:
            if first < number <= first + len(WORDS):
                self.heard.append(self._next_line())

        return says(" ".join(WORDS), before_chunk=before_chunk)

    def _next_line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], 60)[0]:
            raise TimeoutError("the program has not said what it was told: somebody holds it back")
        return self.process.stdout.readline().decode().strip()


def test_each_piece_is_with_the_program_before_the_next_one_is_sent(tmp_path: Path) -> None:
    listener = Listener()
    with ModelServer(listener) as model:
        command = [
            sys.executable,
            "-m",
            "otel_replay",
            "run",
            "--",
            sys.executable,
            str(PROGRAMS / "streams.py"),
        ]
        environment = {**os.environ, **model.environment, "OTEL_REPLAY_STORE": str(tmp_path / "store")}
        # Unbuffered on our side: what select() says must be all there is.
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, bufsize=0) as process:
            listener.process = process
            assert process.wait(120) == 0
    assert listener.heard == WORDS * 4
    run = Store(tmp_path / "store").run()
    told = [meaning_of(span).output_messages for span in run.spans if meaning_of(span).kind == "generation"]
    assert [messages[0]["parts"][0]["content"] for messages in told if messages] == [" ".join(WORDS)] * 4
