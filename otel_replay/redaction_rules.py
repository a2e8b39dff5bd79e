"""What a secret looks like in text: a table of rules, each with the markers that its matches leave in a line.

Markers are looked for in the *skeleton* of a line: its bytes without digits and dots. So no marker may need
one, and no rule may match where its marker does not: a `Rule` is not made without markers, and the tests
generate secrets of every rule. Searches are linear: no quantifier in a quantifier, and no pattern that can
start again inside what it has scanned in vain.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable

from otel_replay.late import late
from otel_replay.light import light
from otel_replay.redaction_names import (
    AUTHORIZATION,
    COOKIE,
    MASK,
    TOKEN,
    Kind,
    Marker,
    SecretNames,
    skeleton_of,
)

__all__ = [
    "SCHEMES", "TEXT_RULES", "Edit", "Rule", "is_working_directory", "names_rule", "pattern_edit",
]  # fmt: skip

Edit = Callable[[str], "tuple[str, int]"]

_FLAGS = int(re.ASCII) | int(re.IGNORECASE)  # numbers: to join flags takes as long as a dozen rules


@light(frozen=True, kw_only=True)
class Rule:
    """One shape of secret: `edit` takes it out of text, `markers` say where it cannot be."""

    name: str
    markers: tuple[Marker, ...]
    edit: Edit

    def __post_init__(self) -> None:
        if not self.markers:
            raise ValueError(f"rule `{self.name}` has no markers: it would never be tried")


def pattern_edit(pattern: re.Pattern[str], accept: Callable[[str], bool] = bool) -> Edit:
    """An edit that masks group 1 of each match, or the match when it has no group, where `accept` agrees."""

    def edit(text: str) -> tuple[str, int]:
        group = 1 if pattern.groups else 0
        pieces, end, count = [], 0, 0
        for match in pattern.finditer(text):
            if match[group] and match[group] != MASK and accept(match[group]):
                pieces += [text[end : match.start(group)], MASK]
                end, count = match.end(group), count + 1
        return ("".join([*pieces, text[end:]]), count) if count else (text, 0)

    return edit


# --- secrets that are known by their own shape ---

# Before the prefix of a token stands no letter, digit or dot, but for the escapes of a URL such as `%3D`. In
# JSON that is the start of the line, another byte, or the last letter of an escape such as `\n` or `\u001b`
# (its digits are gone).
_BOUNDARY = rb"(?:^|[^A-Za-z]|\\[bfnrt]|\\u[a-f]{0,2}|%[A-Fa-f]{1,2})"
_NOT_INSIDE = r"(?:(?<![A-Za-z0-9.])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))"
_NOT_IN_RUN = r"(?<![A-Za-z0-9._-])"

_ALNUM_16, _ALNUM_20, _ALNUM_30 = (f"[A-Za-z0-9]{{{length},}}" for length in (16, 20, 30))
_SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("openai", ("sk-",), rf"(?:(?:ant|proj|svcacct|admin|or|lf)-[\w-]{{8,}}|{_ALNUM_16}[\w-]*)"),
    ("stripe", ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"), "[A-Za-z0-9]{10,}"),
    ("github", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), _ALNUM_16),
    ("github fine-grained", ("github_pat_",), "[A-Za-z0-9_]{16,}"),
    ("gitlab", ("glpat-",), "[A-Za-z0-9_-]{16,}"),
    ("slack", ("xox",), "[abcdeoprs]-[A-Za-z0-9-]{10,}"),
    ("slack app", ("xapp-",), "[A-Za-z0-9-]{10,}"),
    ("aws", ("AKIA", "ASIA"), "[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("google", ("AIza",), "[A-Za-z0-9_-]{30,}"),
    ("npm", ("npm_",), _ALNUM_30),
    ("pypi", ("pypi-Ag",), "[A-Za-z0-9_-]{16,}"),
    ("hugging face", ("hf_",), _ALNUM_30),
    ("sendgrid", ("SG.",), r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("groq, xai, perplexity", ("gsk_", "xai-", "pplx-"), _ALNUM_20),
    ("tavily", ("tvly-",), f"(?:dev-|prod-)?{_ALNUM_20}"),
    ("nvidia", ("nvapi-",), "[A-Za-z0-9_-]{20,}"),
    ("langsmith", ("lsv2_",), "[a-z]{2}_[A-Za-z0-9_]{16,}"),
    ("jwt", ("eyJ",), r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
)


def _shape_rule(name: str, prefixes: tuple[str, ...], body: str) -> Rule:
    before = _NOT_IN_RUN if name == "jwt" else _NOT_INSIDE
    # Of what is special in patterns, prefixes have dots alone, and what is left of them here has none.
    pattern = late(f"{before}(?:{'|'.join(prefixes).replace('.', '[.]')}){body}", re.ASCII)
    stripped = [skeleton_of(prefix.encode()) for prefix in prefixes]
    markers = [
        Marker(hint=prefix.lower().decode(), pattern=late(_BOUNDARY + prefix), folded=False)
        for prefix in stripped
    ]
    return Rule(name=name, markers=tuple(markers), edit=pattern_edit(pattern))


_USERINFO = late(r"://([^\s/?#@:\"<>\\`{}|^\[\]]*:[^\s/?#\"<>\\`{}|^\[\]]+)@", re.ASCII)
_QUERY_NAMES = "key|token|id_token|jwt|auth|sig|signature|x-amz-signature|x-amz-credential|x-goog-signature"
_QUERY = late(rf"[?&#](?:amp;)?(?:{_QUERY_NAMES})=(?!\[redacted)([^&\s#\"'<>\\`)\]}}]+)", _FLAGS)
_BEARER = late(r"(?<![A-Za-z0-9])bearer[ ]{1,4}([A-Za-z0-9._~+/=-]{8,})", _FLAGS)
_BASIC = late(r"(?<![A-Za-z0-9])basic[ ]{1,4}([A-Za-z0-9+/]{6,}={0,2})", _FLAGS)
_PEM_BODY = r"[A-Za-z0-9+/=\s\\:,.()<>@_-]"
_PEM = late(
    rf"-----BEGIN [A-Z0-9 ]{{0,32}}PRIVATE KEY(?: BLOCK)?-----({_PEM_BODY}{{16,}}?)"
    rf"(?=-----END|\Z|(?!{_PEM_BODY})[\s\S])",
    re.ASCII,
)
_LOOKS_RANDOM = late(r"[0-9]|[a-z][A-Z]|[A-Za-z]{20}")


def _is_random(value: str) -> bool:
    return _LOOKS_RANDOM.search(value) is not None


_BASE64 = late(r"[A-Za-z0-9+/]*={0,2}")


def _is_user_and_password(value: str) -> bool:
    if _BASE64.fullmatch(value) is None:
        return False
    try:
        decoded = binascii.a2b_base64(value + "=" * (-len(value) % 4)).decode()
    except ValueError:
        return False
    return ":" in decoded and decoded.isprintable()


TEXT_RULES: tuple[Rule, ...] = (
    Rule(
        name="private key block",
        markers=(Marker(hint="private key", pattern=late(rb"private key(?: block)?-----")),),
        edit=pattern_edit(_PEM),
    ),
    Rule(
        name="url user and password",
        markers=(Marker(hint="://", pattern=late(rb"://[^\s/?#@:]*:[^\s/?#]*@")),),
        edit=pattern_edit(_USERINFO),
    ),
    Rule(
        name="url query",
        markers=(Marker(hint="=", pattern=late(f"[?&#](?:amp;)?(?:{_QUERY_NAMES})=".encode())),),
        edit=pattern_edit(_QUERY, lambda value: not is_placeholder(value)),
    ),
    Rule(name="bearer", markers=(Marker(hint="bearer"),), edit=pattern_edit(_BEARER, _is_random)),
    Rule(name="basic", markers=(Marker(hint="basic"),), edit=pattern_edit(_BASIC, _is_user_and_password)),
    # Bytes are base64 in a line, so nothing can be seen in them there: they are decoded and looked at.
    Rule(name="bytes", markers=(Marker(hint="$bytes"),), edit=lambda text: (text, 0)),
    *(_shape_rule(*shape) for shape in _SHAPES),
)


# --- name and value in running text ---

_NAME = late(
    r"(?<![A-Za-z0-9_.-])(?:"
    r"(--[A-Za-z0-9][A-Za-z0-9_-]*)[ ]{1,4}(?=[^\s-])|"
    r"((?:(?:api|access|account|auth|client|encryption|pass|private|refresh|secret|security|signing)[ ])?"
    r"[A-Za-z0-9_.-]+)\\{0,3}[\"'`]?[ ]{0,4}([:=])[ ]{0,4})",
    _FLAGS,
)
_VALUE = late(
    r"(?:[bfru]{1,2}(?=[\"']))?"
    r"(?:\\+\"([^\"\n]+)|\\+'([^'\n]+)|\"((?:[^\"\\\n]|\\.)+)|'((?:[^'\\\n]|\\.)+)|`([^`\n]+)|([^\s\"'`,;&<>]+))",
    _FLAGS,
)
SCHEMES = "Basic|Bearer|Digest|Token|ApiKey|Negotiate|AWS4-HMAC-SHA256"
_SCHEME = late(rf"(?:\\*[\"'`])?((?:{SCHEMES})[ ]{{1,4}})(?=[^\s\"'`,;<>])", _FLAGS)
_COOKIES = late(r"[^\s\"'`\\=]{1,64}=[^\"'`\\\r\n]*", _FLAGS)
_PLACEHOLDER = late(
    r".{0,20}\[redacted\].*|[*.]+|x{3,}|<.*>|\$?\{.*\}?|\$\(.*|(?-i:\$[A-Z][A-Z0-9_]*)|%(?:\(\w+\))?s",
    _FLAGS,
)
_PROSE = late(
    r"(?:str|string|int|number|bool|boolean|bytes|text|any|none|null|nil|undefined|true|false|required|optional|"
    r"empty|missing|unset|hidden|masked|invalid|wrong|incorrect|is|was|are|must|should|can|cannot|not|and|or|for|"
    r"to|of|with|in|from|the|a|an|if|option|flag|prompt|changed|reset|ok)[.,:;!?)\]]*",
    _FLAGS,
)
_CODE = late(
    r"[A-Za-z_][\w.]*(?:[(\[]|\(.*\)\W*|\[.*\]\W*)|"
    r"(?:self|cls|this|os|settings|config|cfg|args|env|environ|process|request|options|params|kwargs|ctx)\.[\w.]+\W*",
    _FLAGS,
)
# What is longer is always taken out: only a short value is looked at twice, which keeps the search linear.
_LONGEST_CODE = 200


def is_placeholder(value: str) -> bool:
    """Whether the value stands for a secret and is none: `<your key>`, `${KEY}`, `***`."""
    return len(value) <= _LONGEST_CODE and _PLACEHOLDER.fullmatch(value) is not None


def is_working_directory(name: str, value: str) -> bool:
    """Whether this is the shell's PWD, which is a folder and no password."""
    return name.lower() in ("pwd", "oldpwd") and value[:1] in ("/", "~") and len(value) <= _LONGEST_CODE


def _is_code_or_prose(name: str, value: str) -> bool:
    if len(value) > _LONGEST_CODE:
        return False
    own = name.lower().lstrip("-").rpartition(".")[2]
    plain = value.lower().rstrip(").]},")
    return plain == own or plain.endswith("." + own) or any(p.fullmatch(value) for p in (_CODE, _PROSE))


def _looks_random(secret: str) -> bool:
    return len(secret) > _LONGEST_CODE or (len(secret) >= 16 and re.search("[0-9]", secret) is not None)


def _secret_span(text: str, start: int, name: str, kind: Kind, separator: str) -> tuple[int, int] | None:
    """Where the secret part of the value at `start` is; None when the value is none."""
    if kind is COOKIE and separator == ":":
        cookies = _COOKIES.match(text, start)
        return cookies.span() if cookies else None
    scheme = _SCHEME.match(text, start) if kind is AUTHORIZATION else None
    value = _VALUE.match(text, scheme.end() if scheme else start)
    if value is None or value.lastindex is None:
        return None
    begin, end = value.span(value.lastindex)
    quoted = value.lastindex < value.re.groups
    secret = text[begin:end].rstrip("\\" if quoted else ".)]}")
    if not secret.strip("[({") or is_placeholder(text[begin:end]) or is_working_directory(name, secret):
        return None
    if not quoted and _is_code_or_prose(name, text[begin:end]):
        return None
    if kind.strict_in_text and not scheme and not _looks_random(secret):
        return None
    # "The secret: patience" is prose.
    if name.lower() == "secret" and separator == ":" and not quoted and re.fullmatch("[a-z]{1,11}", secret):
        return None
    return begin, begin + len(secret)


# --- a list of Python's or JSON's in running text: a command's words, a header ---

_OPENED, _NEXT = (
    late(r"[\[(][ ]{0,4}(?=[bru]?\\{0,3}[\"'])"),
    late(r"\\{0,3}[\"'],[ ]{0,4}(?=[bru]?\\{0,3}[\"'])"),
)
_WORD_OF_LIST = late(
    r"(\\{0,3}[\"'])(--[A-Za-z0-9][A-Za-z0-9_-]{0,62}|[A-Za-z0-9_-]{1,64})\1,[ \n]{0,4}", re.ASCII
)
# `[name, value]` is a header, or a variable, when the name looks like one: a list of two words is neither.
HEADER = late(r"(?i:authorization|cookie)|[A-Za-z0-9]+-[A-Za-z0-9-]+|[A-Z0-9]+_[A-Z0-9_]+")


def _letters(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _span_in_list(text: str, match: re.Match[str], kind: Kind) -> tuple[int, int] | None:
    """Where the secret is that follows the word of a list; None where it is none."""
    name = match[2]
    scheme = _SCHEME.match(text, match.end()) if kind is AUTHORIZATION else None
    value = _VALUE.match(text, scheme.end() if scheme else match.end())
    if value is None or value.lastindex is None or (value.lastindex == value.re.groups and not scheme):
        return None  # it is in no quotes
    begin, end = value.span(value.lastindex)
    secret = text[begin:end].rstrip("\\")
    if not secret or is_placeholder(secret):
        return None
    if name.startswith("--"):
        # `option("--api-key", "api_key")` declares one.
        is_secret = secret[0] != "-" and _letters(secret) != _letters(name)
    else:
        before = text[max(0, match.start() - 2) : match.start()].rstrip("b")
        after = text[begin + len(secret) : end + 6].lstrip("\\\"'")
        is_secret = (
            HEADER.fullmatch(name) is not None and before[-1:] in ("(", "[") and after[:1] in (")", "]")
        )
    return (begin, begin + len(secret)) if is_secret else None


def _in_lists(text: str, names: SecretNames) -> tuple[str, int]:
    pieces, end, count, place = [], 0, 0, 0
    while (match := _WORD_OF_LIST.search(text, place)) is not None:
        place = match.end()
        kind = names.kind(match[2])
        span = _span_in_list(text, match, kind) if kind else None
        if span is not None:
            pieces += [text[end : span[0]], MASK]
            end, count, place = span[1], count + 1, span[1]
    return ("".join([*pieces, text[end:]]), count) if count else (text, 0)


def names_rule(names: SecretNames) -> Rule:
    """The rule for `password=x`, `"api_key": "x"`, `Authorization: Basic x`, `--api-key x` in text.

    And for `['--api-key', 'x']` and `('Authorization', 'Basic x')`, as Python and JSON write them.
    """

    def edit(text: str) -> tuple[str, int]:
        text, before = _in_lists(text, names)
        pieces, end, count, place = [], 0, before, 0
        while (match := _NAME.search(text, place)) is not None:
            flag, name, separator = match.groups()
            place = match.end()
            kind = names.kind(flag or name)
            if flag and kind is TOKEN and flag[-6:].lower() not in ("-token", "_token"):
                kind = None  # the marker of a flag needs the separator
            opened = _OPENED.match(text, place) if kind else None
            while kind is not None:
                at = opened.end() if opened else place
                span = _secret_span(text, at, flag or name, kind, separator or "")
                if span is None:
                    break
                pieces += [text[end : span[0]], MASK]
                end, count, place = span[1], count + 1, span[1]
                opened = _NEXT.match(text, place) if opened else None
                if opened is None:
                    break
        return "".join([*pieces, text[end:]]), count

    return Rule(name="name and value", markers=names.markers, edit=edit)
