"""The same client on the official openai package, for those who have it: `--sdk`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import openai

from examples.agent.client import Answer, ModelError, RateLimited, Say, assemble, from_document

__all__ = ["SdkClient"]


class SdkClient:
    """A client on the openai package. It does not retry by itself: that is the agent's decision."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._openai = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0)

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """The whole answer at once."""
        return from_document(self._create(request).model_dump())

    def stream(self, request: Mapping[str, Any], say: Say) -> Answer:
        """The same; the text goes to `say` piece by piece as it comes in."""
        with self._create({**request, "stream": True, "stream_options": {"include_usage": True}}) as stream:
            return assemble((chunk.model_dump() for chunk in stream), say)

    def close(self) -> None:
        """Let go of the connections."""
        self._openai.close()

    def _create(self, request: Mapping[str, Any]) -> Any:
        try:
            return self._openai.chat.completions.create(**request)
        except openai.RateLimitError as error:
            wait_s = float(error.response.headers.get("Retry-After") or 1)
            raise RateLimited(str(error), wait_s=wait_s) from None
        except openai.OpenAIError as error:
            raise ModelError(f"cannot ask the model at {self._openai.base_url}: {error}") from error
