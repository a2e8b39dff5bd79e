"""Two albums image by image: what was asked, and how the pixels differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from otel_replay.errors import FormatError, StoreError
from otel_replay.generations.albums import Album, Albums, Picture
from otel_replay.generations.difference import PixelDifference, compare_images, difference_image
from otel_replay.generations.refusals import NoSuch, Unusable

__all__ = ["Pair", "Side", "compare_albums", "pair_difference"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of two albums to compare, and the folder that it lies in."""

    albums: Albums
    album: Album

    def image(self, picture: Picture) -> bytes:
        """The bytes of one of its images."""
        return self.albums.image(self.album.name, picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The images of one place in both albums; None where one has no more. `trouble`: why not compared."""

    number: int
    a: Picture | None
    b: Picture | None
    difference: PixelDifference | None = None
    trouble: str = ""

    @property
    def same(self) -> bool:
        """Whether both are there and not one pixel differs."""
        return self.difference is not None and self.difference.same

    @property
    def same_prompt(self) -> bool:
        """Whether both are there and the same was asked for."""
        return self.a is not None and self.b is not None and self.a.prompt == self.b.prompt


def compare_albums(a: Side, b: Side) -> Iterator[Pair]:
    """Pairs by their place, from the first; images that cannot be read are told and not guessed."""
    for number, (first, second) in enumerate(zip_longest(a.album.pictures, b.album.pictures)):
        if first is None or second is None:
            yield Pair(number=number, a=first, b=second)
            continue
        try:
            found = compare_images(a.image(first), b.image(second))
        except (StoreError, FormatError, Unusable) as error:
            yield Pair(number=number, a=first, b=second, trouble=error.message)
        else:
            yield Pair(number=number, a=first, b=second, difference=found)


def pair_difference(a: Side, b: Side, number: int) -> bytes | None:
    """The picture of where one pair differs; None where the sizes do.

    Raises
    ------
    NoSuch
        If one of the albums has no such image.
    StoreError, FormatError, Unusable
        If one of the images cannot be read.
    """
    if not 0 <= number < min(len(a.album.pictures), len(b.album.pictures)):
        raise NoSuch(f"there is no image {number} in both `{a.album.name}` and `{b.album.name}`")
    return difference_image(a.image(a.album.pictures[number]), b.image(b.album.pictures[number]))
