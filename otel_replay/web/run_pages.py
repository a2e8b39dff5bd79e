"""The runs of a store as pages: a list, and for each run the page that `export --html` writes.

Read-only, and made anew with each request, so that a run that goes on is shown as far as it is. The links of
Jaeger's pages back to a run lead here.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from otel_replay.analysis.grid import find_grid
from otel_replay.errors import UsageError
from otel_replay.exporting.facts import RunFacts, length_text, when_text
from otel_replay.exporting.one_page import base_style, page_policy, page_text
from otel_replay.exporting.page import write_page
from otel_replay.exporting.steps import find_steps
from otel_replay.records import Decision
from otel_replay.storage.listing import RunSummary
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store
from otel_replay.web.answers import Refused, problem_handlers
from otel_replay.web.guard import Guard

__all__ = ["application"]

MOST_DECISIONS = 50_000
"""What a browser still shows at once; a page of them has about 7 MB."""
_MOST_RUNS = 500
_COLUMNS = ("name", "run", "status", "started")
_NUMBERS = ("duration", "spans", "decisions")
_STYLE = (
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "td,th{text-align:left;padding:4px 14px 4px 0;white-space:nowrap}th{color:var(--soft);font-weight:500}"
    "td.n,th.n{text-align:right}tr+tr td{border-top:1px solid var(--line)}a{color:var(--mark)}"
    "td.name{white-space:normal;overflow-wrap:anywhere;min-width:12ch}"
    "td.name div{display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow:hidden}"
    "section{overflow-x:auto}h1{margin-bottom:14px}"
)


def application(store: Path, *, token: str | None = None, origins: Iterable[str] = ()) -> ASGIApp:
    """The pages as an ASGI application.

    Parameters
    ----------
    store:
        The store's folder; it need not be there yet.
    token, origins:
        Who may ask; see :class:`otel_replay.web.guard.Guard`.
    """
    pages = _Pages(Store(store))
    routes = [
        Route("/", pages.all),
        Route("/runs/", lambda _: RedirectResponse("/")),
        Route("/runs/{run}", pages.one),
    ]
    inner = Starlette(routes=routes, exception_handlers=problem_handlers(((UsageError, 404),)))
    return Guard(inner, token=token, origins=origins)


class _Pages:
    """The endpoints."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self, _: Request) -> Response:
        return _html(await run_in_threadpool(self._list))

    async def one(self, request: Request) -> Response:
        return _html(await run_in_threadpool(self._run, request.path_params["run"]))

    def _list(self) -> bytes:
        runs = self._store.runs()
        rows = "".join(map(_row, runs[:_MOST_RUNS]))
        more = (
            f"<p>{len(runs) - _MOST_RUNS:,} older runs are not listed.</p>" if len(runs) > _MOST_RUNS else ""
        )
        none = (
            "" if runs else "<p>No run has been recorded yet: <code>otel-replay demo</code> records two.</p>"
        )
        style = base_style() + _STYLE
        heads = "".join(
            f"<th{' class=n' if name in _NUMBERS else ''}>{name}" for name in (*_COLUMNS, *_NUMBERS)
        )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{escape(page_policy("", style))}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>Runs · otel-replay</title><style>{style}</style></head><body><main><h1>Runs</h1>"
            '<section tabindex="0" aria-label="runs, the newest first">'
            f"<table><tr>{heads}</tr>{rows}</table>{more}{none}</section></main></body></html>\n"
        ).encode("utf-8", "replace")

    def _run(self, name: str) -> bytes:
        files = self._store.resolve(name)
        decisions = _decisions(files)
        header = files.header
        facts = RunFacts(
            run_id=files.run_id,
            name=header.name,
            status=files.status(),
            started_ns=header.started_ns,
            ended_ns=header.ended_ns,
            message=header.message,
        )
        page = io.BytesIO()
        write_page(page, facts, decisions, find_grid(decisions), find_steps(files.records, files.blobs.read))
        return page.getvalue()


def _decisions(files: RunFiles) -> list[Decision]:
    found: list[Decision] = []
    for located in files.records():
        if isinstance(located.record, Decision):
            found.append(located.record)
            if len(found) > MOST_DECISIONS:
                raise Refused(
                    413,
                    f"{files.run_id} has more than {MOST_DECISIONS:,} decisions, too many for a page",
                    hint=f"otel-replay view {files.run_id}, or export --html with --action or --where",
                )
    return found


def _row(run: RunSummary) -> str:
    # A damaged run has no page; what is wrong with it stands in its place.
    name = page_text(run.message if run.status == "damaged" else run.name)
    shown = page_text(run.run_id)
    link = shown if run.status == "damaged" else f'<a href="/runs/{escape(quote(run.run_id))}">{shown}</a>'
    bad = ' class="bad"' if run.status in {"failed", "interrupted", "damaged"} else ""
    took = "" if run.ended_ns is None else length_text(max(0, run.ended_ns - run.started_ns))
    started = when_text(run.started_ns) if run.started_ns else ""
    counts = "".join(
        f'<td class="n">{run.counts[kind]:,}' if kind in run.counts else "<td>" for kind in _NUMBERS[1:]
    )
    return (
        f'<tr><td class="name"><div>{name}</div><td>{link}<td{bad}>{run.status}<td>{started}'
        f'<td class="n">{took}{counts}</tr>'
    )


def _html(page: bytes) -> Response:
    return Response(page, media_type="text/html")
