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

_resets: set[weakref.ref[Callable[[], object]]] = set()


def reset_in_child(reset: Callable[[], object]) -> None:
    """Call `reset` in every child process, directly after the fork.

    It is held weakly, and dropped when its object is collected: pass a bound method or a function of a module. It must
    not wait for a lock that it does not replace first.
    """
    make = weakref.WeakMethod if hasattr(reset, "__self__") else weakref.ref
    _resets.add(make(reset, _resets.discard))


def _reset_all() -> None:
    # A copy: a reset may let go of an object that is registered itself.
    for reference in list(_resets):
        reset = reference()
        if reset is not None:
            reset()


# One hook for all, as a hook cannot be unregistered. It costs nothing until a fork, unlike a look at the process id.
os.register_at_fork(after_in_child=_reset_all)
