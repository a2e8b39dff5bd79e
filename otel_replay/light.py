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
    from typing import Any, NamedTuple
else:

    class _Rows(type):
        """Makes tuples of the classes below `NamedTuple`, as `typing` does, which takes longer to load."""

        def __new__(cls, name, bases, members):
            if not bases:
                return super().__new__(cls, name, bases, members)
            from collections import namedtuple  # what records has none of these, and need not load it

            made = namedtuple(name, members["__annotations__"], module=members["__module__"])
            made.__doc__ = members.get("__doc__")
            return made

    class NamedTuple(metaclass=_Rows):
        """A tuple whose items have names: those of the annotations of the class below it."""

    def light(*, frozen=False, kw_only=False, slots=False):
        """Make a class one of named values, as `dataclass` does with these options.

        Parameters
        ----------
        frozen:
            Values are given once, when an instance is made; equal instances then have the same hash.
        kw_only:
            Values are given by name alone.
        slots:
            Instances have room for these values alone. The class is another one than the decorated.

        A default is a value that all instances may share. There is no inheritance of values.
        """

        def around(cls):
            names = tuple(cls.__annotations__)
            defaults = {name: vars(cls)[name] for name in names if name in vars(cls)}
            if slots:
                cls = _slotted(cls, names)
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


__all__ = ["NamedTuple", "defaults_of", "light", "names_of", "replace"]


def names_of(cls: type[Any]) -> tuple[str, ...]:
    """The names of the values of a light class, in their order."""
    names: tuple[str, ...] = cls._names
    return names


def defaults_of(cls: type[Any]) -> dict[str, Any]:
    """The values of a light class that need not be given."""
    defaults: dict[str, Any] = cls._defaults
    return defaults


def _slotted(cls: Any, names: tuple[str, ...]) -> Any:
    members = {name: value for name, value in vars(cls).items() if name not in {*names, *_OF_INSTANCES}}
    made: Any = type(cls)(cls.__name__, cls.__bases__, {**members, "__slots__": names})
    made.__qualname__ = cls.__qualname__
    made.__getstate__, made.__setstate__ = _values, _set_values
    return made


_OF_INSTANCES = ("__dict__", "__weakref__")


def _give(cls: Any, names: tuple[str, ...], defaults: dict[str, Any], kw_only: bool) -> None:
    finish = getattr(cls, "__post_init__", None)

    def __init__(self: Any, *given: Any, **named: Any) -> None:
        self.__dict__.update(_bound(cls, given, named, kw_only))
        if finish is not None:
            finish(self)

    cls._names, cls._defaults = names, defaults
    slotted = "__slots__" in vars(cls)
    cls.__init__ = _init_of_slots(cls, names, defaults, kw_only) if slotted else __init__
    cls.__eq__, cls.__repr__, cls.__replace__ = _equal, _repr, replace
    cls.__hash__ = None
    setattr(cls, "__match_args__", () if kw_only else names)  # noqa: B010 - mypy knows better


def _bound(cls: Any, given: tuple[Any, ...], named: dict[str, Any], kw_only: bool) -> dict[str, Any]:
    names, defaults = cls._names, cls._defaults
    if given:
        if kw_only or len(given) > len(names):
            raise TypeError(f"{cls.__name__}() was given {len(given)} values without a name")
        placed = dict(zip(names, given, strict=False))
        if named and not named.keys().isdisjoint(placed):
            twice = [name for name in placed if name in named]
            raise TypeError(f"{cls.__name__}() was given {', '.join(twice)} twice")
        named = {**placed, **named}
    values = {**defaults, **named}
    if len(values) != len(names) or not all(name in values for name in names):
        wrong = sorted(set(names).symmetric_difference(values))
        raise TypeError(f"{cls.__name__}() lacks, or does not know: {', '.join(wrong)}")
    return values


_FEW = 30


def _init_of_slots(cls: Any, names: tuple[str, ...], defaults: dict[str, Any], kw_only: bool) -> Any:
    """Written out where there are many instances: of most classes there are none, or few, in a process."""
    left = _FEW

    def __init__(self: Any, *given: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            cls.__init__ = written = _written_init(cls, names, defaults, kw_only)
            written(self, *given, **named)
            return
        own = vars(cls)
        for name, value in _bound(cls, given, named, kw_only).items():
            own[name].__set__(self, value)

    return __init__


def _written_init(cls: Any, names: tuple[str, ...], defaults: dict[str, Any], kw_only: bool) -> Any:
    """Assigns each value; `__post_init__` is for classes without slots."""
    # A frozen class refuses assignment; the descriptors of its slots do not, and are faster.
    space = {f"put_{name}": vars(cls)[name].__set__ for name in names}
    space.update((f"default_{name}", value) for name, value in defaults.items())
    parameters = [f"{name}=default_{name}" if name in defaults else name for name in names]
    head = ", ".join(["self", *(["*"] if kw_only else []), *parameters])
    exec("\n".join([f"def __init__({head}):", *(f"  put_{name}(self, {name})" for name in names)]), space)
    return space["__init__"]


def _values(instance: Any) -> tuple[Any, ...]:
    return tuple(getattr(instance, name) for name in instance._names)


def _set_values(instance: Any, values: tuple[Any, ...]) -> None:
    for name, value in zip(instance._names, values, strict=True):
        getattr(type(instance), name).__set__(instance, value)  # a class below may have it from above


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
                default = self._defaults[name]
                # As dataclasses see it: what cannot be hashed may change.
                shared = type(default).__hash__ is not None
                given = (
                    {"default": default} if shared else {"default_factory": partial(self._defaults.get, name)}
                )
                made = dataclasses.field(**given)
            rows.append((name, owner.__annotations__[name], made))
        fields = vars(dataclasses.make_dataclass(owner.__name__, rows, kw_only=True))[_FIELDS]
        setattr(owner, _FIELDS, fields)
        return fields


_FIELDS = "__dataclass_fields__"
