"""A summary as sections for a person; a section that has nothing to say is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.bottlenecks import BOTTLENECK_SHARE
from otel_replay.analysis.kinds import KINDS
from otel_replay.analysis.summary import Summary
from otel_replay.cli import people
from otel_replay.cli.bars import bar, count_bars, sparkline, squeeze
from otel_replay.cli.table import table_lines
from otel_replay.cli.terminal import Screen, Text
from otel_replay.cli.time_lines import cost_lines, critical_lines, idle_lines, percentile_lines

if TYPE_CHECKING:
    from otel_replay.analysis.cost import Prices

__all__ = ["summary_lines"]

_BAR_CELLS = 12
_NAMES_SHOWN = 15
_ENOUGH_FOR_A_SHAPE = 12

Lines = Iterator[Text]


def summary_lines(summary: Summary, screen: Screen, prices: Prices | None = None) -> Lines:
    """All sections, each with an empty line before it."""
    sections = [*_SECTIONS]
    after_models = next(at for at, (title, _) in enumerate(sections) if title == "Tools")
    sections.insert(after_models, ("Cost", lambda found, _: cost_lines(found.models, prices, screen)))
    for title, section in sections:
        lines = list(section(summary, screen))
        if lines:
            yield Text()
            yield Text((title, "bold"))
            yield from lines


def _decisions(summary: Summary, screen: Screen) -> Lines:
    counts = summary.actions.most_common()
    yield from count_bars(counts[:_NAMES_SHOWN], screen)
    yield from _more(len(counts), "action", screen)


def _searches(summary: Summary, screen: Screen) -> Lines:
    rows = []
    for one in summary.searches[:_NAMES_SHOWN]:
        params = one.best_params.items() if isinstance(one.best_params, Mapping) else ()
        which = " ".join(f"{name}={_short(value)}" for name, value in params)
        best = "" if one.best_value is None else f"{_short(one.best_value)} in trial {one.best_trial}"
        trials = "" if one.trials is None else f"{one.trials:,}"
        rows.append([Text((one.title, "task")), Text(one.algorithm), Text(trials), Text(best), Text(which)])
    yield from table_lines(("", "by", "trials", "best", "with"), rows, screen)
    yield from _more(len(summary.searches), "search", screen)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _events(summary: Summary, screen: Screen) -> Lines:
    told = [f"{count:,} {name}" for name, count in summary.events.most_common(_NAMES_SHOWN)]
    if summary.logs:
        told.append(people.counted(summary.logs, "log record"))
    yield from _in_a_row(told, screen)
    yield from _more(len(summary.events), "event", screen)


def _more(there: int, word: str, screen: Screen) -> Lines:
    left = there - _NAMES_SHOWN
    if left > 0:
        plural = "" if left == 1 else "s"
        yield Text((f"  {screen.ellipsis} {left:,} more {word}{plural}; --json has all of them", "dim"))


def _kinds(summary: Summary, screen: Screen) -> Lines:
    rows = []
    for kind in KINDS:
        totals = summary.kinds.get(kind)
        if totals is not None:
            rows.append(
                [
                    Text((kind, kind)),
                    Text(f"{totals.count:,}"),
                    _failed(totals.failed),
                    Text((f"{totals.open:,}", "open")) if totals.open else Text(),
                    Text(people.duration(totals.total_ns)),
                    Text(people.duration(totals.self_ns)),
                    Text(people.duration(totals.longest_ns)),
                ]
            )
    yield from table_lines(("", "count", "failed", "open", "total", "self", "longest"), rows, screen)


def _bottlenecks(summary: Summary, screen: Screen) -> Lines:
    rows = []
    for kind, name, totals in summary.bottlenecks():
        share = totals.self_ns / max(1, summary.duration_ns)
        style = "failed" if share >= BOTTLENECK_SHARE else "dim"
        rows.append(
            [
                Text((name, kind)),
                Text(f"{totals.count:,}"),
                Text(people.duration(totals.self_ns)),
                Text(f"{share:.0%}"),
                Text((bar(min(share, 1.0), _BAR_CELLS), style)),
            ]
        )
    yield from table_lines(("", "count", "self", "of run", ""), rows, screen)


def _tasks(summary: Summary, screen: Screen) -> Lines:
    tasks = summary.tasks
    busy_ns = sum(task.busy_ns for task in tasks.names.values())
    in_turn = tasks.total_ns == busy_ns <= summary.duration_ns
    if "task" not in summary.kinds or (in_turn and summary.kinds["task"].self_ns == tasks.total_ns):
        return  # one after the other and nothing in them: where the time went says it all
    ranked = sorted(tasks.names.items(), key=lambda item: -item[1].total_ns)
    rows = []
    for name, task in ranked[:_NAMES_SHOWN]:
        share, of_run = tasks.share_of_tasks(name), tasks.share_of_run(name, summary.duration_ns)
        rows.append(
            [
                Text((name, "task")),
                Text(f"{task.ended:,}"),
                Text(people.duration(task.total_ns)),
                Text((f"{share:.0%}", "failed" if share > BOTTLENECK_SHARE else "")),
                Text((f"{of_run:.0%}", "failed" if of_run > BOTTLENECK_SHARE else "")),
            ]
        )
    yield from table_lines(("", "ended", "total", "of tasks", "of run"), rows, screen)
    yield from _more(len(ranked), "task", screen)


def _models(summary: Summary, screen: Screen) -> Lines:
    rows = []
    for model, totals in sorted(summary.models.items(), key=lambda item: -item[1].total_ns):
        rate = people.per_second(totals.output_tokens, totals.total_ns)
        rows.append(
            [
                Text((model, "generation")),
                Text(f"{totals.count:,}"),
                _failed(totals.failed),
                Text(f"{totals.input_tokens:,}"),
                Text(f"{totals.output_tokens:,}"),
                Text(rate),
                Text(people.duration(totals.total_ns)),
            ]
        )
    yield from table_lines(
        ("", "calls", "failed", "tokens in", "tokens out", "out rate", "total"), rows, screen
    )
    again = sum(totals.repeated for totals in summary.models.values())
    if again:
        yield Text(
            (f"  {people.counted(again, 'span')} more of the same calls, told by another library", "dim")
        )
    unread = sum(totals.unread_counts for totals in summary.models.values())
    if unread:
        yield Text((f"  {people.counted(unread, 'count')} of tokens could not be read", "failed"))


def _tools(summary: Summary, screen: Screen) -> Lines:
    rows = []
    for tool, totals in sorted(summary.tools.items(), key=lambda item: -item[1].total_ns)[:_NAMES_SHOWN]:
        rows.append(
            [
                Text((tool, "tool call")),
                Text(f"{totals.count:,}"),
                _failed(totals.failed),
                Text(people.duration(totals.total_ns)),
                Text(people.duration(totals.longest_ns)),
            ]
        )
    yield from table_lines(("", "calls", "failed", "total", "longest"), rows, screen)
    yield from _more(len(summary.tools), "tool", screen)


def _pace(summary: Summary, screen: Screen) -> Lines:
    if summary.decisions > 1:
        span_ns = summary.last_decision_ns - summary.first_decision_ns
        rate = people.per_second(summary.decisions, span_ns) or "at one moment"
        line = Text(f"  decisions  {rate:>10}")
        if summary.decisions >= _ENOUGH_FOR_A_SHAPE:
            counts = squeeze(summary.decision_pace.counts, max(8, screen.columns - line.width - 2))
            line.add("  ").add(sparkline(counts), "action")
        yield line
    if summary.spans > 1 and summary.duration_ns:
        yield Text(f"  spans      {people.per_second(summary.spans, summary.duration_ns):>10}")
    if summary.tasks.ended:
        yield Text(f"  tasks      {people.per_second(summary.tasks.ended, summary.duration_ns):>10}")


def _artifacts(summary: Summary, screen: Screen) -> Lines:
    names = list(summary.artifacts)
    yield from _in_a_row(names[:_NAMES_SHOWN], screen)
    yield from _more(len(names), "artifact", screen)


def _in_a_row(items: Sequence[str], screen: Screen) -> Lines:
    line = Text("  ")
    for at, item in enumerate(items):
        piece = Text(item + ("," if at < len(items) - 1 else ""))
        if line.width > 2 and line.width + 1 + piece.width > screen.columns:
            yield line
            line = Text("  ")
        line.add(" " if line.width > 2 else "").join(piece)
    if line.width > 2:
        yield line


def _kept_back(summary: Summary, screen: Screen) -> Lines:
    for reason, count in summary.losses.most_common():
        yield Text("  ", (f"{people.counted(count, 'record')} could not be kept: {reason}", "failed"))
    for what, count in summary.dropped.most_common():
        yield Text("  ", (f"{count:,} {what} dropped by a limit of the program's SDK", "open"))
    for journal, line in summary.first_bad_lines:
        yield Text("  ", (f"{journal}:{line.number} is damaged: {line.reason}", "failed"))
    if summary.bad_lines > len(summary.first_bad_lines):
        more = summary.bad_lines - len(summary.first_bad_lines)
        yield Text("  ", (f"{screen.ellipsis} {people.counted(more, 'more damaged line')}", "failed"))
    if summary.torn_lines:
        yield Text(
            "  ",
            (
                f"{people.counted(summary.torn_lines, 'torn last line')}, written when the process died",
                "open",
            ),
        )
    for name, count in summary.notes.most_common():
        yield Text(f"  {count:,} {_NOTES.get(name, name.replace('_', ' '))}")


_NOTES = {
    "redacted": "secrets taken out",
    "content_hashed": "messages, arguments and results kept as their hashes",
    "content_left_out": "messages, arguments and results left out",
    "by_repr": "values kept as their repr",
    "cycle": "values that contain themselves, cut there",
    "too_deep": "values too deep, kept as text from there",
    "key_as_text": "keys that were no text",
    "key_collision": "keys that became equal as text, and were told apart",
    "surrogate_text": "texts with characters that are not Unicode, escaped",
    "omitted": "values cut because they were endless or too many",
    "unreadable": "values that could not be read",
    "unprintable": "values that could not be printed",
    "blob_not_kept": "large values kept in the journal, as there was no room for a blob",
}


def _failed(count: int) -> Text:
    return Text((f"{count:,}", "failed")) if count else Text()


_SECTIONS: tuple[tuple[str, Callable[[Summary, Screen], Lines]], ...] = (
    ("Decisions", _decisions),
    ("Searches", _searches),
    ("Spans", _kinds),
    ("Where the time went", _bottlenecks),
    ("How long it took", percentile_lines),
    ("Critical path", critical_lines),
    ("Tasks", _tasks),
    ("Models", _models),
    ("Tools", _tools),
    ("Events", _events),
    ("Artifacts", _artifacts),
    ("Pace", _pace),
    ("Idle", idle_lines),
    ("Changed, lost and damaged", _kept_back),
)
