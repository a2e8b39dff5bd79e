"""What a test recorded, read back from its files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from otel_replay.formats.assemble import assemble
from otel_replay.formats.fold import fold
from otel_replay.formats.spans import Span
from otel_replay.records import BadLine, Decision, Event, Loss, SpanStart
from otel_replay.storage.run_files import Located, RunFiles


class Recorded:
    """A run, read back from its files."""

    def __init__(self, directory: Path) -> None:
        self.files = RunFiles(directory)

    @cached_property
    def located(self) -> list[Located]:
        """Every record with its place."""
        return list(self.files.records())

    @property
    def records(self) -> list[Any]:
        """Every record of the run, of all its journals, in the order in which things happened."""
        return [item.record for item in self.located]

    def of(self, kind: type) -> list[Any]:
        """The records of one type."""
        return [record for record in self.records if type(record) is kind]

    @property
    def decisions(self) -> list[Decision]:
        """The decisions, whatever span they were made in."""
        return self.of(Decision)

    @property
    def events(self) -> list[Event]:
        """The events that are no decisions."""
        return self.of(Event)

    @property
    def bad_lines(self) -> list[BadLine]:
        """What could not be read."""
        return self.of(BadLine)

    @property
    def lost(self) -> int:
        """Records that the journals say could not be kept."""
        return sum(loss.records for loss in self.of(Loss))

    @cached_property
    def spans(self) -> list[Span]:
        """The spans, continuations folded back."""
        return fold(assemble(self.located))

    def span(self, name: str) -> Span:
        """The only span of this name."""
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, f"{name!r} among {[span.name for span in self.spans]}"
        return found[0]

    def parents(self) -> dict[str, str]:
        """The name of each span's parent: `-` without one, `?` where it is not in the run."""
        names = {span.span_id: span.name for span in self.spans}
        return {span.name: names.get(span.parent_id, "?") if span.parent_id else "-" for span in self.spans}

    def owners(self) -> dict[str, str]:
        """For each decision's action, the name of the span that it was made in."""
        names = {start.span_id: start.name for start in self.of(SpanStart)}
        return {decision.action: names.get(decision.span_id, "?") for decision in self.decisions}

    def bytes(self) -> bytes:
        """Every byte of every file of the run."""
        return b"\n".join(
            path.read_bytes() for path in sorted(self.files.directory.rglob("*")) if path.is_file()
        )


class Store:
    """The test's store, as a reader sees it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def runs(self) -> list[Recorded]:
        """The runs, by id."""
        return [Recorded(path) for path in sorted((self.root / "runs").glob("[!.]*"))]

    def run(self, run_id: str | None = None) -> Recorded:
        """The run of this id; without one, the only run."""
        if run_id is not None:
            return Recorded(self.root / "runs" / run_id)
        runs = self.runs()
        assert len(runs) == 1, [run.files.directory.name for run in runs]
        return runs[0]

    def named(self, name: str) -> Recorded:
        """The only run that was started with this name."""
        runs = [run for run in self.runs() if run.files.header.name == name]
        assert len(runs) == 1, [run.files.header.name for run in self.runs()]
        return runs[0]

    def bytes(self) -> bytes:
        """Every byte of every file of the store, and every file's name."""
        paths = sorted(self.root.rglob("*"))
        return b"\n".join(
            str(path).encode() + b"\n" + (path.read_bytes() if path.is_file() else b"") for path in paths
        )
