"""What is no selector: the whole message, what to do next, and the place that it points at."""

from __future__ import annotations

import pytest

from otel_replay.queries.parse import selector
from otel_replay.queries.reading import SelectorError

KINDS = "one of run, process, agent, task, tool, generation, span, decision, event, log, *"
BEGINS = "a selector begins with what is looked for"
UNIT = "a duration has a unit: [duration > 500ms]"
FILTERS = (
    "one of :first, :last, :nth, :failed, :open, :is, :not, :has, :in, :below, :child-of, :after, :before"
)
NUMBER = "a number from 1, or from the end with -1, stands here"
SIGNS = "one of >= <= != == =~ ^= $= *= > < = ~"

WRONG = [
    ("tas(x)", "^^^", "`tas` is not a kind of item", "did you mean `task`?"),
    ("xyzzy", "^^^^^", "`xyzzy` is not a kind of item", KINDS),
    ("decision:frist", "         ^^^^^", "`:frist` is not a filter", "did you mean `:first`?"),
    ("decision:xyzzy", "         ^^^^^", "`:xyzzy` is not a filter", FILTERS),
    ("decision[after <]", "                ^", "a word to compare with is missing here", '"" is the empty text'),
    ("decision[after < x y]", "                 ^", "`<` compares by size, which takes a number or a name", None),
    ('decision[after < "x"]', "                 ^", "`<` compares by size, which takes a number", None),
    ("decision[after < 3", "                  ^", "`]` is missing to end the condition", None),
    ("decision[a < 1 & b > 2]", "             ^", "`<` compares by size, which takes a number or a name", None),
    ("decision[after 3]", "               ^", "a sign is missing here", SIGNS),
    ("decision[]", "         ^", "a name is missing here", "a condition is a name, a sign and a word: [after <= 7]"),
    ("decision[foo(x) = 3]", "         ^", "`foo` is no function", "one of abs, len"),
    ("decision[abs(after > 1]", "                   ^", "`)` is missing to end abs(…)", None),
    ("decision[(after > 1]", "                ^", "`)` is missing to end what is in brackets", None),
    ("decision[after = {before]", "                        ^", "`}` is missing to end the expression", None),
    ("decision[!after = 3]", "                ^", "after `!` stands only a name: [!after]", None),
    ("decision[after =~ (]", "                  ^", "`(` is no regular expression: missing ), unterminated subpattern at position 0", None),
    ("span[duration > 50]", "                ^", "`50` is no length of time, such as 500ms, 5s or 1.5m", UNIT),
    ("tool(search", "           ^", "`)` is missing to end the name", None),
    ("tool()", "     ^", "a name is missing here", "write it so: tool(search_*)"),
    ('tool("search)', "     ^", "these quotes have no end", None),
    ('decision[a = "\\q"]', "             ^", "this text in quotes cannot be read: Invalid \\escape", None),
    ("decision:nth(0)", "             ^", NUMBER, None),
    ("decision:nth(x)", "             ^", NUMBER, None),
    ("decision:nth 2", "            ^", "`(` is missing after :nth", None),
    ("decision:nth(2", "              ^", "`)` is missing to end :nth(…)", None),
    ("decision:not task", "            ^", "`(` is missing after :not", None),
    ("decision:not(task", "                 ^", "`)` is missing to end :not(…)", None),
    ("decision)", "        ^", "a selector ends here", "`,` stands between two selectors"),
    ("", "^", BEGINS, KINDS),
    ("decision, ", "          ^", BEGINS, KINDS),
    ("agent >", "       ^", BEGINS, KINDS),
    ("tool:after(task, 5)", "                 ^", BEGINS, "a length of time has a unit: :after(tool(search), 5s)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "caret", "message", "hint"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_no_selector_is_pointed_at(text: str, caret: str, message: str, hint: str | None) -> None:
    with pytest.raises(SelectorError) as refused:
        selector(text)
    assert refused.value.place == (text, caret)
    assert (refused.value.message, refused.value.hint) == (message, hint)
