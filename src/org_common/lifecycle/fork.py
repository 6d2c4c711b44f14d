"""Reset state in a child process.

After `fork()` only the calling thread exists in the child: a lock that another thread held is never released there, and
sockets are shared with the parent.
"""

from __future__ import annotations

import os
import weakref

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_functions: list[Callable[[], object]] = []
_methods: dict[weakref.ref[Any], Callable[[Any], object]] = {}


def reset_in_child(reset: Callable[[], object]) -> None:
    """Call `reset` in every child process, directly after the fork. An object can register one method.

    The object of a method is held weakly, and forgotten when it is collected. `reset` must not wait for a lock that it
    does not replace first.
    """
    owner = getattr(reset, "__self__", None)
    if owner is None:
        _functions.append(reset)
    else:
        # Not WeakMethod: its callback is Python code, which fails when the interpreter exits.
        _methods[weakref.ref(owner, _methods.pop)] = reset.__func__  # type: ignore[attr-defined]  # a bound method


def _reset_all() -> None:
    for function in _functions:
        function()
    # A copy: a reset may drop an object that is registered itself.
    for reference, method in list(_methods.items()):
        owner = reference()
        if owner is not None:
            method(owner)


# One hook for all, as a hook cannot be unregistered. It costs nothing until a fork, unlike comparing process ids.
os.register_at_fork(after_in_child=_reset_all)
