"""What the body of `/generate` asks for: sectors of a grid, a canvas in base64, prompts by sector.

Both spellings are taken: that of the document (`target_sector`, `focus_sector`, `prompt`), and that of the
original's own frontend (`image_base64`, `target_row`, `target_col`, `grid_size`, `focus_x`, `focus_y`).
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_replay.errors import FormatError
from otel_replay.generations.asking import ImageRequest, Region
from otel_replay.generations.pictures import as_png
from otel_replay.generations.refusals import Unusable
from otel_replay.orjson_loading import orjson
from otel_replay.storage.refusals import shown, told_as_store_error

__all__ = ["Asked", "SectorPrompts", "read_asked"]

LONGEST_PROMPT = 32_000
LARGEST_SIDE = 4_096
_ROWS, _COLUMNS = "TMB", "LCR"
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_OUTSIDE = frozenset({"prompt", "seed", "model", "size", "image"})
_KNOWN = frozenset(
    {
        *("prompt", "target_sector", "focus_sector", "seed", "model", "size", "image", "parameters"),
        *("image_base64", "target_row", "target_col", "grid_size", "focus_x", "focus_y"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for an image, and the sectors that it is about."""

    request: ImageRequest
    target_sector: str
    focus_sector: str


@dataclass(slots=True)
class SectorPrompts:
    """Prompts by sector, each list over and over: the original's `sector_prompts.json`."""

    sectors: Mapping[str, list[str]] = field(default_factory=dict)
    default: list[str] = field(default_factory=list)
    _used: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def load(cls, path: Path) -> SectorPrompts:
        """Prompts from a file: `{"sectors": {"TL": "…" or ["…", …]}, "default": "…" or […]}`.

        Raises
        ------
        StoreError, FormatError
            If it cannot be read, or is none.
        """
        with told_as_store_error("read", path):
            data = path.read_bytes()
        try:
            document = orjson.loads(data)
            sectors = {str(key): _prompts(value) for key, value in document.get("sectors", {}).items()}
            return cls(sectors, _prompts(document.get("default", [])))
        except (orjson.JSONDecodeError, AttributeError, TypeError) as error:
            raise FormatError(
                f"{shown(path)} is not a file of prompts by sector: {error}",
                hint='it looks like {"sectors": {"TL": ["a prompt", "another"]}, "default": "a prompt"}',
            ) from None

    def next(self, sector: str) -> str:
        """The next prompt for a sector; empty where there is none."""
        key = sector if self.sectors.get(sector) else ""
        choice = self.sectors.get(key) or self.default
        if not choice:
            return ""
        with self._lock:
            number = self._used.get(key, 0)
            self._used[key] = number + 1
        return choice[number % len(choice)]


def _prompts(value: object) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise TypeError("prompts are a text or a list of texts")
    return found


def read_asked(body: bytes, prompts: SectorPrompts) -> Asked:
    """A request from the body of `/generate`; what it has besides are parameters for the generator.

    Raises
    ------
    Unusable
        If it is no JSON object, or something in it cannot be meant.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unusable(f"the body is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise Unusable("the body is not a JSON object")
    grid = _integer(given, "grid_size", 1, 100)
    target, region = _target(given, 3 if grid is None else grid)
    prompt = _text(given, "prompt", LONGEST_PROMPT) or prompts.next(target)
    if not prompt:
        raise Unusable("`prompt` is missing", hint="say it, or start the server with --prompts FILE")
    return Asked(
        request=ImageRequest(
            prompt=prompt,
            seed=_integer(given, "seed", 0, 2**63 - 1),
            model=_text(given, "model", 200),
            size=_size(given),
            canvas=_canvas(given),
            region=region,
            parameters=_parameters(given),
        ),
        target_sector=target,
        focus_sector=_text(given, "focus_sector", 200) or _focus(given, 3 if grid is None else grid),
    )


# -- sectors -----------------------------------------------------------------------------------------------


def _sector(row: int, column: int, grid: int) -> str:
    """The name of a sector: `TL` to `BR` in a grid of three by three, `R0C3` in others."""
    return _ROWS[row] + _COLUMNS[column] if grid == 3 else f"R{row}C{column}"


def _target(given: Mapping[str, Any], grid: int) -> tuple[str, Region | None]:
    row, column = _integer(given, "target_row", 0, grid - 1), _integer(given, "target_col", 0, grid - 1)
    name = _text(given, "target_sector", 32)
    if row is None or column is None:
        if len(name) != 2 or name[0] not in _ROWS or name[1] not in _COLUMNS:
            return name, None
        grid, row, column = 3, _ROWS.index(name[0]), _COLUMNS.index(name[1])
    region = (column / grid, row / grid, (column + 1) / grid, (row + 1) / grid)
    return name or _sector(row, column, grid), region


def _focus(given: Mapping[str, Any], grid: int) -> str:
    """The sector that somebody looks at, from where in the image, 0 to 1 each way."""
    x, y = _fraction(given, "focus_x"), _fraction(given, "focus_y")
    if x is None or y is None:
        return ""
    return _sector(min(grid - 1, int(y * grid)), min(grid - 1, int(x * grid)), grid)


# -- fields ------------------------------------------------------------------------------------------------


def _text(given: Mapping[str, Any], key: str, longest: int) -> str:
    value = given.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unusable(f"`{key}` is not a text")
    if len(value) > longest:
        raise Unusable(f"`{key}` has {len(value):,} characters; {longest:,} are the most")
    return value


def _integer(given: Mapping[str, Any], key: str, least: int, most: int) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Unusable(f"`{key}` is not a whole number from {least} to {most}")
    return value


def _fraction(given: Mapping[str, Any], key: str) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise Unusable(f"`{key}` is not a number from 0 to 1")
    return float(value)


def _size(given: Mapping[str, Any]) -> tuple[int, int] | None:
    text = _text(given, "size", 11)
    if not text:
        return None
    found = _SIZE.fullmatch(text)
    if found is None or max(int(found[1]), int(found[2])) > LARGEST_SIDE:
        raise Unusable(f"`size` is not WIDTHxHEIGHT, each from 1 to {LARGEST_SIDE}")
    return int(found[1]), int(found[2])


def _canvas(given: Mapping[str, Any]) -> bytes | None:
    """The image that is to be changed, as PNG; base64, also as a data URL."""
    key = "image" if given.get("image") is not None else "image_base64"
    value = given.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unusable(f"`{key}` is not base64")
    coded = value.partition(",")[2] if value.startswith("data:") else value
    try:
        data = base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        raise Unusable(f"`{key}` is not base64") from None
    return as_png(data, f"`{key}`").content


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    named = given.get("parameters")
    if named is not None and not isinstance(named, dict):
        raise Unusable("`parameters` is not a JSON object")
    found = {key: value for key, value in given.items() if key not in _KNOWN} | (named or {})
    for key in found:
        if _PARAMETER.fullmatch(key) is None:
            raise Unusable(f"{key!r:.100} cannot be the name of a parameter")
        if key in _OUTSIDE:
            raise Unusable(f"`{key}` is none of the `parameters`", hint="say it beside them")
    if found.get("n", 1) != 1:
        raise Unusable("`n` is not 1: a request is for one image")
    try:
        orjson.dumps(found)
    except TypeError:
        raise Unusable("the parameters are nested too deep to be written down") from None
    return found
