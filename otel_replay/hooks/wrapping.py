"""Functions of libraries, replaced by ones that tell a watcher what was called and what came of it.

A watcher that fails is told and counted, and the call goes on without it: the program gets what the function
itself returns or raises. From Python 3.11 on a traceback has no line of ours.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from otel_replay.hooks.guard import failed

__all__ = ["Begin", "Call", "is_ours", "put_back", "replace", "take_out_this_line", "watch"]


class Call(Protocol):
    """One call that is watched, from its beginning to one of its two ends.

    Attributes
    ----------
    keywords:
        Arguments that the function is to get instead of its own; None: the program's as they are.
    """

    @property
    def keywords(self) -> Mapping[str, Any] | None:
        """As above."""

    def returned(self, value: Any) -> None:
        """The function has returned `value`: it must be left as it is."""

    def raised(self, error: BaseException) -> None:
        """The function has raised `error`."""


Begin = Callable[..., "Call | None"]
"""Called with the function's own arguments, before it; None: this call is not recorded."""

_OURS = "_otel_replay_plain"

_replaced: list[tuple[Any, str, Any, Any]] = []


def is_ours(function: Any) -> bool:
    """Whether a function stands in for another one."""
    return hasattr(function, _OURS)


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(function)` in the place of the function `name` of a class or module; once only.

    Raises
    ------
    AttributeError
        If it has no such function: another version of the library.
    """
    plain = vars(owner)[name] if name in vars(owner) else getattr(owner, name)
    if is_ours(plain):
        return
    made = make(plain)
    setattr(made, _OURS, plain)
    _replaced.append((owner, name, plain if name in vars(owner) else None, made))
    setattr(owner, name, made)


def put_back() -> None:
    """Undo every :func:`replace` that nobody has built upon since."""
    while _replaced:
        owner, name, plain, made = _replaced.pop()
        if vars(owner).get(name) is not made:
            continue
        if plain is None:
            delattr(owner, name)
        else:
            setattr(owner, name, plain)


def watch(owner: Any, name: str, begin: Begin, doing: str, *, awaits: bool | None = None) -> None:
    """Have `begin` called before each call of `owner`'s function `name`, and what it returns told the end.

    Parameters
    ----------
    owner:
        A class or a module.
    begin:
        Gets the function's arguments. What it raises, and its calls, is told and goes no further.
    doing:
        What goes wrong when it fails, for a person: `recording an HTTP request`.
    awaits:
        Whether what the function returns is awaited, where a decorator hides that it is a coroutine function.

    Raises
    ------
    AttributeError
        If it has no such function: another version of the library.
    """
    replace(owner, name, lambda plain: _watched(plain, begin, doing, awaits))


def _watched(plain: Callable[..., Any], begin: Begin, doing: str, awaits: bool | None) -> Callable[..., Any]:
    def begun(args: Any, kwargs: Any) -> Call | None:
        try:
            return begin(*args, **kwargs)
        except Exception as error:
            failed(doing, error)
            return None

    def ended(told: Callable[[Any], None], what: Any) -> None:
        try:
            told(what)
        except Exception as error:
            failed(doing, error)

    def called(*args: Any, **kwargs: Any) -> Any:
        call = begun(args, kwargs)
        if call is not None and call.keywords is not None:
            kwargs = {**kwargs, **call.keywords}
        try:
            value = plain(*args, **kwargs)
        except BaseException as error:
            take_out_this_line(error)
            if call is not None:
                ended(call.raised, error)
            raise
        if call is not None:
            ended(call.returned, value)
        return value

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        call = begun(args, kwargs)
        if call is not None and call.keywords is not None:
            kwargs = {**kwargs, **call.keywords}
        try:
            value = await plain(*args, **kwargs)
        except BaseException as error:
            take_out_this_line(error)
            if call is not None:
                ended(call.raised, error)
            raise
        if call is not None:
            ended(call.returned, value)
        return value

    from inspect import iscoroutinefunction  # much to load, for those who only replace

    made: Any = awaited if (iscoroutinefunction(plain) if awaits is None else awaits) else called
    # A warning with a `stacklevel` leaves out frames of Python's import machinery, which go by their file's
    # name: it is to show the program's line, and not this one.
    made.__code__ = made.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    return functools.wraps(plain)(made)


def take_out_this_line(error: BaseException) -> None:
    """Take the function that caught `error` out of its traceback. A bare `raise` does not put it back.

    Before Python 3.11 it does.
    """
    where = error.__traceback__
    if where is not None and where.tb_next is not None:
        error.__traceback__ = where.tb_next
