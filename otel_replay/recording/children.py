"""How a given child process finds the run, where `os.environ` cannot say which one it belongs to."""

from __future__ import annotations

import os
from collections.abc import Mapping

from otel_replay.otel.offers import variables_of
from otel_replay.recording.current import current_open_span

__all__ = ["child_environment"]


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which a child process joins the current run, below the current span.

    Parameters
    ----------
    environ:
        The environment to start from; `os.environ` by default.
    """
    made = dict(os.environ if environ is None else environ)
    open_span = current_open_span()
    if open_span is not None:
        made.update(variables_of(open_span))
    return made
