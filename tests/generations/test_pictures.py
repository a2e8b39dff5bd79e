"""Bytes that ought to be images, and how two of them differ, pixel by pixel."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from otel_replay.generations.difference import compare_images, difference_image
from otel_replay.generations.pictures import as_png
from otel_replay.generations.refusals import Unusable


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    """An image as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of 200 bytes that claims very many pixels each way."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_png_stays_the_bytes_that_it_is(mode: str) -> None:
    """Whatever its colours are."""
    data = encoded(Image.new(mode, (3, 2)))
    assert as_png(data, "it") == (data, 3, 2, "")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_another_format_becomes_png_and_that_is_said(kind: str) -> None:
    """With the same pixels."""
    image = Image.new("RGB", (16, 8), (200, 100, 50))
    data = encoded(image, kind)
    made = as_png(data, "it")
    assert (made.width, made.height, made.came_as) == (16, 8, kind.lower())
    both = (Image.open(io.BytesIO(one)).convert("RGB").tobytes() for one in (made.content, data))
    assert len(set(both)) == 1


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not an image"),
        (b"\x1b[31mred", r"is not an image: 8 bytes that begin with '\x1b[31mred'"),
        (b'{"error": "no"}', "is not an image"),
        (encoded(Image.new("RGB", (50, 50)))[:-1], "was cut"),
        (encoded(Image.new("RGB", (50, 50)))[:60], "was cut"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is not an image"),
        (bomb(10_000), "10000 x 10000 pixels; 67,108,864 are the most"),
        (bomb(100_000), "10000000000 pixels"),
    ],
)
def test_what_is_no_whole_image_is_refused(data: bytes, told: str) -> None:
    """Before it is unpacked, where it claims to be larger than any image may be."""
    with pytest.raises(Unusable) as caught:
        as_png(data, "it")
    assert told in caught.value.message.replace("\\\\", "\\")


# -- differences ---------------------------------------------------------------------------------------------


def test_the_difference_of_two_images_is_counted_pixel_by_pixel() -> None:
    """By hand: two of eight pixels differ, in one channel by 10, in another one by 30."""
    first, second = Image.new("RGB", (4, 2), (100, 100, 100)), Image.new("RGB", (4, 2), (100, 100, 100))
    second.putpixel((0, 0), (110, 100, 100))
    second.putpixel((3, 1), (100, 70, 100))
    found = compare_images(encoded(first), encoded(second))
    assert (found.pixels, found.share, found.largest) == (2, 0.25, 30)
    assert found.mean == pytest.approx((10 + 30) / (8 * 4))
    assert found.root_mean_square == pytest.approx(((100 + 900) / (8 * 4)) ** 0.5)
    assert not found.same
    picture = Image.open(io.BytesIO(difference_image(encoded(first), encoded(second)) or b""))
    assert [picture.getpixel(place) for place in ((0, 0), (3, 1), (1, 1))] == [85, 255, 0]


def test_images_are_the_same_when_their_pixels_are() -> None:
    """Not when their bytes are: packing is not what is compared, and transparency is."""
    image = Image.effect_noise((32, 32), 50).convert("RGB")
    fast, small = encoded(image, compress_level=0), encoded(image, compress_level=9)
    assert fast != small
    assert compare_images(fast, small).same
    assert compare_images(fast, encoded(image.convert("RGBA"))).same
    clear = image.convert("RGBA")
    clear.putalpha(254)
    found = compare_images(fast, encoded(clear))
    assert (found.pixels, found.largest, found.mean) == (1024, 1, 0.25)


def test_images_of_different_sizes_have_no_difference_in_numbers() -> None:
    """Nothing is scaled or guessed."""
    a, b = encoded(Image.new("RGB", (4, 2))), encoded(Image.new("RGB", (2, 4)))
    found = compare_images(a, b)
    assert (found.size_a, found.size_b, found.pixels, found.same) == ((4, 2), (2, 4), None, False)
    assert difference_image(a, b) is None
