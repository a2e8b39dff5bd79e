"""Any text as a header's value, and back."""

from __future__ import annotations

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from otel_replay.web.header_text import header_text

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)


@given(TEXTS)
def test_any_text_comes_back_and_breaks_no_line(text: str) -> None:
    """Printable ASCII without blanks at its ends, which is what HTTP keeps as it is."""
    value, cut = header_text(text, longest_bytes=1 << 20)
    assert not cut
    assert all(" " <= character <= "~" for character in value)
    assert value == value.strip()
    assert unquote(value, errors="strict") == text


@given(TEXTS, st.integers(0, 60))
def test_a_text_that_is_too_long_is_cut_behind_a_whole_character(text: str, longest: int) -> None:
    """And that is said."""
    value, cut = header_text(text, longest_bytes=longest)
    back = unquote(value, errors="strict")
    assert text.startswith(back)
    assert cut == (back != text)
    assert len(value) <= longest + 4  # a blank at either end takes three bytes


def test_plain_text_stays_readable() -> None:
    """Only `%` and what is not printable ASCII is encoded."""
    assert header_text("add a small ladybug, (x) = \"y\"; 'z'") == (
        "add a small ladybug, (x) = \"y\"; 'z'",
        False,
    )
    assert header_text("100% grün\r\n") == ("100%25 gr%C3%BCn%0D%0A", False)
    assert header_text(" two  blanks ") == ("%20two  blanks%20", False)
    assert header_text(" ") == ("%20", False)
