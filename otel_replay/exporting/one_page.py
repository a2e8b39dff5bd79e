"""What every page of ours is made with: its own policy, its files, and JSON that cannot leave its element."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib import resources
from typing import Any

from otel_replay.orjson_loading import orjson
from otel_replay.wording import visible

__all__ = ["base_script", "base_style", "page_file", "page_policy", "page_text", "safe_json"]


@cache
def page_file(package: str, name: str) -> str:
    """A text file that stands beside the modules of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def base_style() -> str:
    """Colours by day and by night, panels and forms: what all pages look alike in."""
    return page_file("otel_replay.exporting", "base.css")


def base_script() -> str:
    """How all pages make elements, and text that hides nothing."""
    return page_file("otel_replay.exporting", "base.js")


def page_text(text: str) -> str:
    """Recorded text within markup: as text, and with what hides or turns text to be seen."""
    return escape(visible(text))


def page_policy(script: str, style: str) -> str:
    """The page's content security policy: this script and this style run, and nothing is loaded."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256-{digest}"


def safe_json(value: Any) -> bytes:
    """JSON that cannot end the element that it stands in: `<` occurs in texts only, where it has a code."""
    try:
        data = orjson.dumps(value)
    except TypeError:
        data = json.dumps(value).encode()  # text with a lone surrogate, an integer of more than 64 bits
    return data.replace(b"<", b"\\u003c")
