"""Rule files: what they may say, and what is told of a mistake in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_replay.errors import FormatError, UsageError
from otel_replay.rules.expressions import expression, template
from otel_replay.rules.reading import read_rules


def test_rules_of_files_come_first_then_those_of_the_nearest_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[[tool.otel_replay.rules.task]]\nfunction = "a:b"\n')
    (tmp_path / "one.toml").write_text('# mine\n\n[[tool]]\nfunction = ["c:d", "e:*"]\n')
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    rules = read_rules([tmp_path / "one.toml"], below)
    assert [(rule.kind, rule.functions, rule.where) for rule in rules] == [
        ("tool", ("c:d", "e:*"), "one.toml:3"),
        ("task", ("a:b",), "pyproject.toml:1"),
    ]


def test_rules_keep_the_order_of_their_file(tmp_path: Path) -> None:
    text = "".join(f'[[{kind}]]\nfunction = "m:{kind}{n}"\n' for n in (1, 2) for kind in ("tool", "decision"))
    (tmp_path / "rules.toml").write_text(text)
    rules = read_rules([tmp_path / "rules.toml"], tmp_path)
    assert [rule.functions[0] for rule in rules] == ["m:tool1", "m:decision1", "m:tool2", "m:decision2"]


def test_a_pyproject_of_others_is_not_read_closely(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\nthis is no TOML")
    assert read_rules([], tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "line", "problem", "hint"),
    [
        ("[[decison]]\nfunction = 'a:b'\n", 1, "`decison` is no kind of rule", "did you mean `decision`?"),
        ("[decision]\nfunction = 'a:b'\n", 1, "written as [[decision]]", None),
        ("\n[[tool]]\naction = 'x'\nfunction = 'a:b'\n", 3, "`action` is not said of a tool", "arguments"),
        ("[[tool]]\nfunction = 'a:b'\n[[tool]]\nfuncton = 'a:b'\n", 4, "`functon` is not", "`function`?"),
        ("[[tool]]\nname = 'x'\n", 1, "does not say which functions", None),
        ("[[tool]]\nfunction = 'a.b'\n", 2, "`a.b`, which is not module:name", None),
        ("[[tool]]\nfunction = 3\n", 2, "is a text, or a list of texts", None),
        ("[[decision]]\nfunction = 'a:b'\nwhen = 'x >'\n", 3, "`x >` is no expression", None),
        ("[[decision]]\nfunction = 'a:b'\nwhen = 'open(x)'\n", 3, "calls what a rule does not", None),
        ("[[decision]]\nfunction = 'a:b'\nwhen = 'x.__class__'\n", 3, "which is Python's own", None),
        ("[[decision]]\nfunction = 'a:b'\naction = 'x {'\n", 3, "cannot be read", None),
        ("[[decision]]\nfunction = 'a:b'\nvalues = { a = 3 }\n", 3, "a map of names to expressions", None),
        ("[[decision]]\nfunction = 'a:b'\nbefore = ['x']\n", 3, "it is an expression in quotes", None),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(
    tmp_path: Path, text: str, line: int, problem: str, hint: str | None
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(FormatError) as caught:
        read_rules([path], tmp_path)
    assert f"`{path}` line {line}: " in caught.value.message
    assert problem in caught.value.message
    if hint is not None:
        assert hint in (caught.value.hint or "")


def test_a_file_that_is_not_there_or_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the rules `.*none\.toml` cannot be read: No such file"):
        read_rules([tmp_path / "none.toml"], tmp_path)
    (tmp_path / "bad.toml").write_text("[[tool]\n")
    with pytest.raises(FormatError, match=r"is not TOML: .* line 1"):
        read_rules([tmp_path / "bad.toml"], tmp_path)


NAMES = {"x": 3, "y": -2.5, "table": [[1, 2], [3, 4]], "cell": {"rpm": 2000}, "name": "ve", "nothing": None}


@pytest.mark.parametrize(
    "text",
    [
        "x", "-y", "x + y * 2", "x // 2 - 7 % 4", "table[1][0]", "table[-1]", "table[0:1]", "cell['rpm']",
        "x > 2 and y < 0", "0 < x <= 3", "not x or nothing", "nothing is None", "name in ['ve', 'spark']",
        "x if x > 5 else 'small'", "abs(y)", "round(y, 1)", "len(table)", "max(x, y)", "{'a': x, 'b': [y]}",
        "'v' in name", "sum(table[0])", "cell != {}", "name.real if nothing else 1",
    ],
)  # fmt: skip
def test_an_expression_means_what_python_means(text: str) -> None:
    read = expression(text)
    assert read.run(NAMES) == eval(text, {}, dict(NAMES))
    assert read.names <= set(NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "x.y()", "lambda: x", "[i for i in x]", "x := 3", "(yield)", "f'{x}'", "x ** 9",
        "x.__dict__", "x << 3", "{**cell}", "abs(x=1)", "", "x; y", "print", "*table",
    ],
)  # fmt: skip
def test_nothing_else_is_an_expression(text: str) -> None:
    if text == "print":  # a name like any other: a parameter may be called so
        assert expression(text).names == {"print"}
        return
    with pytest.raises(ValueError, match="`"):
        expression(text)


def test_a_template_puts_values_into_text() -> None:
    read = template("{name!r} at {cell['rpm']}: {y:.2f} {{x}}")
    assert read.run(NAMES) == "'ve' at 2000: -2.50 {x}"
    assert read.names == {"name", "cell", "y"}
