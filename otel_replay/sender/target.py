"""Where a run is sent: what a person typed and the standard `OTEL_EXPORTER_OTLP_*` variables, as one value.

The rules for endpoints are those of OpenTelemetry's specification/protocol/exporter.md: `https` means TLS,
and an HTTP endpoint is a base to which `/v1/traces` and `/v1/logs` are added. Credentials never become part
of what is shown, nor of the target's name.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from otel_replay.errors import UsageError

__all__ = ["Protocol", "Signal", "Target", "parse_target"]

Protocol = Literal["grpc", "http"]
Signal = Literal["traces", "logs"]

PATHS: dict[Signal, str] = {"traces": "/v1/traces", "logs": "/v1/logs"}

_SCHEMES: dict[str, bool] = {"http": False, "https": True, "grpc": False, "grpcs": True}
"""Schemes that are understood, and whether they mean TLS."""

_PROTOCOLS: dict[str, Protocol] = {"grpc": "grpc", "http": "http", "http/protobuf": "http"}
_PORT_PROTOCOLS: dict[int, Protocol] = {4317: "grpc", 4318: "http"}
_DEFAULT_PORTS = {"grpc": 4317, "http": 4318}

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An OTLP endpoint and how to speak to it.

    `address` is `host:port` for gRPC and the base URL for HTTP; `name` is what may be shown and written down.
    """

    protocol: Protocol
    address: str
    tls: bool
    name: str
    is_local: bool
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout_seconds: float = 30.0
    gzip: bool = True
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None

    @property
    def key(self) -> str:
        """A short name for files: the same for the same endpoint, whatever the headers are."""
        return hashlib.sha256(f"{self.protocol} {self.address}".encode()).hexdigest()[:16]

    def url(self, signal: Signal) -> str:
        """Where an HTTP target takes `signal`."""
        parts = urlsplit(self.address)
        return urlunsplit(parts._replace(path=parts.path.rstrip("/") + PATHS[signal]))


_NO_ENDPOINT = "name one, such as `--to http://localhost:4318`, or set OTEL_EXPORTER_OTLP_ENDPOINT"


def parse_target(
    endpoint: str | None,
    *,
    protocol: str | None = None,
    headers: Iterable[str] = (),
    timeout_seconds: float | None = None,
    compression: str | None = None,
    environ: Mapping[str, str],
) -> Target:
    """The target that `endpoint` names; what is not given comes from the environment.

    Parameters
    ----------
    endpoint:
        A URL (`http`, `https`, `grpc`, `grpcs`) or `host:port`; where it is None, what
        `OTEL_EXPORTER_OTLP_ENDPOINT` says. Without a scheme, this machine is spoken to in clear and every
        other with TLS.
    protocol:
        `grpc` or `http` (`http/protobuf`). Else the scheme says it, the port (4317, 4318), the variable
        `OTEL_EXPORTER_OTLP_PROTOCOL`; else it is HTTP for a URL and gRPC for `host:port`.
    headers:
        `name=value` each, over those of `OTEL_EXPORTER_OTLP_HEADERS`. The variable's are left out when
        `OTEL_EXPORTER_OTLP_ENDPOINT` names another host: they may be that host's secrets.
    timeout_seconds:
        For one request; `OTEL_EXPORTER_OTLP_TIMEOUT` (seconds, as OpenTelemetry for Python has it), else 30.
    compression:
        `gzip` or `none`; else `OTEL_EXPORTER_OTLP_COMPRESSION`, else gzip unless the target is this machine.
    environ:
        The environment.

    Raises
    ------
    UsageError
        If any of these cannot be understood. Values of headers are never part of the message.
    """
    text = endpoint or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not text:
        raise UsageError("no endpoint to send to", hint=_NO_ENDPOINT)
    parts, has_scheme = _split(text)
    spoken = _protocol(parts, has_scheme, protocol, environ)
    is_local = bool(_LOOPBACK.fullmatch(parts.hostname or ""))
    in_clear = is_local or _is_true(environ, "OTEL_EXPORTER_OTLP_INSECURE")
    tls = _SCHEMES[parts.scheme] if has_scheme else not in_clear
    port = _port(parts, text)
    port = port if has_scheme and spoken == "http" else port or _DEFAULT_PORTS[spoken]
    address, name = _place(parts, spoken, port, tls)
    return Target(
        protocol=spoken,
        address=address,
        tls=tls,
        name=name,
        is_local=is_local,
        headers=_headers(parts, headers, environ),
        timeout_seconds=_timeout(timeout_seconds, environ),
        gzip=_gzip(compression, environ, is_local),
        ca_file=environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE") or None,
        certificate_file=environ.get("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE") or None,
        key_file=environ.get("OTEL_EXPORTER_OTLP_CLIENT_KEY") or None,
    )


def _place(parts: SplitResult, spoken: Protocol, port: int | None, tls: bool) -> tuple[str, str]:
    """The address as its client wants it, and as a person reads it."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    place = f"{host}:{port}" if port else host
    scheme = "https" if tls else "http"
    if spoken == "grpc":
        return place, f"{scheme}://{place} (gRPC)"
    address = urlunsplit((scheme, place, _base_path(parts.path), parts.query, ""))
    return address, address.partition("?")[0]


def _split(text: str) -> tuple[SplitResult, bool]:
    if not text.isprintable() or " " in text:
        raise UsageError(f"{text!r:.80} is not an endpoint")
    has_scheme = "://" in text
    try:
        parts = urlsplit(text if has_scheme else f"http://{text}")
    except ValueError as error:
        raise UsageError(f"{_shown(text)} is not an endpoint: {error}") from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise UsageError(
            f"{_shown(text)} is not an endpoint",
            hint="write it as http://host:4318, https://host/path or host:4317",
        )
    return parts, has_scheme


def _shown(text: str) -> str:
    """An endpoint without what may stand before its `@`."""
    return f"`{re.sub(r'[^/@]*@', '', text)}`"


def _port(parts: SplitResult, text: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise UsageError(f"{_shown(text)} has no port from 0 to 65535") from None


def _protocol(
    parts: SplitResult, has_scheme: bool, given: str | None, environ: Mapping[str, str]
) -> Protocol:
    if given is not None:
        return _known_protocol(given, "the protocol")
    if parts.scheme in {"grpc", "grpcs"}:
        return "grpc"
    port = _port(parts, parts.netloc)
    if port in _PORT_PROTOCOLS:
        return _PORT_PROTOCOLS[port]
    variable = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")
    if variable:
        return _known_protocol(variable, "OTEL_EXPORTER_OTLP_PROTOCOL")
    return "http" if has_scheme else "grpc"


def _known_protocol(text: str, what: str) -> Protocol:
    protocol = _PROTOCOLS.get(text)
    if protocol is None:
        raise UsageError(f"{what} is {text!r:.40}, and not grpc or http/protobuf")
    return protocol


def _base_path(path: str) -> str:
    path = path.rstrip("/")
    for ending in PATHS.values():
        path = path.removesuffix(ending)
    return path


def _is_true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() == "true"


def _headers(
    parts: SplitResult, given: Iterable[str], environ: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    headers: dict[str, str] = {}
    usual = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not usual or _split(usual)[0].hostname == parts.hostname:
        variable = environ.get("OTEL_EXPORTER_OTLP_HEADERS", "")
        pairs = [pair for pair in variable.split(",") if pair.strip()]
        headers.update(_header(pair, "OTEL_EXPORTER_OTLP_HEADERS", quoted=True) for pair in pairs)
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    headers.update(_header(pair, "a header", quoted=False) for pair in given)
    return tuple(headers.items())


def _header(pair: str, where: str, *, quoted: bool) -> tuple[str, str]:
    name, separator, value = pair.partition("=")
    name = name.strip().lower()
    value = unquote(value.strip()) if quoted else value.strip()
    if not separator or not _HEADER_NAME.fullmatch(name):
        raise UsageError(f"{where} is not `name=value`")
    if not _HEADER_VALUE.fullmatch(value):
        raise UsageError(f"the value of header {name} has characters that no header may have")
    return name, value


def _timeout(given: float | None, environ: Mapping[str, str]) -> float:
    text = environ.get("OTEL_EXPORTER_OTLP_TIMEOUT", "")
    try:
        seconds = given if given is not None else float(text or 30.0)
    except ValueError:
        raise UsageError(f"OTEL_EXPORTER_OTLP_TIMEOUT is {text!r:.40}, and not a number of seconds") from None
    if not 0 < seconds < float("inf"):
        raise UsageError("the timeout is not a number of seconds above 0")
    return seconds


def _gzip(given: str | None, environ: Mapping[str, str], is_local: bool) -> bool:
    text = given if given is not None else environ.get("OTEL_EXPORTER_OTLP_COMPRESSION", "")
    if text not in {"", "gzip", "none"}:
        raise UsageError(f"the compression is {text!r:.40}, and not gzip or none")
    return text == "gzip" or (text == "" and not is_local)
