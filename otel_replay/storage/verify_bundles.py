"""Holds the bundles of a run against its manifest: each byte belongs to a line, a blob or a finding."""

from __future__ import annotations

from otel_replay.storage.bundles import Bundle, Bundled, Gap
from otel_replay.storage.findings import Findings, Outputs
from otel_replay.storage.liveness import lock_state
from otel_replay.storage.manifest import Output
from otel_replay.storage.run_files import RunFiles

__all__ = ["check_bundles"]

_MOST_NAMED = 10


def check_bundles(files: RunFiles, outputs: Outputs, found: Findings) -> None:
    """Add what is wrong with the bundles of a run to `found`."""
    listed: dict[str, dict[int, Output]] = {}
    for (path, offset), output in outputs.items():
        if offset is not None:
            listed.setdefault(path, {})[offset] = output
    folder = files.blobs.directory.name
    for name in files.blobs.bundles():
        path = f"{folder}/{name}"
        try:
            with files.blobs.open_bundle(name) as bundle:
                problems, warnings = _read_through(bundle, listed.pop(path, {}), bool(outputs))
        except OSError as error:
            listed.pop(path, None)
            found.add(path, f"cannot be read: {error.strerror or error}")
            continue
        if problems:
            found.add(path, _some_of(problems), "error")
        if warnings:
            found.add(path, _some_of(warnings), "warning")
    for path in listed:
        found.add(path, "is missing")


def _some_of(told: list[str]) -> str:
    more = f"; and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
    return "; ".join(told[:_MOST_NAMED]) + more


def _read_through(
    bundle: Bundle, listed: dict[int, Output], has_manifest: bool
) -> tuple[list[str], list[str]]:
    """What is wrong in a bundle, and what is left to do."""
    problems: list[str] = []
    warnings: list[str] = []
    alive = lock_state(bundle.fd) == "alive"
    for entry in bundle:
        if isinstance(entry, Gap):
            if not entry.torn:
                problems.append(f"is damaged: {entry.size_bytes} bytes from {entry.offset} on are no blob")
            elif not alive:
                warnings.append(f"ends in the middle of a blob, at byte {entry.offset}")
            continue
        output = listed.pop(entry.offset, None)
        problem = _problem(bundle, entry, output)
        if problem is not None:
            problems.append(problem)
        elif output is None and has_manifest and not alive:
            warnings.append(f"holds blob {entry.sha256} at byte {entry.offset}, which is not in the manifest")
    problems += [
        f"does not hold {output.name!r} any more, from byte {at} on" for at, output in listed.items()
    ]
    return problems, warnings


def _problem(bundle: Bundle, entry: Bundled, output: Output | None) -> str | None:
    name = entry.sha256 if output is None else repr(output.name)
    if bundle.digest(entry) != entry.sha256:
        return f"was changed: the {entry.size_bytes} bytes of {name} from {entry.offset} on are others"
    if output is not None and (output.sha256, output.size_bytes) != (entry.sha256, entry.size_bytes):
        return f"was changed: from byte {entry.offset} on it holds something else than {name}"
    return None
