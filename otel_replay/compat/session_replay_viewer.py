"""The viewer of `session_replay.json` files as its users know it: its options, its words, its layout.

Two things are as the original's documentation says it, and not as it did them: `--summary-only` counts what
`--action` leaves, and `--export` minds `--limit`.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from otel_replay.analysis.selection import Selection
from otel_replay.cli.terminal import escape
from otel_replay.clock import iso_milliseconds
from otel_replay.errors import FormatError
from otel_replay.formats.session_replay import SessionReplay, read
from otel_replay.records import Decision

__all__ = ["summary", "timeline", "view"]

_BROKEN_PIPE = 141
_RULE = "=" * 70
_MOST_ITEMS = 5
_SHOWN_ITEMS = 3
_CELL = {
    "rpm": "RPM={}",
    "kpa": "KPA={}",
    "rpm_index": "RPM[{}]",
    "kpa_index": "KPA[{}]",
    "cylinder": "Cyl={}",
}
"""How the parts of a cell are shown, in this order."""


def view(arguments: Sequence[str]) -> int:
    """Show or export the file that the arguments name; returns the exit code, 1 where it cannot be read."""
    given = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _view(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on, as after `| head`; Python would say so once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return code


def _view(given: argparse.Namespace) -> int:
    path = Path(given.replay_file)
    try:
        document = read(path.read_bytes())
    except FileNotFoundError:
        return _error(f"Replay file not found: {given.replay_file}")
    except OSError as error:
        return _error(f"Failed to read replay file: {error.strerror or error}")
    except FormatError as error:
        return _error(f"Invalid replay file: {error}")
    if given.export:
        try:
            Path(given.export).write_text(_text(timeline(document, given.action, given.limit)), "utf-8")
        except OSError as error:
            return _error(f"Failed to write: {error}")
        print(f"Timeline exported to: {escape(given.export)}")
    elif given.summary_only:
        print(_text(summary(_chosen(document, given.action))))
    else:
        print(_text(timeline(document, given.action, given.limit)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m otel_replay.compat.session_replay",
        description="Show the decisions of a session_replay.json. `otel-replay view FILE` can do more.",
    )
    parser.add_argument("replay_file", help="path of the session_replay.json")
    parser.add_argument("--action", default="", help="only actions with this in them, e.g. SMOOTHING")
    parser.add_argument("--limit", type=int, help="only so many decisions")
    parser.add_argument("--export", metavar="FILE", help="write the timeline to a file")
    parser.add_argument("--summary-only", action="store_true", help="only the numbers")
    return parser


def _error(text: str) -> int:
    print(f"ERROR: {escape(text)}", file=sys.stderr)
    return 1


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines)


def _chosen(document: SessionReplay, action: str) -> SessionReplay:
    selection = Selection(action=action)
    return replace(document, decisions=tuple(filter(selection.matches, document.decisions)))


def summary(document: SessionReplay) -> Iterator[str]:
    """The numbers of a document, line by line."""
    decisions = document.decisions
    if not decisions:
        yield "No decisions logged in this session."
        return
    yield from (_RULE, "SESSION REPLAY SUMMARY", _RULE)
    yield f"Run ID:          {escape(document.run_id)}"
    yield f"Generated:       {iso_milliseconds(document.generated_ns)}"
    yield f"Total Decisions: {len(decisions)}"
    yield f"Duration:        {_elapsed(decisions[-1].time_ns - decisions[0].time_ns)}"
    yield from ("", "DECISIONS BY ACTION TYPE:")
    for action, count in Counter(decision.action for decision in decisions).most_common():
        yield f"  {escape(action):30s} {count:5d}"
    yield _RULE


def timeline(document: SessionReplay, action: str = "", limit: int | None = None) -> Iterator[str]:
    """The summary of the whole document, and then its decisions: those with `action`, the first `limit`."""
    chosen = _chosen(document, action).decisions
    if not chosen:
        yield "No decisions match the filter criteria."
        return
    shown = chosen[:limit] if limit and limit > 0 else chosen
    yield from summary(document)
    yield ""
    for number, decision in enumerate(shown, 1):
        yield from _decision(decision, number, shown[0].time_ns)
    if len(shown) < len(chosen):
        yield ""
        yield f"... and {len(chosen) - len(shown)} more decisions (use --limit to see more)"


def _decision(decision: Decision, number: int, start_ns: int) -> Iterator[str]:
    yield ""
    yield f"[{number}] {iso_milliseconds(decision.time_ns)} (+{_elapsed(decision.time_ns - start_ns)})"
    yield f"  ACTION: {escape(decision.action)}"
    if decision.reason:
        yield f"  REASON: {escape(decision.reason)}"
    if decision.cell:
        yield f"  CELL:   {escape(_cell(decision.cell))}"
    if decision.values:
        yield "  VALUES:"
        yield from map(escape, _values(decision.values))


def _elapsed(time_ns: int) -> str:
    ms = time_ns / 1e6
    return f"{ms:.1f}ms" if ms < 1000 else f"{ms / 1000:.2f}s"


def _cell(cell: Any) -> str:
    known = [
        text.format(cell[name]) for name, text in _CELL.items() if isinstance(cell, dict) and name in cell
    ]
    return " ".join(known) or str(cell)


def _values(values: Any) -> Iterator[str]:
    if not isinstance(values, Mapping):
        yield f"    {values}"
        return
    for key, value in values.items():
        if isinstance(value, float):
            yield f"    {key}: {value:.3f}"
        elif isinstance(value, list) and len(value) > _MOST_ITEMS:
            yield f"    {key}: [{len(value)} items, showing first {_SHOWN_ITEMS}]"
            yield from (f"      - {item}" for item in value[:_SHOWN_ITEMS])
        elif isinstance(value, Mapping):
            yield f"    {key}:"
            yield from (f"      {inner}: {item}" for inner, item in value.items())
        else:
            yield f"    {key}: {value}"
