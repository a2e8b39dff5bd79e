"""Tokens of one call, counted alike: what came from a cache is part of the input, reasoning of the output."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["NO_USAGE", "USAGE", "Usage", "whole_usage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call; None where it was not recorded."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __bool__(self) -> bool:
        """Whether anything was recorded."""
        return any(getattr(self, name) is not None for name in USAGE)


USAGE: tuple[str, ...] = tuple(field.name for field in fields(Usage))
NO_USAGE = Usage()


def whole_usage(
    *,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    reasoning_tokens: int | None = None,
) -> Usage:
    """The usage, where the parts may have been counted beside the whole.

    Anthropic's API counts the cache beside the input; the conventions say to sum, and most packages do. Where
    the parts are more than the whole, whoever wrote it did not sum, and it is done here.
    """
    cached = (cache_read_tokens or 0) + (cache_write_tokens or 0)
    if input_tokens is not None and cached > input_tokens:
        input_tokens += cached
    if output_tokens is not None and (reasoning_tokens or 0) > output_tokens:
        output_tokens += reasoning_tokens or 0
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read_tokens,
        cache_write_tokens=cache_write_tokens,
        reasoning_tokens=reasoning_tokens,
    )
