"""An OpenAI-compatible endpoint as generator: `/images/generations`, and `/images/edits` for a canvas."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from otel_replay.errors import UsageError
from otel_replay.generations.asking import ImageAnswer, ImageRequest
from otel_replay.generations.pictures import encode, opened
from otel_replay.generations.refusals import NoImage, TooSlow
from otel_replay.orjson_loading import orjson
from otel_replay.version import VERSION

__all__ = ["KEY_VARIABLE", "EndpointImages", "key_from_environment"]

KEY_VARIABLE = "OPENAI_API_KEY"
LARGEST_ANSWER_BYTES = 96 << 20
_TOLD_CHARACTERS = 500


class EndpointImages:
    """Asks an endpoint that speaks OpenAI's images protocol.

    Size and seed are sent only where the request has them: OpenAI's own models take no seed, few sizes, and
    refuse what they do not know.

    Parameters
    ----------
    url:
        The API's base, e.g. `https://api.openai.com/v1`.
    model:
        What to ask where a request names no model.
    api_key:
        Sent as a bearer token, where there is one.
    timeout_seconds:
        For one request.

    Raises
    ------
    UsageError
        If `url` is not one, or there is no model.
    """

    provider = "openai"
    seeded = False

    def __init__(self, url: str, *, model: str, api_key: str = "", timeout_seconds: float = 300.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(
                f"`{url}` is not the URL of an images endpoint",
                hint="--generator openai:https://api.openai.com/v1",
            )
        if not model:
            raise UsageError(
                "an images endpoint is asked for a model by its name", hint="say --model gpt-image-1"
            )
        self.model = model
        self._url = url.rstrip("/")
        self._headers = {"User-Agent": f"otel-replay/{VERSION}", "Accept": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._timeout_seconds = timeout_seconds
        self._opener = urllib.request.build_opener(_NoRedirect)

    async def generate(self, request: ImageRequest) -> ImageAnswer:
        """The first image of the answer."""
        return await _in_a_thread_of_its_own(self._generate, request)

    def _generate(self, request: ImageRequest) -> ImageAnswer:
        fields: dict[str, Any] = {
            **request.parameters,
            "model": request.model or self.model,
            "prompt": request.prompt,
            "n": 1,
        }
        if request.size is not None:
            fields["size"] = "{}x{}".format(*request.size)
        if request.seed is not None:
            fields["seed"] = request.seed
        if request.canvas is None:
            url, body, kind = "/images/generations", orjson.dumps(fields), "application/json"
        else:
            url = "/images/edits"
            body, kind = _multipart(fields, _files(request))
        answer = self._asked(self._url + url, body, kind)
        return self._read(answer, request)

    def _asked(self, url: str, body: bytes, content_type: str) -> dict[str, Any]:
        headers = {**self._headers, "Content-Type": content_type}
        data = self._fetched(urllib.request.Request(url, body, headers, method="POST"))
        try:
            answer = orjson.loads(data)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise NoImage(f"{self._url} answered with {len(data)} bytes that are not a JSON object")
        return answer

    def _fetched(self, request: urllib.request.Request) -> bytes:
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as response:
                data: bytes = response.read(LARGEST_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                said = _said(error.read(1 << 16))
            raise NoImage(f"{self._url} answered {error.code}" + (f": {said}" if said else "")) from None
        except TimeoutError:
            raise TooSlow(f"{self._url} did not answer in {self._timeout_seconds:g} seconds") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise TooSlow(f"{self._url} did not answer in {self._timeout_seconds:g} seconds") from None
            raise NoImage(f"{self._url} cannot be reached: {reason}") from None
        if len(data) > LARGEST_ANSWER_BYTES:
            raise NoImage(f"{self._url} answered with more than {LARGEST_ANSWER_BYTES >> 20} MiB")
        return data

    def _read(self, answer: Mapping[str, Any], request: ImageRequest) -> ImageAnswer:
        items = answer.get("data")
        item = items[0] if isinstance(items, list) and items else None
        if not isinstance(item, dict):
            raise NoImage(f"{self._url} answered without an image")
        usage = answer.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        return ImageAnswer(
            image=self._image(item),
            model=str(answer.get("model") or request.model or self.model),
            response_id=str(answer.get("id") or ""),
            revised_prompt=str(item.get("revised_prompt") or ""),
            usage={name: count for name, count in counts.items() if isinstance(count, int)},
        )

    def _image(self, item: Mapping[str, Any]) -> bytes:
        coded, url = item.get("b64_json"), item.get("url")
        if isinstance(coded, str):
            try:
                return base64.b64decode(coded, validate=True)
            except (binascii.Error, ValueError):
                raise NoImage(f"{self._url} answered with an image that is not base64") from None
        if isinstance(url, str) and urlsplit(url).scheme in {"http", "https"}:
            # The image may lie on another machine, which is not to have the key.
            return self._fetched(urllib.request.Request(url, headers={"Accept": "image/*"}))
        raise NoImage(f"{self._url} answered without an image")


async def _in_a_thread_of_its_own(
    generate: Callable[[ImageRequest], ImageAnswer], request: ImageRequest
) -> ImageAnswer:
    """Wait for a model in a thread that nothing else waits for.

    asyncio's few threads are for what is over in a moment, and a process that ends would wait for them.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[ImageAnswer] = loop.create_future()

    def settle(settled: Callable[[Any], None], value: object) -> None:
        if not answer.done():
            settled(value)

    def work() -> None:
        outcome: tuple[Callable[[Any], None], object]
        try:
            outcome = (answer.set_result, generate(request))
        except Exception as error:
            outcome = (answer.set_exception, error)
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    threading.Thread(target=work, name="otel-replay image", daemon=True).start()
    return await answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The request holds a key: it goes where it was told to, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def key_from_environment() -> str:
    """The key that OpenAI's own clients take."""
    return os.environ.get(KEY_VARIABLE, "")


def _said(body: bytes) -> str:
    """What an error's body says, in one line."""
    try:
        found = orjson.loads(body)["error"]
        text = found["message"] if isinstance(found, dict) else found
    except (orjson.JSONDecodeError, KeyError, TypeError):
        text = body.decode("utf-8", "replace")
    return " ".join(str(text).split())[:_TOLD_CHARACTERS]


def _files(request: ImageRequest) -> dict[str, bytes]:
    """The canvas, and a mask that is transparent where it is to be changed."""
    from PIL import Image

    assert request.canvas is not None
    files = {"image": request.canvas}
    if request.region is not None:
        width, height = opened(request.canvas, "the canvas").size
        left, top, right, bottom = request.region
        mask = Image.new("RGBA", (width, height), (0, 0, 0, 255))
        box = (round(left * width), round(top * height), round(right * width), round(bottom * height))
        mask.paste((0, 0, 0, 0), box)
        files["mask"] = encode(mask)
    return files


def _multipart(fields: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """A form with files (RFC 7578), and its media type."""
    boundary = secrets.token_hex(16)
    parts: list[bytes] = []
    for name, value in fields.items():
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        parts.append(_part(boundary, f'name="{_quoted(name)}"', text.encode("utf-8", "replace")))
    for name, data in files.items():
        head = f'name="{name}"; filename="{name}.png"\r\nContent-Type: image/png'
        parts.append(_part(boundary, head, data))
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _part(boundary: str, head: str, data: bytes) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"


def _quoted(name: str) -> str:
    # As browsers do it (HTML, "multipart/form-data"): a name cannot end its own line or quotes.
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
