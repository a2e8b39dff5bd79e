"""Which names mark a value as secret: a table of words, and from it the marker of lines with such a name."""

from __future__ import annotations

import re

from otel_replay.late import late
from otel_replay.light import light

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AUTHORIZATION", "COOKIE", "MASK", "SKELETON_DROPS", "TOKEN",
    "Kind", "Marker", "SecretNames", "skeleton_of",
]  # fmt: skip

MASK = "[redacted]"
SKELETON_DROPS = b"0123456789."


def skeleton_of(data: bytes) -> bytes:
    """The bytes without digits and dots, which is what markers are looked for in."""
    return data.translate(None, SKELETON_DROPS)


@light(frozen=True, kw_only=True)
class Marker:
    """What a secret leaves in the skeleton of a line: `hint` in lower case, and what `pattern` matches.

    The pattern is tried on the skeleton in lower case, or as it is where `folded` is false.
    """

    hint: str
    pattern: re.Pattern[bytes] | None = None
    folded: bool = True

    def __post_init__(self) -> None:
        # A quote, a backslash or a line break is written differently in JSON.
        hint = self.hint.encode()
        is_plain = self.hint.isascii() and self.hint.isprintable() and hint.translate(None, b'"\\') == hint
        if not hint or hint != skeleton_of(hint).lower() or not is_plain:
            raise ValueError(f"a skeleton cannot hold the hint {self.hint!r}")

    def confirms(self, skeleton: bytes, folded: bytes) -> bool:
        """Whether the pattern agrees, once the hint is found; `folded` is the skeleton in lower case."""
        return self.pattern is None or self.pattern.search(folded if self.folded else skeleton) is not None


@light(frozen=True, kw_only=True)
class Kind:
    """How much is taken out under a name of this kind, and how sure we must be in running text."""

    name: str
    numbers: bool = False  # numbers under the name are taken out as well as text
    strict_in_text: bool = False  # in `name: value` the value must look random


PASSWORD = Kind(name="password", numbers=True)
API_KEY = Kind(name="api key")
OPAQUE = Kind(name="opaque", strict_in_text=True)
COOKIE = Kind(name="cookie", strict_in_text=True)
AUTHORIZATION = Kind(name="authorization", strict_in_text=True)
TOKEN = Kind(name="token", strict_in_text=True)

# A space stands for any separators or none: "api key" is apikey, api_key, api-key, apiKey, API.KEY.
WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (PASSWORD, ("pass word", "passwd", "pwd", "pass phrase", "secret", "private key")),
    (AUTHORIZATION, ("authorization",)),
    (COOKIE, ("cookie",)),
    (API_KEY, ("api key", "access key", "account key", "signing key", "encryption key", "subscription key")),
    (API_KEY, ("auth token", "access token", "refresh token", "security token")),
    (OPAQUE, ("bearer", "credential")),
)
# As the last word these say something about a secret and are none: password_length, secret_name.
DESCRIBING = frozenset(
    """age attempts count counts detected enabled endpoint expiration expires expiry field fields file found
    len length limit max min name names path policy present provider required result rotation rule rules
    scanned state status strength total ttl type types uri url""".split()  # noqa: SIM905 - prose to read
)
# Before a last `token` these make it a word of language models or of paging: eos_token, next_page_token.
HARMLESS_TOKENS = frozenset(
    """begin bos class cls completion continuation current each end eos first generated input last mask new
    next output pad page per previous prompt sampled sep special start stop unk unknown""".split()  # noqa: SIM905 - as above
)

_SEPARATORS = r"[-_. :/0-9]*"  # none of these is escaped in JSON, so the words stay neighbours in a line
_SKELETON_SEPARATORS = rb"[-_ :/]*"
_CAMEL = late(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LAST_TOKEN = late(rf"(?:^|[^a-z])token{_SEPARATORS}$")
_PLAIN_NAME = late(r"[-_. :/0-9A-Za-z]*[A-Za-z][-_. :/0-9A-Za-z]*")
# A last `token` is followed by the end of a string, in text by `=` or `:`, or it is a flag: `--api-token x`,
# which may stand in quotes.
_TOKEN_MARKER = Marker(hint="token", pattern=late(rb"token[-_ :/\\\"'`]*[:=\"]|[-_]token[-_ :/]*[ \\']"))
_REMEMBERED = 4096


def _lower(text: str) -> str:
    # Only ASCII: str.lower would turn the Kelvin sign into a k that the line does not hold.
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z]+", _lower(_CAMEL.sub("_", name))) if word]


class SecretNames:
    """The table of secret words, with what a user adds; says for a name which kind it is."""

    def __init__(self, extra_keys: Iterable[str] = ()) -> None:
        extra = tuple(extra_keys)
        for key in extra:
            if not key.strip():
                raise ValueError("an extra key to redact is empty")
        plain = [" ".join(_words(key)) for key in extra if _PLAIN_NAME.fullmatch(key)]
        self.odd = frozenset(key.casefold() for key in extra if not _PLAIN_NAME.fullmatch(key))
        words = (*WORDS, (PASSWORD, tuple(plain)))
        self._patterns = [
            (kind, late(f"(?:^|[^a-z])(?:{'|'.join(map(_name_pattern, some))})s?(?![a-z])"))
            for kind, some in words
            if some
        ]
        every = sorted({word for _, some in words for word in some})
        self.markers = (*map(_marker, every), _TOKEN_MARKER)
        self._known: dict[str, Kind | None] = {}

    def kind(self, name: str) -> Kind | None:
        """The kind of secret that stands under this name; None for an ordinary name."""
        try:
            return self._known[name]
        except KeyError:
            kind = self._find(name)
        if len(name) <= 128:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[name] = kind
        return kind

    def _find(self, name: str) -> Kind | None:
        if MASK in name:  # a text that was redacted, and no name: what stands under it was looked at then
            return None
        if self.odd and name.casefold() in self.odd:
            return PASSWORD
        spellings = {_lower(_CAMEL.sub("_", name)), _lower(name)}
        words = _words(name)
        for kind, pattern in self._patterns:
            if any(map(pattern.search, spellings)):
                return None if words[-1] in DESCRIBING else kind
        if any(map(_LAST_TOKEN.search, spellings)) and not HARMLESS_TOKENS.intersection(words[-2:-1]):
            return TOKEN
        return None


def _name_pattern(words: str) -> str:
    return _SEPARATORS.join(words.split())


def _marker(words: str) -> Marker:
    parts = words.split()
    hint = min(parts, key=lambda part: (part in ("key", "word"), -len(part)))  # the rarest of them
    pattern = _SKELETON_SEPARATORS.join(part.encode() for part in parts)
    return Marker(hint=hint, pattern=late(pattern) if len(parts) > 1 else None)
