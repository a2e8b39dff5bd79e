"""Brings requests to a target: again while it is busy, in halves when it finds them too large or faulty.

Waiting follows the OTLP specification: exponential backoff with jitter, and never before the time that the
target asks for. What is refused for good is counted and named, so that one bad span does not hold up a run,
and a target that refuses everything does not swallow one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from otel_replay.errors import SendError
from otel_replay.formats.otlp_protobuf import request
from otel_replay.sender.outcome import Accepted, Busy, Client, Outcome, Refused
from otel_replay.sender.parcels import Parcel
from otel_replay.sender.target import Signal

__all__ = ["Courier", "Delivery", "Patience", "SignalNotTaken"]

MAX_MESSAGES = 20
REFUSALS_AT_FIRST = 5
"""A target that has refused this many single spans and taken none refuses everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to try again: `attempts` in all, with waits that double from `first_seconds` on.

    A target that asks for a longer wait than `longest_seconds` is left alone; one that nothing was ever heard
    of is left after `attempts_unheard`, or at the first that took `unheard_seconds`. `sleep`, `chance` (a
    number from 0 to 1) and `now` are the world.
    """

    attempts: int = 6
    attempts_unheard: int = 2
    unheard_seconds: float = 5.0
    first_seconds: float = 0.5
    longest_seconds: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    now: Callable[[], float] = time.monotonic

    def wait_seconds(self, attempt: int, asked_seconds: float | None) -> float:
        """How long to wait after the failed attempt number `attempt` (from 1)."""
        backoff = min(self.first_seconds * 2.0 ** (attempt - 1), self.longest_seconds)
        return max(asked_seconds or 0.0, backoff * (0.5 + self.chance() / 2))


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What became of a batch of parcels."""

    accepted: int = 0
    rejected: int = 0
    messages: list[str] = field(default_factory=list)

    def say(self, message: str) -> None:
        """Note what the target said, once."""
        if message and message not in self.messages and len(self.messages) < MAX_MESSAGES:
            self.messages.append(message)


class SignalNotTaken(Exception):
    """The target does not take this signal at all."""


class Courier:
    """Delivers to one target.

    Parameters
    ----------
    client:
        Carries one request.
    target_name:
        For messages.
    patience:
        How long to try again.
    waiting:
        Told the reason and the seconds before each wait.
    """

    def __init__(
        self,
        client: Client,
        target_name: str,
        *,
        patience: Patience,
        waiting: Callable[[str, float], None],
    ) -> None:
        self.requests = 0
        self.sent_bytes = 0
        self._client = client
        self._target_name = target_name
        self._patience = patience
        self._waiting = waiting
        self._ever_accepted = False
        self._ever_heard = False
        self._refused_singly = 0

    def deliver(self, signal: Signal, parcels: Sequence[Parcel]) -> Delivery:
        """Bring `parcels` to the target; what it does not take, in as many requests as that needs.

        Raises
        ------
        SignalNotTaken
            If the target takes no log records. (One that takes no spans is no target: SendError.)
        SendError
            If the target cannot be reached, stays busy, or refuses everything.
        """
        delivery = Delivery()
        todo = [parcels]
        while todo:
            part = todo.pop()
            outcome = self._export(signal, part)
            if isinstance(outcome, Accepted):
                self._ever_accepted = True
                delivery.accepted += len(part) - min(outcome.rejected, len(part))
                delivery.rejected += min(outcome.rejected, len(part))
                delivery.say(outcome.message)
            elif outcome.why == "no such signal" and signal == "logs":
                raise SignalNotTaken(outcome.reason)
            elif outcome.why not in {"too large", "bad data"}:
                raise SendError(f"{self._target_name} refuses: {outcome.reason}", hint=_hint(outcome))
            elif len(part) > 1:
                middle = len(part) // 2
                todo += [part[middle:], part[:middle]]
            else:
                self._refuse_one(part[0], outcome, delivery)
        return delivery

    def _refuse_one(self, parcel: Parcel, outcome: Refused, delivery: Delivery) -> None:
        self._refused_singly += 1
        if not self._ever_accepted and self._refused_singly >= REFUSALS_AT_FIRST:
            raise SendError(
                f"{self._target_name} takes nothing of this run: {outcome.reason}",
                hint="is this an OTLP endpoint, and the right protocol?",
            )
        delivery.rejected += 1
        delivery.say(f"{parcel.name!r:.80}: {outcome.reason}")

    def _export(self, signal: Signal, parcels: Sequence[Parcel]) -> Accepted | Refused:
        body = request(parcel.item for parcel in parcels)
        attempt = 0
        while True:
            attempt += 1
            self.requests += 1
            self.sent_bytes += len(body)
            began = self._patience.now()
            outcome: Outcome = self._client.export(signal, body)
            if not isinstance(outcome, Busy):
                self._ever_heard = True
                return outcome
            self._ever_heard = self._ever_heard or outcome.heard
            took_long = self._patience.now() - began >= self._patience.unheard_seconds
            if not self._ever_heard and (took_long or attempt >= self._patience.attempts_unheard):
                raise self._unheard(outcome)
            self._wait(attempt, outcome)

    def _unheard(self, outcome: Busy) -> SendError:
        if outcome.listens:
            hint = "is this an OTLP endpoint, and the right protocol? (`--protocol grpc|http`)"
            return SendError(f"{self._target_name} does not answer: {outcome.reason}", hint=hint)
        message = f"nothing listens at {self._target_name}: {outcome.reason}"
        return SendError(message, hint="is it running, and are host and port right? then send again")

    def _wait(self, attempt: int, outcome: Busy) -> None:
        seconds = self._patience.wait_seconds(attempt, outcome.after_seconds)
        if attempt >= self._patience.attempts or seconds > self._patience.longest_seconds:
            asked = f" (it asks to wait {seconds:.0f} s)" if seconds > self._patience.longest_seconds else ""
            raise SendError(
                f"{self._target_name} does not answer: {outcome.reason}{asked}",
                hint="what has arrived is noted; send again later, and the rest goes",
            )
        self._waiting(outcome.reason, seconds)
        self._patience.sleep(seconds)


def _hint(outcome: Refused) -> str | None:
    if outcome.why == "no such signal":
        return "is this an OTLP endpoint that takes traces, and the right protocol? (`--protocol grpc|http`)"
    return None
