"""The agent: it has a plan made, calls the tools that the model asks for, and streams the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import otel_replay
from examples.agent.client import Answer, Client, ModelError, RateLimited, Say, ToolRequest
from examples.agent.conventions import input_messages, output_messages, recorded_answer
from examples.agent.tools import Toolbox, ToolError, parse_arguments

__all__ = ["Agent", "GaveUp"]

PLANNER = "You plan. Write the steps that answer the question, one on each line, and nothing else."
WORKER = "You answer with the help of tools. Follow this plan:\n"
ATTEMPTS = 3
ROUNDS = 8

Message = dict[str, Any]


class GaveUp(Exception):
    """The model kept calling tools and never came to an answer."""


@dataclass(frozen=True, kw_only=True)
class Agent:
    """An agent with a client, a model and tools."""

    client: Client
    toolbox: Toolbox
    model: str = "scripted-1"
    wait: Callable[[float], None] = time.sleep

    def answer(self, question: str, say: Say) -> str:
        """The answer to a question; `say` gets its text as it comes in."""
        with otel_replay.agent("planner"):
            plan = self._plan(question)
        with otel_replay.agent("worker"):
            return self._work(question, plan, say)

    def _plan(self, question: str) -> str:
        messages = [{"role": "system", "content": PLANNER}, {"role": "user", "content": question}]
        plan = self._generate({"model": self.model, "messages": messages}).text
        otel_replay.decision("PLAN", "The planner wrote down its steps", values={"steps": plan.splitlines()})
        return plan

    def _work(self, question: str, plan: str, say: Say) -> str:
        messages: list[Message] = [
            {"role": "system", "content": WORKER + plan},
            {"role": "user", "content": question},
        ]
        for round_number in range(1, ROUNDS + 1):
            answer = self._generate(
                {"model": self.model, "messages": messages, "tools": self.toolbox.schemas}, say
            )
            if not answer.tool_requests:
                otel_replay.decision(
                    "STOP",
                    "The model answered instead of calling a tool",
                    values={"finish_reason": answer.finish_reason, "rounds": round_number},
                )
                return answer.text
            otel_replay.decision(
                "TOOL_CHOICE",
                f"The model asked for {len(answer.tool_requests)} tool calls",
                values={"chosen": [one.name for one in answer.tool_requests], "offered": self.toolbox.names},
            )
            with ThreadPoolExecutor() as pool:
                results = pool.map(self._call_tool, answer.tool_requests)
            messages = [*messages, answer.message, *results]
        otel_replay.decision("STOP", "The round limit is reached", values={"rounds": ROUNDS})
        raise GaveUp(f"no answer after {ROUNDS} rounds of tool calls")

    def _generate(self, request: Message, say: Say | None = None) -> Answer:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._generate_once(request, say)
            except RateLimited as limited:
                otel_replay.decision(
                    "RETRY",
                    "The model is busy",
                    values={"attempt": attempt, "of": ATTEMPTS, "wait_s": limited.wait_s},
                )
                self.wait(limited.wait_s)
        raise ModelError(f"the model was still busy after {ATTEMPTS} attempts")

    def _generate_once(self, request: Message, say: Say | None) -> Answer:
        with otel_replay.generation(
            request["model"],
            provider="openai",
            input_messages=input_messages(request["messages"]),
            tool_definitions=request.get("tools"),
            stream=say is not None,
        ) as generation:
            recorded = generation.recorded()
            if recorded is not None:  # the run is replayed: the model is not asked
                answer = recorded_answer(recorded)
                if say:
                    say(answer.text)
            else:
                answer = self.client.stream(request, say) if say else self.client.ask(request)
            generation.output(
                messages=output_messages(answer),
                finish_reasons=[answer.finish_reason],
                usage={"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
                response_id=answer.id,
                response_model=answer.model,
            )
            return answer

    def _call_tool(self, request: ToolRequest) -> Message:
        """Call a tool; an error goes to the model like any other result, and the model decides what to do."""
        arguments = parse_arguments(request.arguments)
        try:
            with otel_replay.tool(request.name, arguments, call_id=request.id) as call:
                result = call.perform(self.toolbox.call, request.name, arguments)
            content = {"result": result}
        except ToolError as error:
            content = {"error": str(error)}
        return {"role": "tool", "tool_call_id": request.id, "content": json.dumps(content)}
