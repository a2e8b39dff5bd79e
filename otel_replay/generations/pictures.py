"""Bytes that ought to be an image: checked, measured, and turned into PNG where they are another format."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, NamedTuple

from otel_replay.errors import UsageError
from otel_replay.generations.refusals import Unusable

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["LARGEST_PIXELS", "Png", "as_png", "encode", "need_pillow", "opened"]

LARGEST_PIXELS = 64 << 20
"""An image of more pixels is refused before it is unpacked: a few kilobytes can claim to be gigabytes."""
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_END = b"\0\0\0\0IEND\xaeB`\x82"
_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})


class Png(NamedTuple):
    """An image as PNG. `came_as` is its format where that was another one."""

    content: bytes
    width: int
    height: int
    came_as: str


def need_pillow() -> None:
    """Raise UsageError where Pillow is not installed."""
    try:
        import PIL.Image  # noqa: F401 - whether it can be
    except ImportError:
        raise UsageError(
            "images need Pillow, which is not installed", hint="pip install 'otel-replay[web]'"
        ) from None


def opened(data: bytes, what: str) -> Image.Image:
    """An image, unpacked whole; `what` names it in messages.

    Raises
    ------
    Unusable
        If the bytes are no image, a damaged one, or too large.
    """
    need_pillow()
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ours is the stricter limit
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            if image.width * image.height > LARGEST_PIXELS:
                raise Unusable(
                    f"{what} has {image.width} x {image.height} pixels; {LARGEST_PIXELS:,} are the most"
                )
            # Pixels that are all there say nothing of a file that was cut behind them.
            if image.format == "PNG" and _END not in data:
                raise Unusable(f"{what} was cut: its {len(data)} bytes have no end")
            image.load()
    except UnidentifiedImageError:
        shown = data[:40].decode("ascii", "backslashreplace")
        raise Unusable(f"{what} is not an image: {len(data)} bytes that begin with {shown!r}") from None
    except Unusable:
        raise
    except Exception as error:  # what damaged files make Pillow raise is of many types
        raise Unusable(f"{what} cannot be read: {type(error).__name__}: {error}"[:500]) from None
    return image


def encode(image: Image.Image) -> bytes:
    """An image as the bytes of a PNG."""
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def as_png(data: bytes, what: str) -> Png:
    """An image as PNG: the very bytes where they are one, else converted.

    Raises
    ------
    Unusable
        As :func:`opened`.
    """
    image = opened(data, what)
    came_as = image.format or ""
    if came_as == "PNG":
        return Png(data, image.width, image.height, "")
    plain = image if image.mode in _MODES else image.convert("RGB")
    return Png(encode(plain), image.width, image.height, came_as.lower())
