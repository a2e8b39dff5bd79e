"""Endpoints as people write them and as the standard variables say: one value, whose secrets never show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_receiver import CERTIFICATE, SERVERS, Fail, Received
from sender_world import WrittenRun, a_target, span_id

from otel_replay.errors import SendError, UsageError
from otel_replay.sender.courier import Patience
from otel_replay.sender.send import connect, send
from otel_replay.sender.target import Target, parse_target


def parsed(endpoint: str | None, environ: dict[str, str] | None = None, **fields: Any) -> Target:
    return parse_target(endpoint, environ=environ or {}, **fields)


@pytest.mark.parametrize(
    ("endpoint", "protocol", "address", "tls"),
    [
        ("http://localhost:4318", "http", "http://localhost:4318", False),
        ("http://localhost:4318/", "http", "http://localhost:4318", False),
        ("http://localhost:4318/v1/traces", "http", "http://localhost:4318", False),
        ("https://api.example.com/otlp/", "http", "https://api.example.com/otlp", True),
        ("https://api.example.com/otlp/v1/logs", "http", "https://api.example.com/otlp", True),
        ("https://api.example.com/otlp?k=v", "http", "https://api.example.com/otlp?k=v", True),
        ("http://localhost:4317", "grpc", "localhost:4317", False),
        ("https://collector.example.com:4317", "grpc", "collector.example.com:4317", True),
        ("grpc://collector.example.com", "grpc", "collector.example.com:4317", False),
        ("grpcs://collector.example.com:443", "grpc", "collector.example.com:443", True),
        ("localhost:4317", "grpc", "localhost:4317", False),
        ("localhost:4318", "http", "http://localhost:4318", False),
        ("localhost", "grpc", "localhost:4317", False),
        ("127.0.0.1:9999", "grpc", "127.0.0.1:9999", False),
        ("[::1]:4317", "grpc", "[::1]:4317", False),
        ("collector.example.com:4317", "grpc", "collector.example.com:4317", True),
        ("HTTP://LOCALHOST:4318", "http", "http://localhost:4318", False),
    ],
)
def test_an_endpoint_says_protocol_address_and_tls(
    endpoint: str, protocol: str, address: str, tls: bool
) -> None:
    """By its scheme, its port and its path."""
    target = parsed(endpoint)
    assert (target.protocol, target.address, target.tls) == (protocol, address, tls)


def test_each_signal_has_its_path() -> None:
    """Added to the base, before a query."""
    target = parsed("https://api.example.com/otlp/?k=v")
    assert target.url("traces") == "https://api.example.com/otlp/v1/traces?k=v"
    assert target.url("logs") == "https://api.example.com/otlp/v1/logs?k=v"
    assert parsed("http://localhost:4318").url("traces") == "http://localhost:4318/v1/traces"


@pytest.mark.parametrize(
    ("environ", "fields", "protocol"),
    [
        ({}, {}, "http"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {}, "grpc"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"protocol": "http"}, "http"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, {}, "http"),
    ],
)
def test_what_is_given_stands_over_the_environment(
    environ: dict[str, str], fields: Any, protocol: str
) -> None:
    """And the environment over the default."""
    assert parsed("http://collector:8080", environ, **fields).protocol == protocol


def test_the_standard_variables_are_enough() -> None:
    """Endpoint, headers, time, compression and certificates."""
    target = parsed(
        None,
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.com:4317",
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20abc, x-tenant = seven ,",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
        },
    )
    assert target.headers == (("authorization", "Bearer abc"), ("x-tenant", "seven"))
    assert (target.timeout_seconds, target.gzip, target.ca_file) == (3.0, False, "/ca.pem")


def test_secrets_for_one_host_are_not_sent_to_another() -> None:
    """The variable's headers belong to the variable's endpoint."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://vendor.example.com",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cret",
    }
    assert parsed("http://localhost:4318", environ).headers == ()
    assert parsed("https://vendor.example.com/other", environ).headers == (("api-key", "s3cret"),)
    del environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert parsed("http://localhost:4318", environ).headers == (("api-key", "s3cret"),)


def test_headers_that_are_given_stand_over_the_variable() -> None:
    """Whatever the case of their names."""
    environ = {"OTEL_EXPORTER_OTLP_HEADERS": "X-Tenant=one,x-other=two"}
    target = parsed("http://localhost:4318", environ, headers=["x-tenant=100%25=yes"])
    assert dict(target.headers) == {"x-tenant": "100%25=yes", "x-other": "two"}


def test_credentials_of_a_url_become_a_header_and_are_never_shown() -> None:
    """Neither in the name, nor in the key, nor in the representation."""
    target = parsed("https://me:s3%3Acret@api.example.com/otlp")
    assert target.headers == (("authorization", "Basic bWU6czM6Y3JldA=="),)
    for text in (target.name, target.address, repr(target)):
        assert "cret" not in text
    assert target.key == parsed("https://api.example.com/otlp").key
    assert parsed("https://api.example.com/otlp?token=s3cret").name == "https://api.example.com/otlp"


def test_keys_differ_where_targets_do() -> None:
    """Host, port, path and protocol."""
    endpoints = ["http://a:1", "http://a:2", "http://b:1", "http://a:1/x", "https://a:1", "grpc://a:1"]
    assert len({parsed(endpoint).key for endpoint in endpoints}) == len(endpoints)


def test_only_this_machine_is_spoken_to_in_clear_without_a_scheme() -> None:
    """Unless the standard variable says so."""
    assert parsed("10.0.0.1:4317").tls
    assert not parsed("10.0.0.1:4317", {"OTEL_EXPORTER_OTLP_INSECURE": "true"}).tls
    assert parsed("localhost.example.com:4317").tls


def test_bytes_that_cross_no_network_are_not_compressed() -> None:
    """By default."""
    assert not parsed("http://localhost:4318").gzip
    assert parsed("http://collector:4318").gzip
    assert parsed("http://localhost:4318", compression="gzip").gzip


@pytest.mark.parametrize(
    ("endpoint", "fields", "message"),
    [
        (None, {}, "no endpoint to send to"),
        ("", {}, "no endpoint to send to"),
        ("ftp://host/x", {}, "`ftp://host/x` is not an endpoint"),
        ("http://", {}, "`http://` is not an endpoint"),
        ("http://host:99999", {}, "has no port"),
        ("http://host:port", {}, "has no port"),
        ("http://ho st", {}, "is not an endpoint"),
        ("http://host\x1b[31m", {}, "is not an endpoint"),
        ("http://[::1", {}, "is not an endpoint"),
        ("ftp://me:s3cret@host", {}, "`ftp://host` is not an endpoint"),
        ("http://host", {"protocol": "http/json"}, "the protocol is 'http/json'"),
        ("http://host", {"headers": ["s3cret"]}, "a header is not `name=value`"),
        ("http://host", {"headers": ["na me=s3cret"]}, "a header is not `name=value`"),
        ("http://host", {"headers": ["name=s3cret\r\nother: x"]}, "the value of header name has characters"),
        ("http://host", {"timeout_seconds": 0}, "the timeout is not a number of seconds above 0"),
        ("http://host", {"timeout_seconds": float("nan")}, "the timeout is not a number of seconds above 0"),
        ("http://host", {"compression": "br"}, "the compression is 'br'"),
        (
            "http://host",
            {"environ": {"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}},
            "OTEL_EXPORTER_OTLP_TIMEOUT is 'soon'",
        ),
        (
            "http://host",
            {"environ": {"OTEL_EXPORTER_OTLP_PROTOCOL": "x"}},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'x'",
        ),
        (
            "http://host",
            {"environ": {"OTEL_EXPORTER_OTLP_HEADERS": "s3cret"}},
            "OTEL_EXPORTER_OTLP_HEADERS is not",
        ),
    ],
)
def test_what_is_no_target_is_told_without_its_secrets(
    endpoint: str | None, fields: Any, message: str
) -> None:
    """What is wrong, in one sentence."""
    with pytest.raises(UsageError) as caught:
        parsed(endpoint, **fields)
    assert message in caught.value.message
    assert "s3cret" not in caught.value.message + str(caught.value.hint)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_tls_is_spoken_and_the_certificate_checked(run: WrittenRun, protocol: str) -> None:
    """With the standard variable for a private authority; without it, nothing is sent."""
    run.spans(1, 2)
    received = Received()
    with SERVERS[protocol](received, tls=True) as port:
        endpoint = f"https://localhost:{port}"
        distrusting = parsed(endpoint, protocol=protocol)
        with pytest.raises(SendError):
            send(run.files, distrusting, patience=Patience(attempts=1))
        assert received.requests == []
        trusting = parsed(endpoint, {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(CERTIFICATE)}, protocol=protocol)
        assert send(run.files, trusting).spans == 2
    assert received.ids == [span_id(1), span_id(2)]


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_certificates_that_are_not_there_are_named(tmp_path: Path, protocol: str) -> None:
    """Before anything is sent."""
    environ = {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "none.pem")}
    with pytest.raises(UsageError, match="the certificates cannot be used"):
        connect(parsed("https://localhost:1", environ, protocol=protocol))


def test_an_untrusted_certificate_is_said_to_be_one(run: WrittenRun) -> None:
    """And trying again is of no use."""
    run.spans(1, 1)
    with SERVERS["http"](Received(), tls=True) as port:
        target = parsed(f"https://localhost:{port}", protocol="http")
        with pytest.raises(SendError, match="certificate is not trusted"):
            send(run.files, target)


def test_redirects_are_not_followed(run: WrittenRun) -> None:
    """A run, perhaps with a token, goes where it was told to."""
    run.spans(1, 1)
    received = Received(decide=lambda *_: Fail((307, None), ""))  # type: ignore[arg-type]  # HTTP only
    with SERVERS["http"](received) as port, pytest.raises(SendError, match="HTTP 307"):
        send(run.files, a_target("http", port))
    assert len(received.requests) == 1


def test_the_proxy_is_not_asked_for_this_machine(run: WrittenRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says."""
    for name in ("http_proxy", "HTTP_PROXY", "grpc_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    run.spans(1, 1)
    for protocol, server in SERVERS.items():
        received = Received()
        with server(received) as port:
            send(run.files, a_target(protocol, port))
        assert received.ids == [span_id(1)]
