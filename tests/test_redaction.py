"""Secrets leave a value before it is written, nothing else does, and no secret passes the screen of lines."""

import base64

import orjson
import pytest
from hypothesis import settings

from otel_replay.redaction import MASK, SKELETON_DROPS, Redactor
from otel_replay.values import to_json

REDACTOR = Redactor()
unhurried = settings(deadline=None)


def screened(value: object, redactor: Redactor = REDACTOR) -> bool:
    """Whether the line of this value is found suspicious."""
    return redactor.suspicious(orjson.dumps(to_json(value)).translate(None, SKELETON_DROPS))


# --- names ---

SECRET_NAMES = (
    "password", "PASSWORD", "db_password", "dbPassword", "passWord", "user.password", "pass-phrase",
    "passwd", "pwd", "password2", "pass1word", "secret", "client_secret", "clientSecret", "secrets",
    "SECRET_KEY_BASE", "api_key", "apiKey", "apikey", "APIKey", "APIkey", "api key", "openai.api-key",
    "X-Api-Key", "access_key", "aws_access_key_id", "private_key", "auth_token", "accessToken",
    "refresh-token", "id_token", "sessionToken", "token", "csrf_token", "X-Amz-Security-Token", "bearer",
    "Authorization", "proxy-authorization", "Cookie", "Set-Cookie", "cookies", "credential", "credentials",
    "azure_account_key",
)  # fmt: skip
ORDINARY_NAMES = (
    "gen_ai.usage.input_tokens", "max_tokens", "token_count", "tokens", "tokenizer", "eos_token",
    "next_page_token", "password_length", "secret_name", "cookie_policy", "key", "keys", "monkey",
    "primary_key", "weight", "rpm", "afr_error_pct", "passed", "pass", "compass", "authorized", "author",
    "secretary", "time_to_first_token", "tokens_per_second", "authorization_url", "", "€", "123",
)  # fmt: skip


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_text_under_a_secret_name_is_taken_out(name):
    assert REDACTOR.redact({name: "hunter2"}) == ({name: MASK}, 1)
    assert REDACTOR.redact("hunter2", name) == (MASK, 1)
    assert screened({name: "hunter2"})


@pytest.mark.parametrize("name", ORDINARY_NAMES)
def test_under_an_ordinary_name_the_same_object_comes_back(name):
    value = {name: "hunter2", "n": 1}
    redacted, count = REDACTOR.redact(value)
    assert redacted is value
    assert count == 0


def test_numbers_are_taken_out_under_a_password_and_kept_under_a_token():
    value = {"password": 1234, "secret": 0.5, "token": 7, "api_key": 3, "is_secret": True, "pwd": None}
    assert REDACTOR.redact(value) == (value | {"password": MASK, "secret": MASK}, 2)


def test_every_text_inside_of_a_secret_is_taken_out_and_counted():
    value = {"credentials": {"user": "bob", "uses": 3, "keys": ["a", b"b", ""]}, "x": "y"}
    taken_out = {"credentials": {"user": MASK, "uses": 3, "keys": [MASK, MASK.encode(), ""]}, "x": "y"}
    assert REDACTOR.redact(value) == (taken_out, 3)


def test_an_authorization_keeps_its_scheme():
    assert REDACTOR.redact({"Authorization": "Bearer abc"}) == ({"Authorization": "Bearer [redacted]"}, 1)
    assert REDACTOR.redact({"authorization": "abc"}) == ({"authorization": MASK}, 1)


def test_headers_in_pairs_environments_and_command_lines_are_recognised():
    headers = [["Host", "h"], ["Authorization", "Basic eA=="], [b"cookie", b"a=b"], ["DB_PASSWORD", "x"]]
    assert REDACTOR.redact(headers) == (
        [
            ["Host", "h"],
            ["Authorization", "Basic [redacted]"],
            [b"cookie", b"[redacted]"],
            ["DB_PASSWORD", MASK],
        ],
        3,
    )
    assert REDACTOR.redact(["tool", "--api-key", "x", "--token", "-v"]) == (
        ["tool", "--api-key", MASK, "--token", "-v"],
        1,
    )
    assert REDACTOR.redact({"name": "API_KEY", "value": "x"}) == ({"name": "API_KEY", "value": MASK}, 1)


@pytest.mark.parametrize(
    "value",
    [
        ["username", "password"],
        ["password", "secret"],
        {"properties": {"password": {"type": "string", "description": "the new password"}}},
        [{"token": "Hel", "logprob": -0.5}, {"token": "lo", "logprob": -0.1}],
        {"PWD": "/home/bob", "OLDPWD": "/"},
        {"password": "", "secret": None},
        {"name": "weight", "value": "x"},
    ],
)
def test_lists_of_words_schemas_and_model_tokens_are_left_alone(value):
    assert REDACTOR.redact(value)[0] is value


# --- text ---

A22, A36, A43 = "aB3_" * 5 + "xy", "aB3d" * 9, "Zy9-" * 10 + "abc"
PEM = "-----BEGIN RSA PRIVATE KEY-----{}-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
BASIC = base64.b64encode(b"user:pass").decode()
TEXTS = {
    "see {} here": [
        "sk-" + A36, "sk-proj-ab_cd-ef12", "sk-ant-api03-" + A22, "ghp_" + A36, "gho_" + A36, "ghu_" + A36,
        "ghs_" + A36, "ghr_" + A36, "github_pat_" + A22 + A36, "glpat-" + A22, "xoxb-123456789012-" + A36,
        "xapp-1-A0-123-abcdef", "AKIAIOSFODNN7EXAMPLE", "ASIA" + "0123456789ABCDEF",
        "AIza" + A36, "sk_live_" + A36,
        "rk_live_" + A36, "npm_" + A36, "pypi-AgEIcHlwaS5vcmc" + A43, "hf_" + A36, f"SG.{A22}.{A43}", JWT,
        "gsk_" + A36, "xai-" + A36, "tvly-" + A36, "lsv2_pt_" + A36, "whsec_" + A36,
    ],
    "https://{}@host:8080/p?a=b": ["user:pass", ":pass", "user:p@ss:word", "user:12345"],
    "GET https://h/p?a=b&api_key={}&c=d": ["abc", "12345", "a%20b"],
    "GET https://h/p?key={}": ["abc", "12345"],
    "GET https://h/p?X-Amz-Signature={}&x=y": ["00ff00"],
    "GET https://h/p?sig={}#top": ["a%2Bb"],
    "GET https://h/cb#access_token={}&state=1": ["abc"],
    "Authorization: Bearer {}": ["abc", A36],
    "curl -H 'Authorization: Basic {}' https://h": [BASIC],
    'curl -H "authorization: Token {}" https://h': [A36],
    "with Bearer {}, twice": [A36, "abcdefgh12345678"],
    "with Basic {} once": [BASIC],
    "Cookie: {}": ["a=b; c=d"],
    "password={}, user=bob": ["hunter2", "1234", "correct.horse", "$ecret1", "pa[ss"],
    "the password is here: password: {}\nnext": ["hunter2"],
    'x = {{"password": "{}", "user": "bob"}}': ["hunter2", "two words", 'it\\"s'],
    r'"{{\"api_key\": \"{}\"}}"': ["hunter2"],
    "DB_PASSWORD='{}' make": ["two words", "1"],
    "api key: {}": ["abc123"],
    "AWS_SECRET_ACCESS_KEY={}": ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
    "tool --api-key {} --verbose": ["abc"],
    "tool --token {} --verbose": [A36],
    "AccountKey={};EndpointSuffix=core": ["abc+/=="],
    PEM: ["\nMIIEpAIBAAKCAQEA\nabcd==\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nMIIE\n"],
    "failed with ['tool', '--password', '{}', '-v']": ["hunter2", "two words", "1"],
    'Command ["tool", "--token", "{}"] failed': ["hunter2"],
    r"in a text: \'--api-key\', \'{}\'": ["hunter2"],
    "{{'headers': [('Authorization', 'Bearer {}'), ('Accept', '*/*')]}}": ["abc", A36],
    "[(b'X-Api-Key', b'{}')]": ["abc"],
    "['X-Auth-Token-2', '{}']": ["abc"],
    "('DB_PASSWORD', \"{}\")": ["it's"],
    "{{'password': ['{}'], 'user': 'bob'}}": ["hunter2"],
    "cut: -----BEGIN PRIVATE KEY-----{}": ["\nMIIEpAIBAAKCAQEAabcdef"],
}  # fmt: skip


@pytest.mark.parametrize(("around", "secret"), [(a, s) for a, secrets in TEXTS.items() for s in secrets])
def test_only_the_secret_part_of_a_text_is_taken_out(around, secret):
    text = around.format(secret)
    assert REDACTOR.redact(text) == (around.format(MASK), 1)
    assert REDACTOR.redact({text: None}) == ({around.format(MASK): None}, 1)
    assert REDACTOR.redact(text.encode()) == (around.format(MASK).encode(), 1)
    assert screened([text])
    assert screened({text: 1})
    assert screened(text.encode())


INNOCENT = (
    "risk-adjusted", "task-1", "token budget 400", "https://example.com/a?b=c", "max_tokens=400 tokens=3",
    "data:image/png;base64," + base64.b64encode(bytes(range(256))).decode(), "AFR_CORRECTION", "key: value",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "550e8400-e29b-41d4-a716-446655440000", "9fceb02d0ae598e95dc970b74767f19372d61af8", "monkey=1&donkey=2",
    "ssh://git@github.com/a/b", "mailto:bob@host", "http://localhost:8080/a@b", "http://[::1]:8080/x",
    "lean at 3000 rpm: +4.2 %", "12:30:45", "a@b.example", "def f(x: int) -> str: return x",
    "see https://h:443/p, then https://i/q", "highs_and_lows",
)  # fmt: skip
NEARLY = (
    "password: str = Field(...)", "api_key=os.environ['KEY']", "connect(password=password)",
    "password=args.password", "self.password = password", "basic understanding of things",
    "the bearer of bad news", "basic authentication", "-----BEGIN PRIVATE KEY----- in the text",
    'if "-----BEGIN PRIVATE KEY-----" in text:', "eos_token: </s>", "The secret: patience",
    "secretary: John", "sk-learn-based-regression-model-for-all-of-us", "token: the word",
    "password: required", "Authorization: required for admins", "cookie: chocolate chip",
    "password=<yours>", "password=${DB_PASSWORD}", "api_key=$OPENAI_API_KEY", "password: {password}",
    "Enter password: ", "password=***", "postgres://{user}:{password}@host/db", '"password": None',
    "wrong password for user bob", "PWD=/home/bob", "https://h/?token={token}",
    "['--password-file', 'x']", "['--max-tokens', '100']", "('password', 'email')", "['password', 'token']",
    "option('--api-key', 'api_key')", "add_argument('--password', '-p')", "['--password', '<yours>']",
    "['--token', token]", "sort(['secret', 'reason'])", "{'password': []}", "('Content-Type', 'text/html')",
    "Authorization: Bearer <token>", "password = getpass.getpass()", "token=tokenizer",
)  # fmt: skip


def test_every_text_of_a_list_under_a_secret_name_is_taken_out_of_text():
    text = "{'password': ['a', 'b\\'', \"c\"], 'names': ['d']}"
    assert REDACTOR.redact(text) == (f"{{'password': ['{MASK}', '{MASK}', \"{MASK}\"], 'names': ['d']}}", 3)


@pytest.mark.parametrize("text", INNOCENT + NEARLY)
def test_ordinary_text_is_not_touched(text):
    assert REDACTOR.redact(text)[0] is text
    value = {"reason": text, "values": [1, text]}
    assert REDACTOR.redact(value)[0] is value


@pytest.mark.parametrize("text", INNOCENT)
def test_ordinary_text_is_not_even_suspicious(text):
    assert not screened({"reason": text})


def test_an_ordinary_decision_is_not_suspicious():
    decision = {
        "k": "decision", "action": "AFR_CORRECTION",
        "reason": "lean by 4.2 % at 3000 rpm, weight 0.8 (risk-adjusted)",
        "values": {"afr_error_pct": 4.2, "weight": 0.8, "tokens": 5, "max_tokens": 400},
        "cell": {"rpm": 1, "kpa": 2},
    }  # fmt: skip
    assert not screened(decision)


def test_secrets_in_keys_are_taken_out_without_losing_a_value():
    first, second = "sk-" + "a" * 20, "sk-" + "b" * 20
    assert REDACTOR.redact({first: 1, second: 2, MASK: 3}) == ({MASK + "#": 1, MASK + "##": 2, MASK: 3}, 2)


# --- what the user says ---


def test_a_user_adds_names_and_patterns():
    redactor = Redactor(
        extra_keys=["vin", "plate number", "пароль"], extra_patterns=[r"badge (\d+)", "xyzzy"]
    )
    value = {"vin": 5, "plateNumber": "x", "ПАРОЛЬ": "x", "note": "badge 17 says xyzzy"}
    assert redactor.redact(value) == (
        {"vin": MASK, "plateNumber": MASK, "ПАРОЛЬ": MASK, "note": "badge [redacted] says [redacted]"},
        5,
    )


def test_a_plain_extra_name_is_screened_for_and_anything_else_makes_every_line_suspicious():
    plain = Redactor(extra_keys=["plate number"])
    assert screened({"plate-number2": "x"}, plain)
    assert not screened({"number": "x"}, plain)
    assert screened({"number": "x"}, Redactor(extra_patterns=["x"]))
    assert screened({"number": "x"}, Redactor(extra_keys=["пароль"]))


def test_nonsense_from_the_user_is_refused_when_it_is_given():
    with pytest.raises(ValueError, match="empty"):
        Redactor(extra_keys=[" "])


def test_switched_off_it_does_nothing():
    off = Redactor(enabled=False, extra_patterns=["x"])
    value = {"password": "x"}
    assert off.redact(value)[0] is value
    assert not off.suspicious(b"password")
    assert off.redact_blob(b"password=hunter2", "text/plain") == (b"password=hunter2", 0)


def test_only_blobs_of_text_are_looked_into():
    assert REDACTOR.redact_blob(b"password=hunter2", "text/plain; charset=utf-8") == (
        b"password=[redacted]",
        1,
    )
    assert REDACTOR.redact_blob(b"password=hunter2", "application/octet-stream") == (
        b"password=[redacted]",
        1,
    )
    image = b"\x89PNG\0password=hunter2"
    assert REDACTOR.redact_blob(image, "application/octet-stream") == (image, 0)
