"""What hooked functions call: turns their calls into decisions and spans. Nothing here reaches the program.

A hook is a constant of its function's code. A program that sends such a function to another process by value
(cloudpickle does, for functions of `__main__`) sends the hook's rule with it.
"""

from __future__ import annotations

import sys
import weakref
from _contextvars import ContextVar  # as `contextvars` has it
from _thread import get_ident
from types import CoroutineType

from otel_replay.hooks.guard import Attempts, failed
from otel_replay.rules.rule import RESULT, Rule, rule_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Any, ClassVar

    from otel_replay.rules.mapping import DecisionMap, SpanMap

__all__ = ["is_hook", "Call", "DecisionHook", "NoteHook", "PassingHook", "SpanHook"]

_open: ContextVar[tuple[Call, ...]] = ContextVar("otel_replay_hooked_calls", default=())
"""The hooked calls that this thread or task is inside of."""

_paused: dict[tuple[int, int], weakref.ref[Call]] = {}
"""Generators that have given something away and not gone on: by the `id()` of hook and frame.

Not held here: what a generator was called with may hold it, and then both would stay for ever.
"""

_MOST_THROUGH = 24
"""So many generators that hand over to one another go through us: each takes a frame of the stack."""

_to_record, _to_begin_spans = Attempts(), Attempts()
"""To load what does it."""

_reading: set[int] = set()
"""Threads that read a call's values: what a `__str__` of the program calls meanwhile is not its own."""


class NoteHook:
    """Tells of decisions whose parameters are just a decision's: `note` is what records."""

    __slots__ = ("_here", "note")
    all: ClassVar[list[NoteHook]] = []

    def __init__(self) -> None:
        self._here: Callable[[Any, Any, Any, Any], object] | None = None
        self.note: Callable[[Any, Any, Any, Any], object] = self._mark if PassingHook.any else self._first
        NoteHook.all.append(self)

    def __reduce__(self) -> Any:
        return NoteHook, ()

    def _first(self, action: Any, reason: Any, values: Any, cell: Any) -> None:
        """The first call imports what records. Once OpenTelemetry is loaded, all others go there straight."""
        if not _to_record.are_due("recording decisions"):
            return
        if self._here is None:
            try:
                from otel_replay.hooks.here import decision
            except Exception as error:
                _to_record.failed()
                failed("recording decisions", error)
                return
            self._here = decision  # when Python is nearly gone nothing can be imported
        self._here(action, reason, values, cell)
        if "opentelemetry.context" in sys.modules:
            moments = sys.modules.get("otel_replay.recording.moments")
            self.note = getattr(moments, "decision", self.note)

    def _mark(self, action: Any, reason: Any, values: Any, cell: Any) -> None:
        """Where functions pass decisions on to this one, they learn that it has told of it."""
        self._first(action, reason, values, cell)
        self.note = self._mark
        for call in _open.get():
            call.told = True


class _Hook:
    """A rule for one function."""

    __slots__ = ("_function", "_given", "_map", "_parameters", "_rule")

    def __init__(self, rule: Rule, function: str, parameters: Sequence[str]) -> None:
        self._rule = rule
        self._function = function
        self._parameters = tuple(parameters)
        self._map = self._read()
        self._given = self._map.names

    def _read(self) -> Any:
        raise NotImplementedError

    def __reduce__(self) -> Any:
        return _again, (type(self), self._rule.document(), self._function, self._parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that its methods are called with."""
        return tuple(self._given)

    def open(self, *given: Any) -> Call:
        """A call with these parameters, as a block around it."""
        return Call(self, dict(zip(self._given, given, strict=False)))

    def call(self) -> Call:
        """The innermost call of this function that goes on here; one that tells nothing if there is none."""
        for call in reversed(_open.get()):
            if call.hook is self:
                return call
        return Call(None, {})

    def give(self, value: Any) -> Any:
        """Note what the call is going to return."""
        self.call().result = value
        return value

    def back(self) -> None:
        """Something was thrown into the generator that calls this: it goes on, with what deals with that."""
        paused = _paused.get((id(self), id(sys._getframe(1))))
        call = paused() if paused is not None else None
        if call is not None:
            call.come()

    def begin(self, call: Call) -> None:
        """The call begins."""

    def end(self, call: Call, error: BaseException | None) -> None:
        """The call has ended."""


class DecisionHook(_Hook):
    """A decision for each call of a function."""

    __slots__ = ()
    _map: DecisionMap

    def _read(self) -> DecisionMap:
        from otel_replay.rules.mapping import DecisionMap  # conventions need nothing of it

        return DecisionMap(self._rule, self._function, self._parameters)

    @property
    def waits(self) -> bool:
        """Whether the decision is known only when the call has ended."""
        return self._map.waits

    def tell(self, *given: Any) -> None:
        """The call begins, and its decision is known."""
        thread = get_ident()
        if thread in _reading:
            return
        try:
            self._decide(thread, dict(zip(self._given, given, strict=False)), None)
        except Exception as error:
            failed(f"recording decisions of {self._function}", error)

    def _decide(self, thread: int, names: dict[str, Any], before: Any) -> None:
        _reading.add(thread)
        try:
            made = self._map.made(names, before)
        finally:
            _reading.discard(thread)
        if made is not None:
            from otel_replay.hooks.here import decision

            decision(*made)

    def begin(self, call: Call) -> None:
        """Note what was before it."""
        if self._map.before is not None:
            from otel_replay.rules.mapping import kept

            call.before = kept(self._map.before.run(call.names))

    def end(self, call: Call, error: BaseException | None) -> None:
        """A call that failed has decided nothing."""
        if error is None:
            call.names[RESULT] = call.result
            self._decide(get_ident(), call.names, call.before)


def is_hook(value: Any) -> bool:
    """Whether a constant of a function's code is one of ours."""
    return isinstance(value, NoteHook | _Hook)


class PassingHook(DecisionHook):
    """A function of the convention that calls another one: the innermost tells, and this one if none did."""

    __slots__ = ()
    any = False

    def __init__(self, rule: Rule, function: str, parameters: Sequence[str]) -> None:
        super().__init__(rule, function, parameters)
        PassingHook.any = True
        for hook in NoteHook.all:
            hook.note = hook._mark

    def _read(self) -> DecisionMap:
        from otel_replay.rules.mapping import DecisionMap

        known = {
            key: text for key, text in self._rule.mapping.items() if text.strip("{}") in self._parameters
        }
        rule = Rule(kind="decision", functions=(), mapping=known)
        return DecisionMap(rule, self._function, self._parameters)

    def end(self, call: Call, _error: BaseException | None) -> None:
        """Tell of it unless another one did."""
        if not call.told:
            for outer in _open.get():
                outer.told = True
            self._decide(get_ident(), call.names, None)


class SpanHook(_Hook):
    """A span for each call of a function."""

    __slots__ = ("_qualified",)
    _map: SpanMap

    def __init__(self, rule: Rule, function: str, parameters: Sequence[str]) -> None:
        super().__init__(rule, function, parameters)
        self._qualified = function

    def _read(self) -> SpanMap:
        from otel_replay.rules.mapping import SpanMap

        return SpanMap(self._rule, self._function, self._parameters)

    def begin(self, call: Call) -> None:
        """Start its span."""
        if not _to_begin_spans.are_due(f"recording calls of {self._function}"):
            return
        try:
            from otel_replay.rules import spans  # needs OpenTelemetry, which few hooked programs have loaded
        except Exception:
            _to_begin_spans.failed()
            raise
        if self._map.when is None or self._map.when.run(call.names):
            call.span = spans.started(self._map, call.names, self._qualified)

    def end(self, call: Call, error: BaseException | None) -> None:
        """End its span."""
        if call.span is not None:
            from otel_replay.rules import spans

            spans.ended(self._map, call, error)


class Call:
    """One call of a hooked function: a block around its body. Nothing that goes wrong in it leaves it."""

    __slots__ = (
        *("__weakref__", "_inside", "_place"),
        *("before", "chunks", "hands_over", "hook", "names", "result", "span", "told"),
    )

    def __init__(self, hook: _Hook | None, names: dict[str, Any]) -> None:
        self.hook = hook
        self.names = names
        self.result: Any = None
        self.before: Any = None
        self.span: Any = None
        self.chunks = 0
        self.told = False
        self.hands_over = False
        self._inside = False
        self._place: tuple[int, int] | None = None

    def __enter__(self) -> None:
        thread = get_ident()
        if thread in _reading:
            self.hook = None
            return
        hook = self.hook
        assert hook is not None
        _reading.add(thread)
        try:
            hook.begin(self)
        except Exception as error:
            failed(f"recording calls of {hook._function}", error)
        finally:
            _reading.discard(thread)
        self.come()

    def __exit__(self, kind: Any, error: BaseException | None, where: Any) -> None:
        hook = self.hook
        if hook is None:
            return
        self._go()
        if where is not None and sys.version_info < (3, 11):
            from otel_replay.rules.delegating import take_out_of

            take_out_of(where)
        try:
            hook.end(self, error)
        except Exception as raised:
            failed(f"recording calls of {hook._function}", raised)

    def come(self) -> None:
        """The function runs, from now on; if it does already, nothing changes."""
        if self._place is not None:
            _paused.pop(self._place, None)
            self._place = None
        if self._inside or self.hook is None:
            return
        self._inside = True
        _open.set((*_open.get(), self))
        if self.span is not None:
            self.span.attach()

    def _go(self) -> None:
        if self._place is not None:
            _paused.pop(self._place, None)
            self._place = None
        if not self._inside:
            return
        self._inside = False
        if self.span is not None:
            self.span.detach()
        calls = _open.get()
        _open.set(
            calls[:-1] if calls and calls[-1] is self else tuple(one for one in calls if one is not self)
        )

    def pause(self, value: Any) -> Any:
        """The generator gives `value` away: what goes on outside is not inside its span."""
        self._gave(value)
        if self.hook is not None:
            self._wait(sys._getframe(1))
        return value

    def _wait(self, frame: FrameType) -> None:
        self._go()
        self._place = (id(self.hook), id(frame))
        _paused[self._place] = weakref.ref(self)

    def _gave(self, value: Any) -> None:
        if self.span is not None:
            from otel_replay.rules import spans

            try:
                spans.gave(self, value)
            except Exception as error:
                failed("recording what a generator gives", error)

    def hand_out(self, value: Any) -> Any:
        """As :meth:`pause`, of what another generator gives in its place."""
        self._gave(value)
        self._go()
        return value

    def resume(self, sent: Any) -> Any:
        """The generator goes on, with what it was sent, or what the one it handed over to has returned."""
        self.come()
        return sent

    def through(self, given: Any) -> Any:
        """What the generator hands over to: it runs inside the call as well."""
        # A coroutine runs in a task, and others do not see what is current there.
        if self.hook is None or isinstance(given, CoroutineType):
            return given
        if sum(call.hands_over for call in _open.get()) >= _MOST_THROUGH:
            self._wait(sys._getframe(1))  # a program that calls itself deeply keeps the depth that it has
            return given
        self.hands_over = True
        from otel_replay.rules.delegating import Through, take_out

        try:
            inner = iter(given)
        except BaseException as error:
            take_out(error, 1)
            raise
        return Through(self, inner)


def _again(kind: type[_Hook], document: dict[str, Any], function: str, parameters: Sequence[str]) -> _Hook:
    return kind(rule_of(document), function, parameters)
