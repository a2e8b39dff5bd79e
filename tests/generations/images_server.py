"""A server that speaks the images protocol of OpenAI on loopback, and remembers what it was asked."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from otel_replay.generations.asking import ImageRequest
from otel_replay.generations.drawn import drawn

Reply = tuple[int, dict[str, str], bytes]
JSON = {"Content-Type": "application/json"}


class ImagesServer:
    """The protocol's two routes. `reply` may answer in their place; `as_url`: images by their address."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.reply: Callable[[str, dict[str, Any]], Reply | None] = lambda *_: None
        self.as_url = False
        self.image: bytes | None = None
        self.go_on = threading.Event()
        self.go_on.set()

    def answer(self, path: str, headers: dict[str, str], fields: dict[str, Any]) -> Reply:
        """What a request is answered with."""
        self.asked.append((path, headers, fields))
        self.go_on.wait(30)
        given = self.reply(path, fields)
        if given is not None:
            return given
        if path.endswith("/picture"):
            return 200, {"Content-Type": "image/png"}, self._image(fields)
        if path not in ("/v1/images/generations", "/v1/images/edits"):
            return 404, JSON, b'{"error": {"message": "no such route"}}'
        item: dict[str, Any] = {"revised_prompt": f"{fields['prompt']}, revised"}
        if self.as_url:
            item["url"] = f"{self.url}/picture"
        else:
            item["b64_json"] = base64.b64encode(self._image(fields)).decode()
        usage = {"input_tokens": 5, "output_tokens": 100, "details": {"text": 5}}
        return 200, JSON, json.dumps({"created": 1, "data": [item], "usage": usage}).encode()

    def _image(self, fields: dict[str, Any]) -> bytes:
        return self.image or drawn(ImageRequest(prompt=str(fields.get("prompt")), seed=1, size=(16, 16)))


@contextmanager
def images_server() -> Iterator[ImagesServer]:
    """The server, from `with` to its end."""
    images = ImagesServer()

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.headers["Content-Type"]
            self._answer(json.loads(body) if kind == "application/json" else form(kind, body))

        def _answer(self, fields: dict[str, Any]) -> None:
            headers = {name.lower(): text for name, text in self.headers.items()}
            status, said, body = images.answer(self.path, headers, fields)
            self.send_response(status)
            for name, text in said.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    images.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield images
    finally:
        images.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def form(kind: str, body: bytes) -> dict[str, Any]:
    """The parts of a form with files, as Python's own parser of MIME reads them."""
    whole = email.message_from_bytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    fields: dict[str, Any] = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        fields[str(name)] = content if part.get_filename() else content.decode()
    return fields
