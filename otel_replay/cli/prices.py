"""The file of `--prices`: what a million tokens of each model cost, in TOML, as the user knows it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from otel_replay.errors import UsageError

if TYPE_CHECKING:
    from otel_replay.analysis.cost import Prices

__all__ = ["read_prices"]


def read_prices(file: str | None) -> Prices | None:
    """The prices in `file`; None where none was named.

    Raises
    ------
    UsageError
        If it cannot be read, or says something else than prices.
    """
    if file is None:
        return None
    from otel_replay.analysis.cost import Prices

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with open(file, "rb") as stream:
            document = tomllib.load(stream)
    except OSError as error:
        raise UsageError(f"cannot read prices from `{file}`: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"`{file}` is no TOML: {error}") from error
    return Prices.read(document, f"`{file}`")
