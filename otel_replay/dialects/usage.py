"""Tokens of one call, counted alike: what came from a cache is part of the input, reasoning of the output."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["NO_USAGE", "USAGE", "Usage", "whole_usage"]


class Usage(NamedTuple):
    """Tokens of one call; None where it was not recorded."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __bool__(self) -> bool:
        """Whether anything was recorded."""
        return self != NO_USAGE

    def besides(self, other: Usage) -> Usage:
        """What this one tells and the other does not."""
        return Usage(*(mine if theirs is None else None for mine, theirs in zip(self, other, strict=True)))

    def together(self, other: Usage) -> Usage:
        """What either tells; this one goes before the other."""
        return Usage(*(theirs if mine is None else mine for mine, theirs in zip(self, other, strict=True)))


USAGE: tuple[str, ...] = Usage._fields
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
    return Usage(input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens)
