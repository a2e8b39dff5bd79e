"""Found first by each Python process of a recorded program, through `PYTHONPATH`: hooks in, then steps aside.

An environment may have a `sitecustomize` of its own: it is imported as it would be without us, and what it
raises is told as it would be. The folder of this file is taken off `sys.path`: the program sees its own path.
Any Python 3 may find this file, however old, so that this is written for all of them.
"""

import os
import sys


def _absolute(place: str) -> str:
    try:
        return os.path.abspath(place or ".")
    except OSError:
        return place  # the current folder was deleted


def _step_aside() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [place for place in sys.path if _absolute(place) != here]
    sys.path_importer_cache.pop(here, None)


def _note(text: str) -> None:
    # Where `otel-replay run` looks for the processes that it could hook into, and that it could not.
    try:
        folder = os.environ["OTEL_REPLAY_HOOKS"].partition("\n")[0]
        with open(os.path.join(folder, str(os.getpid()) + ".other"), "w") as stream:
            stream.write(text)
    except Exception:
        pass  # the program goes on, whatever this is


def _hook_in() -> None:
    if not os.environ.get("OTEL_REPLAY_HOOKS"):
        return
    try:
        if sys.version_info < (3, 10):
            raise ImportError("Python 3.10 is the oldest that is recorded")
        from otel_replay.zero_code.bootstrap import begin
    except Exception as error:
        # A Python of another environment, which does not have the package: it runs as it is.
        _note(sys.executable + "\n" + type(error).__name__ + ": " + str(error))
    else:
        begin()


def _import_own() -> None:
    """What `import sitecustomize` does without us."""
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        spec = find_spec("sitecustomize", None) if find_spec is not None else None
        if spec is not None and spec.loader is not None:
            own = type(sys)("sitecustomize")
            own.__spec__, own.__loader__, own.__package__ = spec, spec.loader, ""
            own.__dict__.update(__file__=spec.origin, __cached__=spec.cached)
            sys.modules["sitecustomize"] = own
            spec.loader.exec_module(own)
            return
    raise ImportError("No module named 'sitecustomize'", name="sitecustomize")


_step_aside()
try:
    _hook_in()
finally:
    _import_own()
