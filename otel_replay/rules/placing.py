"""Puts other code in the place of a function's before its module runs.

A module's code is a constant object that the interpreter is about to run; the code of its functions are
constants of it. Python has no call that exchanges one, so the slot of the tuple is written as its memory is
laid out in CPython, and only where it holds just what it should. The alternative, running the program's file
ourselves, would show: in its stack, in its tracebacks, in how it ends.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

__all__ = ["place"]


def place(code: CodeType, index: int, new: CodeType) -> bool:
    """Make `new` the constant `index` of code that has not run yet.

    Returns
    -------
    bool
        Whether it is so now. Another Python than CPython, or one without `ctypes`, leaves it as it is.
    """
    if sys.implementation.name != "cpython":
        return False
    try:
        import _ctypes  # what `ctypes` is made of: all of that takes five times as long to load
    except ImportError:
        return False
    constants = code.co_consts
    address = id(constants) + tuple.__basicsize__ + index * tuple.__itemsize__
    pointer: Any = type("Pointer", (_ctypes._SimpleCData,), {"_type_": "P"})  # as `ctypes.c_void_p`
    slot = pointer.from_address(address)
    if slot.value != id(constants[index]):
        return False
    # The one that was there is never released: a few hundred bytes, and nobody may hold what is gone.
    _ctypes.Py_INCREF(new)
    slot.value = id(new)
    return code.co_consts[index] is new
