"""Holds a run against its manifest: every byte, every line, every blob; each thing wrong is one finding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from otel_replay.attributes import ARTIFACT_SHA256, BLOB, CHECKPOINT_SHA256
from otel_replay.errors import OtelReplayError
from otel_replay.records import BadLine, Close
from otel_replay.storage.atomic import is_leftover
from otel_replay.storage.blobs import is_sha256
from otel_replay.storage.contents import Contents
from otel_replay.storage.finalise import LOCK_NAME, SESSION_REPLAY_NAME
from otel_replay.storage.findings import Finding, Findings, Outputs, Severity
from otel_replay.storage.journal_reader import Located, read_journal
from otel_replay.storage.late_journals import is_of_run, late_journals
from otel_replay.storage.liveness import is_alive
from otel_replay.storage.manifest import MANIFEST_NAME, Output, digest_of, read_manifest
from otel_replay.storage.run_files import RunFiles, RunStatus
from otel_replay.storage.run_header import HEADER_NAME
from otel_replay.storage.store import RUNS_NAME
from otel_replay.storage.verify_bundles import check_bundles

__all__ = ["Finding", "verify"]

_MOST_NUMBERS = 10


def verify(files: RunFiles) -> list[Finding]:
    """What is wrong with a run; nothing, as a rule. Reads every byte of it, in constant memory.

    A run that goes on is only read through; one that was interrupted has no manifest yet, which is a warning.
    Errors of the run itself are findings too: nothing is raised for them.
    """
    found = Findings()
    _check_header(files, found)
    outputs = _outputs(files, found)
    for (_, offset), output in outputs.items():
        if offset is None:
            _check_output(files.directory, output, found)
    check_bundles(files, outputs, found)
    references = _read_through(files, outputs, found)
    for place in files.blobs.places():
        if place.offset is None and (place.path, None) not in outputs:
            problem = files.blobs.check_file(place.sha256)
            if problem is not None:
                found.add(place.path, problem)
            elif outputs:
                found.add(place.path, "is not in the manifest", "warning")
    for sha256 in sorted(references):
        path = f"blobs/{sha256[:2]}/{sha256}"
        if path not in found and sha256 not in files.blobs:
            found.add(path, "is missing, and a record refers to it")
    if outputs:
        _check_extra(files, outputs, found)
    return list(found.by_path.values())


def _check_header(files: RunFiles, found: Findings) -> None:
    try:
        header = files.header
    except OtelReplayError as error:
        found.add(HEADER_NAME, f"cannot be read: {error.message}")
        return
    directory = files.directory.absolute()
    if directory.parent.name == RUNS_NAME and header.run_id != directory.name:
        found.add(HEADER_NAME, f"says run {header.run_id!r}, and stands in {directory.name!r}", "warning")


def _status(files: RunFiles) -> RunStatus | None:
    try:
        return files.status()
    except OtelReplayError:
        return None


def _outputs(files: RunFiles, found: Findings) -> Outputs:
    """The manifest's outputs by their place; none where there is no manifest that can be read."""
    if os.path.lexists(files.directory / MANIFEST_NAME):
        try:
            return {(output.path, output.offset): output for output in read_manifest(files.directory)}
        except OtelReplayError as error:
            found.add(MANIFEST_NAME, f"cannot be read: {error.message}")
            return {}
    status = _status(files)
    if status == "interrupted":
        found.add(MANIFEST_NAME, "is not there: the run was interrupted, and not recovered yet", "warning")
    elif status is not None and status != "running":
        # Neither is written where OTEL_REPLAY_PROJECTIONS says so.
        severity: Severity = "error" if (files.directory / SESSION_REPLAY_NAME).exists() else "warning"
        found.add(MANIFEST_NAME, "is missing: what the run's files were cannot be said", severity)
    return {}


def _check_output(directory: Path, output: Output, found: Findings) -> None:
    try:
        size, sha256 = digest_of(directory, output.path)
    except FileNotFoundError:
        found.add(output.path, "is missing")
    except OSError as error:
        found.add(output.path, f"cannot be read: {error.strerror or error}")
    else:
        if size != output.size_bytes:
            found.add(output.path, f"was changed: it has {size} bytes, and had {output.size_bytes}")
        elif sha256 != output.sha256:
            found.add(output.path, "was changed: it has as many bytes as before, and others")


def _read_through(files: RunFiles, outputs: Outputs, found: Findings) -> set[str]:
    """Check every line of every journal, and the header's numbers; returns the blobs they refer to."""
    references: set[str] = set()
    try:
        late = late_journals(files, outputs.values() if outputs else None)
        journals = [path for path in files.journals() if path not in late]
    except OtelReplayError as error:
        if HEADER_NAME not in found:
            found.add("journal", f"cannot be read: {error.message}")
            return references
        late, journals = [], files.journals()
    contents, damages = Contents(), dict[Path, _Damage]()
    held: list[dict[str, int]] = []
    for path in [*journals, *late]:
        if path in late and not held:
            held.append(contents.counts())
        damage = damages[path] = _Damage()
        try:
            contents.count_all(damage.watch(read_journal(path), references))
        except OtelReplayError as error:
            found.add(f"journal/{path.name}", f"cannot be read: {error.message}")
            damage.whole = False
            continue
        if not damage.closed and is_alive(path):
            damage.whole = False
        else:
            damage.tell(f"journal/{path.name}", found)
    held.append(contents.counts())
    if not all(damage.whole for damage in damages.values()) or HEADER_NAME in found:
        held = []
    matching = [counts for counts in held if _says(files.header.counts, counts)]
    if held and not matching:
        _tell_counts(files.header.counts, held[-1], found)
    if outputs or held[-1:] != matching[-1:]:
        for path in late:
            _tell_late(files, path, damages[path], found)
    return references


def _tell_late(files: RunFiles, path: Path, damage: _Damage, found: Findings) -> None:
    try:
        ours = is_of_run(path, files.run_id)
    except OtelReplayError:
        ours = False
    if ours and not damage.numbers:
        what_next = f"`otel-replay recover {files.directory.name}` takes it in"
        found.add(f"journal/{path.name}", f"came when the run had been summed up: {what_next}", "warning")
    else:
        found.add(f"journal/{path.name}", "is not in the manifest")


def _says(said: Mapping[str, int], held: Mapping[str, int]) -> bool:
    return all(held.get(name, 0) == number for name, number in said.items())


def _tell_counts(said: Mapping[str, int], held: Mapping[str, int], found: Findings) -> None:
    for name, number in said.items():
        if held.get(name, 0) != number:
            found.add(HEADER_NAME, f"says {number} {name}, and the journals hold {held.get(name, 0)}")


class _Damage:
    """What is wrong with the lines of one journal."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.torn: BadLine | None = None
        self.closed = False
        self.empty = True
        self.whole = True

    def watch(self, records: Iterable[Located], references: set[str]) -> Iterator[Located]:
        for located in records:
            record = located.record
            self.empty = False
            self.closed = isinstance(record, Close)
            if not isinstance(record, BadLine):
                for name in _WITH_VALUES:
                    _gather(getattr(record, name, None), references)
            elif record.torn:
                self.torn = record
            else:
                self.numbers.append(record.number)
            yield located

    def tell(self, path: str, found: Findings) -> None:
        if self.numbers:
            shown = ", ".join(map(str, self.numbers[:_MOST_NUMBERS]))
            more = len(self.numbers) - _MOST_NUMBERS
            lines = "line" if len(self.numbers) == 1 else "lines"
            found.add(path, f"is damaged in {lines} {shown}" + (f" and {more} more" if more > 0 else ""))
        if self.torn is not None:
            found.add(path, f"ends in the middle of line {self.torn.number}", "warning")
        elif not self.closed and not self.empty:
            found.add(path, "was never closed: its process died", "warning")


_WITH_VALUES = ("values", "cell", "extra", "attributes", "body")
_REFERENCES = frozenset({BLOB, ARTIFACT_SHA256, CHECKPOINT_SHA256})


def _gather(value: Any, references: set[str]) -> None:
    """Put the blobs that `value` refers to into `references`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, str):
                if key in _REFERENCES and is_sha256(item):
                    references.add(item)
            elif isinstance(item, (dict, list)):
                _gather(item, references)
    elif isinstance(value, list):
        for item in value:
            _gather(item, references)


def _check_extra(files: RunFiles, outputs: Outputs, found: Findings) -> None:
    """Files that nobody wrote down, but for what `send` remembers and interrupted writes left behind."""
    alive = {f"journal/{path.name}" for path in files.journals() if is_alive(path)}
    for path in sorted(_walk(files.directory)):
        if (
            (path, None) in outputs
            or path in _NOT_LISTED
            or path in alive
            or path.startswith(("sent/", "blobs/"))
        ):
            continue
        if path in found and path.startswith("journal/"):
            continue
        if not is_leftover(path.rpartition("/")[2]):
            severity: Severity = "error" if path.endswith(".jsonl") else "warning"
            found.add(path, "is not in the manifest", severity)


_NOT_LISTED = frozenset({MANIFEST_NAME, LOCK_NAME})


def _walk(directory: Path, below: str = "") -> Iterator[str]:
    with os.scandir(directory / below) as entries:
        for entry in entries:
            path = below + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(directory, path + "/")
            else:
                yield path
