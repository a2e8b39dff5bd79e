"""Two images, pixel by pixel: how many differ, by how much, and a picture of where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from otel_replay.generations.pictures import encode, opened

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["PixelDifference", "compare_images", "difference_image"]

_CHANNELS = 4
_WHITE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelDifference:
    """How two images differ. Differences of channels (red, green, blue, alpha) are from 0 to 255.

    Images of different sizes are not compared pixel by pixel: then the numbers are None.
    """

    size_a: tuple[int, int]
    size_b: tuple[int, int]
    pixels: int | None = None
    """Pixels that differ in any channel."""
    share: float | None = None
    """These as a share of all pixels, from 0 to 1."""
    largest: int | None = None
    """Largest difference of any channel."""
    mean: float | None = None
    """Mean absolute difference over all channels of all pixels."""
    root_mean_square: float | None = None

    @property
    def same(self) -> bool:
        """Whether not one pixel differs."""
        return self.pixels == 0


def compare_images(a: bytes, b: bytes) -> PixelDifference:
    """How the pixels of two images differ, whatever the bytes they are packed in.

    Raises
    ------
    Unusable
        If one of them is no image.
    """
    first, second = _unpacked(a, b)
    if first.size != second.size:
        return PixelDifference(size_a=first.size, size_b=second.size)
    bands, strongest = _bands(first, second)
    total = first.width * first.height
    # Histograms say it all, without a loop over pixels: how many channels differ by how much.
    counts = [sum(column) for column in zip(*(band.histogram() for band in bands), strict=True)]
    differing = total - strongest.histogram()[0]
    squares = sum(count * step * step for step, count in enumerate(counts))
    return PixelDifference(
        size_a=first.size,
        size_b=second.size,
        pixels=differing,
        share=differing / total,
        largest=max(step for step, count in enumerate(counts) if count),
        mean=sum(count * step for step, count in enumerate(counts)) / (total * _CHANNELS),
        root_mean_square=math.sqrt(squares / (total * _CHANNELS)),
    )


def difference_image(a: bytes, b: bytes) -> bytes | None:
    """A PNG: black where both images are the same, brighter the more they differ; the most is white.

    None for images of different sizes.

    Raises
    ------
    Unusable
        If one of them is no image.
    """
    first, second = _unpacked(a, b)
    if first.size != second.size:
        return None
    _, grey = _bands(first, second)
    most = max(step for step, count in enumerate(grey.histogram()) if count)
    if most:
        grey = grey.point([min(_WHITE, round(step * _WHITE / most)) for step in range(256)])
    return encode(grey)


def _unpacked(a: bytes, b: bytes) -> tuple[Image.Image, Image.Image]:
    return opened(a, "image A").convert("RGBA"), opened(b, "image B").convert("RGBA")


def _bands(first: Image.Image, second: Image.Image) -> tuple[Sequence[Image.Image], Image.Image]:
    """The differences by channel, and of each pixel that of the channel that differs most."""
    from PIL import ImageChops

    bands = ImageChops.difference(first, second).split()
    return bands, reduce(ImageChops.lighter, bands)
