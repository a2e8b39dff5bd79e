"""Small classes of named values, without what `dataclasses` costs before a program's first record.

To type checkers, and to `dataclasses.replace` and `dataclasses.fields`, they are dataclasses. Those compile
each class's methods anew in every process, and load `inspect` for it, which takes longer than most of what is
then recorded. Instances are made more slowly: it is for classes with few of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as light
    from dataclasses import replace
    from typing import Any
else:

    def light(*, frozen=False, kw_only=False):
        """Make a class one of named values, as `dataclass` does with these options.

        Parameters
        ----------
        frozen:
            Values are given once, when an instance is made; equal instances then have the same hash.
        kw_only:
            Values are given by name alone.

        A default is a value that all instances may share. There is no inheritance of values.
        """

        def around(cls):
            names = tuple(cls.__annotations__)
            defaults = {name: vars(cls)[name] for name in names if name in vars(cls)}
            _give(cls, names, defaults, kw_only)
            cls.__dataclass_fields__ = _Fields(names, defaults)
            if frozen:
                cls.__setattr__, cls.__delattr__, cls.__hash__ = _refuse, _refuse, _hash
            return cls

        return around

    def replace(instance, /, **changes):
        """Another instance with these values, and all others of this one."""
        values = {name: getattr(instance, name) for name in type(instance)._names}
        return type(instance)(**{**values, **changes})


__all__ = ["light", "replace"]


def _give(cls: Any, names: tuple[str, ...], defaults: dict[str, Any], kw_only: bool) -> None:
    finish = getattr(cls, "__post_init__", None)

    def __init__(self: Any, *given: Any, **named: Any) -> None:
        if given:
            if kw_only or len(given) > len(names):
                raise TypeError(f"{cls.__name__}() was given {len(given)} values without a name")
            twice = [name for name in names[: len(given)] if name in named]
            named.update(zip(names, given, strict=False))
            if twice:
                raise TypeError(f"{cls.__name__}() was given {', '.join(twice)} twice")
        values = {**defaults, **named}
        if len(values) != len(names) or values.keys() != known:
            wrong = sorted(known.symmetric_difference(values))
            raise TypeError(f"{cls.__name__}() lacks, or does not know: {', '.join(wrong)}")
        self.__dict__.update(values)
        if finish is not None:
            finish(self)

    known = frozenset(names)
    cls._names = names
    cls.__init__, cls.__eq__, cls.__repr__, cls.__replace__ = __init__, _equal, _repr, replace
    cls.__hash__ = None
    setattr(cls, "__match_args__", () if kw_only else names)  # noqa: B010 - mypy knows better


def _values(instance: Any) -> tuple[Any, ...]:
    return tuple(getattr(instance, name) for name in instance._names)


def _equal(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    told = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._names)
    return f"{type(self).__qualname__}({told})"


def _refuse(self: Any, name: str, *_: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{name!r} of {type(self).__name__} is given once")


class _Fields:
    """What `dataclasses` looks for in a class: made when somebody looks."""

    def __init__(self, names: tuple[str, ...], defaults: dict[str, Any]) -> None:
        self._names, self._defaults = names, defaults

    def __get__(self, _instance: object, owner: type) -> Any:
        import dataclasses
        from functools import partial

        rows: list[Any] = []
        for name in self._names:
            made = dataclasses.field()
            if name in self._defaults:
                made = dataclasses.field(default_factory=partial(self._defaults.get, name))
            rows.append((name, owner.__annotations__[name], made))
        fields = vars(dataclasses.make_dataclass(owner.__name__, rows, kw_only=True))[_FIELDS]
        setattr(owner, _FIELDS, fields)
        return fields


_FIELDS = "__dataclass_fields__"
