"""What a generator is asked and what it answers: plain values, whoever makes the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Generator", "ImageAnswer", "ImageRequest", "Region"]

Region = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of an image, each from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """One image, please. `canvas` is the PNG that it changes, in `region` if there is one."""

    prompt: str
    seed: int | None = None
    model: str = ""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    canvas: bytes | None = None
    region: Region | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAnswer:
    """An image as it came: bytes of any format, and what the generator said of them."""

    image: bytes
    model: str = ""
    response_id: str = ""
    revised_prompt: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)


class Generator(Protocol):
    """Makes images; several at the same time, in threads or on the event loop as it likes."""

    provider: str
    """Who serves the model, by the GenAI conventions (`openai`), or what it is."""
    model: str
    """The model that is asked where a request names none."""

    seeded: bool
    """Whether it is given a seed where the request has none."""

    async def generate(self, request: ImageRequest) -> ImageAnswer:
        """Make one image.

        Raises
        ------
        NoImage, TooSlow
            If there is none.
        """
        ...
