"""Which generator a text means: `builtin`, `openai:URL` or `command:…`."""

from __future__ import annotations

from collections.abc import Callable

from otel_replay.errors import UsageError
from otel_replay.generations.asking import Generator
from otel_replay.generations.pictures import need_pillow

__all__ = ["KINDS", "generator_from"]

KINDS = "builtin, openai:URL or command:COMMAND LINE"


def generator_from(text: str, *, model: str = "") -> Generator:
    """The generator of this description.

    Parameters
    ----------
    text:
        `builtin`, `openai:` and the base URL of an API, or `command:` and a command line.
    model:
        The model to ask for where a request names none.

    Raises
    ------
    UsageError
        If it describes none, or Pillow is not installed.
    """
    need_pillow()  # whoever makes them, images are looked at
    kind, _, rest = text.partition(":")
    make = _MAKERS.get(kind)
    if make is None:
        raise UsageError(f"`{text}` is not a generator", hint=f"a generator is {KINDS}")
    generator = make(rest, model)
    if model:
        generator.model = model
    return generator


def _builtin(rest: str, _: str) -> Generator:
    from otel_replay.generations.drawn import DrawnImages

    if rest:
        raise UsageError(f"the built-in generator takes nothing after its name, not `{rest}`")
    return DrawnImages()


def _endpoint(url: str, model: str) -> Generator:
    from otel_replay.generations.images_endpoint import EndpointImages, key_from_environment

    return EndpointImages(url, model=model, api_key=key_from_environment())


def _command(line: str, _: str) -> Generator:
    from otel_replay.generations.command import CommandImages

    return CommandImages(line)


_MAKERS: dict[str, Callable[[str, str], Generator]] = {
    "builtin": _builtin,
    "openai": _endpoint,
    "command": _command,
}
