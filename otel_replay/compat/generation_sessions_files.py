"""The files of the generation server's sessions: `SESSION/metadata.json` and `SESSION/0000_BR.png`.

What the original wrote is read; what is written has its keys in its order, and ours behind them: seed, model,
provider, parameters, latency, size, sha256, and the run and the span that hold the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from otel_replay.errors import FormatError
from otel_replay.generations.albums import Album, Albums, Layout, Picture
from otel_replay.generations.comparison import Pair, Side, compare_albums

__all__ = ["DEFAULT_FOLDER", "RESERVED", "comparison", "new_session_id", "side", "stored_sessions"]

DEFAULT_FOLDER = Path("generation/sessions")
RESERVED = frozenset({"start", "stop", "list", "replay", "restore", "compare"})
"""Names of routes, which no session can have."""


def stored_sessions(folder: Path) -> Albums:
    """The sessions in a folder."""
    layout = Layout(document_name="metadata.json", write=_metadata, read=_album, reserved=RESERVED)
    return Albums(folder, layout)


def new_session_id(time_s: float) -> str:
    """The id of a session that was started without one."""
    return f"session_{int(time_s)}"


def _metadata(album: Album) -> dict[str, Any]:
    document: dict[str, Any] = {
        "session_id": album.name,
        "created_at": album.created_s,
        "sequence": [_entry(picture) for picture in album.pictures],
    }
    return document | ({"run_id": album.run_id} if album.run_id else {})


def _entry(picture: Picture) -> dict[str, Any]:
    return {
        "index": picture.index,
        "filename": picture.filename,
        "target_sector": picture.label,
        "focus_sector": picture.details.get("focus_sector", ""),
        "prompt": picture.prompt,
        "timestamp": picture.time_s,
        "seed": picture.seed,
        "model": picture.model,
        "provider": picture.provider,
        "parameters": dict(picture.parameters),
        "latency_ms": picture.latency_ms,
        "width": picture.width,
        "height": picture.height,
        "size_bytes": picture.size_bytes,
        "sha256": picture.sha256,
        "span_id": picture.span_id,
    }


def _album(document: Mapping[str, Any]) -> Album:
    sequence = document.get("sequence")
    if not isinstance(sequence, list):
        raise FormatError("it has no `sequence` that is a list")
    return Album(
        name=_text(document, "session_id"),
        created_s=_number(document, "created_at") or 0.0,
        run_id=_text(document, "run_id"),
        pictures=tuple(_picture(number, entry) for number, entry in enumerate(sequence)),
    )


def _picture(number: int, entry: object) -> Picture:
    if not isinstance(entry, dict) or not isinstance(entry.get("filename"), str):
        raise FormatError(f"entry {number} of its `sequence` names no file")
    index = entry.get("index")
    parameters = entry.get("parameters")
    return Picture(
        index=index if isinstance(index, int) else number,
        filename=entry["filename"],
        prompt=_text(entry, "prompt"),
        time_s=_number(entry, "timestamp") or 0.0,
        label=_text(entry, "target_sector"),
        details={"focus_sector": _text(entry, "focus_sector")},
        seed=entry["seed"] if isinstance(entry.get("seed"), int) else None,
        model=_text(entry, "model"),
        provider=_text(entry, "provider"),
        parameters=parameters if isinstance(parameters, dict) else {},
        latency_ms=_number(entry, "latency_ms"),
        sha256=_text(entry, "sha256"),
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _number(entry: Mapping[str, Any], key: str) -> float | None:
    value = entry.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


# -- two sessions side by side -----------------------------------------------------------------------------


def side(sessions: Albums, session_id: str) -> Side:
    """A session to compare.

    Raises
    ------
    NoSuch, StoreError, FormatError
        If there is none, or it cannot be read.
    """
    return Side(sessions, sessions.read(session_id))


def comparison(a: Side, b: Side, pairs: Sequence[Pair] | None = None) -> dict[str, Any]:
    """Two sessions image by image, as one JSON document; `pairs` where they have been compared already."""
    found = list(compare_albums(a, b)) if pairs is None else pairs
    return {
        "a": a.album.name,
        "b": b.album.name,
        "same": all(pair.same for pair in found),
        "images": len(found),
        "different": sum(not pair.same for pair in found),
        "pairs": [_pair(pair) for pair in found],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    found = pair.difference
    document: dict[str, Any] = {
        "index": pair.number,
        "same": pair.same,
        "same_prompt": pair.same_prompt,
        "a": None if pair.a is None else _entry(pair.a),
        "b": None if pair.b is None else _entry(pair.b),
    }
    if pair.trouble:
        document["trouble"] = pair.trouble
    if found is not None:
        document["size_a"], document["size_b"] = found.size_a, found.size_b
        document["pixels"] = found.pixels
        document["share"] = found.share
        document["largest"] = found.largest
        document["mean"] = found.mean
        document["root_mean_square"] = found.root_mean_square
    return document
