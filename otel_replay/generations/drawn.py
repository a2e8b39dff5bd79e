"""The built-in generator: draws shapes by seed and prompt, offline, so that tests and demos run anywhere.

The same seed, prompt, size, region and canvas give the same pixels; the seed alone gives the background, so
that another prompt changes a part of the picture. It is no model and claims to be none.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from typing import TYPE_CHECKING

from otel_replay.generations.asking import ImageAnswer, ImageRequest
from otel_replay.generations.pictures import encode, opened

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

__all__ = ["DrawnImages"]

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]

_SIZE = (512, 512)
_SHAPES = ("ellipse", "rectangle", "polygon", "arc")


class DrawnImages:
    """Draws what it is asked for, which is to say: something that depends on it."""

    provider = "otel_replay"
    model = "drawn-1"
    seeded = True

    async def generate(self, request: ImageRequest) -> ImageAnswer:
        """One picture, drawn in a thread."""
        image = await asyncio.to_thread(drawn, request)
        return ImageAnswer(image=image, model=request.model or self.model)


def drawn(request: ImageRequest) -> bytes:
    """The PNG for a request. A pure function of the request (and of Pillow's version, for the packing)."""
    from PIL import ImageDraw

    if request.canvas is None:
        image = _background(*(request.size or _SIZE), _chance(str(request.seed)))
    else:
        image = opened(request.canvas, "the canvas").convert("RGB")
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = request.region or (0.0, 0.0, 1.0, 1.0)
    width, height = image.size
    box = (round(left * width), round(top * height), round(right * width), round(bottom * height))
    chance = _chance(f"{request.seed}\0{request.prompt}")
    for _ in range(3 + int(chance.random() * 5)):
        _draw_shape(draw, box, chance)
    return encode(image)


def _chance(text: str) -> random.Random:
    """Chance that is the same for the same text, on every machine."""
    return random.Random(int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest(), "big"))


def _colour(chance: random.Random) -> Colour:
    return (int(chance.random() * 256), int(chance.random() * 256), int(chance.random() * 256))


def _background(width: int, height: int, chance: random.Random) -> Image.Image:
    """A gradient from top to bottom."""
    from PIL import Image, ImageOps

    column = Image.linear_gradient("L").resize((width, height))
    return ImageOps.colorize(column, _colour(chance), _colour(chance))


def _draw_shape(draw: ImageDraw.ImageDraw, box: Box, chance: random.Random) -> None:
    """One shape inside `box`."""
    across, down = max(1, box[2] - box[0]), max(1, box[3] - box[1])
    size = max(1, int(min(across, down) * (0.1 + 0.25 * chance.random())))
    x = box[0] + int(chance.random() * max(1, across - size))
    y = box[1] + int(chance.random() * max(1, down - size))
    inner = (x, y, x + size - 1, y + size - 1)
    colour = _colour(chance)
    shape = _SHAPES[int(chance.random() * len(_SHAPES))]
    if shape == "ellipse":
        draw.ellipse(inner, fill=colour)
    elif shape == "rectangle":
        draw.rectangle(inner, fill=colour)
    elif shape == "polygon":
        draw.polygon([(x + size // 2, y), (x + size - 1, y + size - 1), (x, y + size - 1)], fill=colour)
    else:
        start = int(chance.random() * 360)
        draw.arc(inner, start, start + 270, fill=colour, width=max(1, size // 8))
