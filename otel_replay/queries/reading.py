"""A selector's text while it is read: where reading stands, and errors that point there."""

from __future__ import annotations

import json
import re

from otel_replay.errors import UsageError

__all__ = ["SelectorError", "Text"]

_SPACE = re.compile(r"\s*")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SINGLE = re.compile(r"'[^']*'")
_SHOWN = 90


class SelectorError(UsageError):
    """A selector that is none. Its message has the selector, and a caret below the place.

    Attributes
    ----------
    column:
        The place in the text, from 0.
    """

    def __init__(self, message: str, *, hint: str | None, text: str, column: int, length: int = 1) -> None:
        shift = max(0, column - _SHOWN // 2)
        shown = text[shift : shift + _SHOWN].replace("\n", " ").replace("\t", " ")
        carets = " " * (column - shift) + "^" * max(1, min(length, _SHOWN - (column - shift)))
        super().__init__(message, hint=hint, place=(shown, carets))
        self.column = column


class Text:
    """A text that is read from its beginning."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    @property
    def at_end(self) -> bool:
        """Whether all of it was read."""
        return self.place >= len(self.text)

    def skip(self) -> bool:
        """Go past spaces; whether there were any."""
        match = _SPACE.match(self.text, self.place)
        assert match is not None
        moved = match.end() > self.place
        self.place = match.end()
        return moved

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """Go past what fits a pattern, and give it; None where it does not."""
        match = pattern.match(self.text, self.place)
        if match is None:
            return None
        self.place = match.end()
        return match[0]

    def take(self, sign: str, *, unless: re.Pattern[str] | None = None) -> bool:
        """Go past spaces and `sign`, if it stands here and `unless` does not come next."""
        before = self.place
        self.skip()
        if self.text.startswith(sign, self.place):
            self.place += len(sign)
            after = self.place
            self.skip()
            if unless is None or not unless.match(self.text, self.place):
                self.place = after
                return True
        self.place = before
        return False

    def looking_at(self, *what: re.Pattern[str] | str) -> bool:
        """Whether one of these stands here."""
        return any(
            self.text.startswith(one, self.place)
            if isinstance(one, str)
            else one.match(self.text, self.place) is not None
            for one in what
        )

    def need(self, sign: str, why: str) -> None:
        """Go past `sign`, which must stand here.

        Raises
        ------
        SelectorError
            If it does not.
        """
        if not self.text.startswith(sign, self.place):
            raise self.error(f"`{sign}` is missing {why}")
        self.place += len(sign)

    def quoted(self) -> str | None:
        """Go past a text in quotes, and give what is in them; None where there is none."""
        start = self.place
        single = self.match(_SINGLE)
        if single is not None:
            return single[1:-1]
        found = self.match(_QUOTED)
        if found is None:
            if self.looking_at('"', "'"):
                raise self.error("these quotes have no end")
            return None
        try:
            text: str = json.loads(found, strict=False)
        except ValueError as error:
            reason = str(error).split(":")[0]
            raise self.error(f"this text in quotes cannot be read: {reason}", at=start) from None
        return text

    def whole(self, digits: str) -> int:
        """The number of digits that were just read.

        Raises
        ------
        SelectorError
            If they are more than Python reads.
        """
        try:
            return int(digits)
        except ValueError:
            at = self.place - len(digits)
            raise self.error("no number has so many digits", at=at, length=len(digits)) from None

    def error(
        self, message: str, *, hint: str | None = None, at: int | None = None, length: int = 1
    ) -> SelectorError:
        """What is wrong at a place, by default where reading stands."""
        place = self.place if at is None else at
        return SelectorError(message, hint=hint, text=self.text, column=place, length=length)
