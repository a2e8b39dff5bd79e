"""No line with a secret passes the screen, whatever stands around the secret, and no text makes it slow."""

import base64
import string

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_replay.redaction import SKELETON_DROPS, Redactor
from otel_replay.redaction_names import WORDS, Marker
from otel_replay.redaction_rules import TEXT_RULES, Rule
from otel_replay.values import to_json

REDACTOR = Redactor()
unhurried = settings(deadline=None)


def screened(value: object, redactor: Redactor = REDACTOR) -> bool:
    """Whether the line of this value is found suspicious."""
    return redactor.suspicious(orjson.dumps(to_json(value)).translate(None, SKELETON_DROPS))


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.name)
def test_every_rule_has_markers(rule):
    assert rule.markers


def test_a_rule_without_markers_cannot_be_made():
    with pytest.raises(ValueError, match="no markers"):
        Rule(name="new", markers=(), edit=lambda text: (text, 0))


@pytest.mark.parametrize("hint", ["", "Upper", "v2", "a.b", '"', "\\", "\n", "é"])
def test_a_marker_that_no_skeleton_can_hold_cannot_be_made(hint):
    with pytest.raises(ValueError, match="skeleton"):
        Marker(hint=hint)


ALNUM = string.ascii_letters + string.digits
EDGES = st.text(st.sampled_from("ab. -_/:'\"\\\n\t\x01\x1b0 5é\u212a\u017f🙂=&?#"), max_size=4)
SEPARATORS = st.text("-_. :/07", max_size=3)


def run(alphabet: str, smallest: int, most: int = 60) -> st.SearchStrategy[str]:
    """Text of these letters."""
    return st.text(alphabet, min_size=smallest, max_size=most)


def joined(*parts: str | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The parts, one after the other."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


def one_of(*texts: str) -> st.SearchStrategy[str]:
    """One of these texts."""
    return st.sampled_from(texts)


DASHED = ALNUM + "-_"
QUERY = one_of(
    "key", "token", "id_token", "jwt", "auth", "sig", "SIGNATURE", "X-Amz-Signature", "X-Goog-Signature"
)
GENERATED = {
    "private key block": joined(
        "-----BEGIN ", one_of("", "RSA ", "EC 2 "), "PRIVATE KEY-----", run(ALNUM + "+/\n", 16)
    ),
    "url user and password": joined("https://", run(ALNUM + ".", 0), ":", run(ALNUM + ".!@'", 1), "@host"),
    "url query": joined("https://h/?", QUERY, "=", run(ALNUM + ".%-", 1), "7"),
    "bearer": joined(one_of("Bearer ", "bearer  "), run(ALNUM + ".-_", 8), "1"),
    "basic": joined(
        "Basic ", run(ALNUM, 3).map(lambda text: base64.b64encode(f"u:{text}".encode()).decode())
    ),
    "bytes": joined("sk-", run(ALNUM, 20)),
    "openai": joined("sk-", one_of("", "ant-", "proj-"), run(ALNUM, 20)),
    "stripe": joined(one_of("sk_live_", "rk_live_", "sk_test_", "whsec_"), run(ALNUM, 16)),
    "github": joined(one_of("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), run(ALNUM, 36)),
    "github fine-grained": joined("github_pat_", run(ALNUM + "_", 30)),
    "gitlab": joined("glpat-", run(DASHED, 20)),
    "slack": joined(one_of("xoxb-", "xoxp-", "xoxa-"), run(ALNUM + "-", 12)),
    "slack app": joined("xapp-", run(ALNUM + "-", 12)),
    "aws": joined(one_of("AKIA", "ASIA"), run(string.ascii_uppercase + string.digits, 16, 16)),
    "google": joined("AIza", run(DASHED, 35)),
    "npm": joined("npm_", run(ALNUM, 36)),
    "pypi": joined("pypi-Ag", run(DASHED, 40)),
    "hugging face": joined("hf_", run(ALNUM, 34)),
    "sendgrid": joined("SG.", run(DASHED, 22), ".", run(DASHED, 43)),
    "groq, xai, perplexity": joined(one_of("gsk_", "xai-", "pplx-"), run(ALNUM, 30)),
    "tavily": joined("tvly-", run(ALNUM, 30)),
    "nvidia": joined("nvapi-", run(DASHED, 30)),
    "langsmith": joined("lsv2_", one_of("pt_", "sk_"), run(ALNUM + "_", 20)),
    "jwt": joined("eyJ", run(DASHED, 10), ".", run(DASHED, 10), ".", run(DASHED, 0)),
}


def test_secrets_are_generated_for_every_rule():
    assert set(GENERATED) == {rule.name for rule in TEXT_RULES}


@pytest.mark.parametrize("rule", GENERATED)
@unhurried
@given(data=st.data())
def test_a_generated_secret_is_taken_out_and_its_line_suspicious(rule, data):
    secret = data.draw(GENERATED[rule])
    before, after = (
        data.draw(one_of("", " ", "see\n", "x=", "(", "\t", "\x1b", "é")),
        data.draw(one_of("", " ", "\n", '"')),
    )
    text: str | bytes = before + secret + after
    text = text.encode() if rule == "bytes" else text
    clean, count = REDACTOR.redact(text)
    assert count >= 1
    assert clean != text
    assert screened({"reason": text, "n": 1.5})


FRAGMENTS = st.one_of(
    *GENERATED.values(),
    st.sampled_from([part for _, words in WORDS for word in words for part in word.split()]),
    st.sampled_from(
        ["token", "Token", "tokens", "--", "=", ": ", '": "', "\\", "'", "https://", "@", ":", "?", "&", " ",
        "\n",
         "Authorization", "Cookie", "x=1", "sk-", "ghp_", "AKIA", "SG.", "eyJ",
         "-----BEGIN PRIVATE KEY-----", "name",
         "value", "Bearer ", "Basic ", "PASSWORD", "Key", "KEY", "hunter2", "a1b2c3d4e5f6g7h8i9"]
    ),
    EDGES,
    SEPARATORS,
    st.text(max_size=3),
)  # fmt: skip
TEXT = st.lists(FRAGMENTS, max_size=8).map("".join).map(lambda text: text.encode("utf-8", "ignore").decode())
LEAF = st.one_of(TEXT, TEXT.map(str.encode), st.integers(0, 9), st.floats(0, 9), st.booleans(), st.none())
VALUE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXT, inner, max_size=3),
        st.tuples(TEXT, LEAF).map(list),
        st.builds(lambda name, value: {"name": name, "value": value}, TEXT, inner),
    ),
    max_leaves=6,
)


@unhurried
@given(VALUE)
@example(["token", "x"])
@example({"a.pi_key": "x"})
@example({"api.7.key": "x"})
@example({"to2ken": "x"})
@example({"\u212aey": "x", "api_\u212aey": "x", "pa\u017f\u017fword": "x"})
@example("\x1bsk-" + "a" * 20)
@example("\nSG.1234567890123456.1234567890123456")
@example(".sk-12345678901234567890")
@example("--a1token 12345678901234567890")
@example(["-----BEGIN PRIVATE KEY-----" + "0" * 16, "x"])
def test_what_would_be_redacted_is_always_suspicious(value):
    clean, count = REDACTOR.redact_unscreened(value)
    assert screened(value) or not count
    assert repr(REDACTOR.redact(value)) == repr((clean, count))
    assert count or REDACTOR.redact(value)[0] is value


@unhurried
@given(
    VALUE,
    st.text(ALNUM + "-_. ", min_size=1, max_size=12).filter(lambda text: any(map(str.isalpha, text))),
    TEXT,
)
def test_the_same_holds_for_names_that_a_user_adds(value, name, edge):
    redactor = Redactor(extra_keys=[name])
    value = {edge + name: value, name.upper(): "x"}
    _, count = redactor.redact_unscreened(value)
    assert screened(value, redactor) or not count
    assert redactor.redact(value)[1] == count


@unhurried
@given(VALUE)
@example({"-----BEGIN PRIVATE KEY-----00000000000Field": 0})
@example({"secret": {"ghp_" + "a" * 36: None}})
def test_redacting_twice_changes_nothing_more(value):
    clean, _ = REDACTOR.redact(value)
    again, count = REDACTOR.redact(clean)
    assert count == 0
    assert again is clean


ADVERSARIAL = (
    "password=", "token=", "pwd=/", "://", "://a:", "eyJ-", "sk-", "-----BEGIN PRIVATE KEY-----",
    "password=a(b)", "cookie: ", "--password -", "bearer ", 'password="', "?key=", "sk-ant-", "api-",
    "Authorization: Bearer ", "SG.", "basic aaaaaaaa", "secret-", "--secret", "token-", '\\"', "\\", "a",
    "api_key: b ", "x-", "Cookie: a",
)  # fmt: skip


@pytest.mark.parametrize("part", ADVERSARIAL)
def test_a_megabyte_made_to_be_slow_is_still_redacted_at_its_end(part):
    """A search that were not linear would take hours here."""
    text = part * (1_000_000 // len(part)) + " \n'\" ghp_" + "a1" * 18
    clean, count = REDACTOR.redact(text)
    assert count >= 1
    assert "a1a1" not in clean


def test_the_first_lines_are_screened_as_those_are_that_come_when_the_pattern_of_all_hints_is_there():
    """That pattern takes longer to compile than a small program's lines take without it."""
    hints = sorted({marker.hint for rule in TEXT_RULES for marker in rule.markers})
    lines = ["plain", *hints, *(f"x {hint.upper()} = y" for hint in hints), "api_key=1", "token: x", "Passwd"]
    first = [screened(line, Redactor()) for line in lines]
    late = Redactor()
    for _ in range(300):
        assert not screened("plain", late)
    assert late._any_hint is not None
    assert [screened(line, late) for line in lines] == first
    assert True in first
