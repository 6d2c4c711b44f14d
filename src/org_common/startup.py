"""What is made ready before the first request, by how Lambda came to start the environment.

| AWS_LAMBDA_INITIALIZATION_TYPE | models of routes | from outside: keys, secrets | connection |
|---|---|---|---|
| `on-demand`, and outside of Lambda | at their first use | at their first use | at the first statement |
| `provisioned-concurrency` | at init, which no caller waits for | at init | at the first statement |
| `snap-start` | before the snapshot | after each restore, never in a snapshot | at the first statement |
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
PROVISIONED, SNAP_START = "provisioned-concurrency", "snap-start"

_reseeded = False


def is_early() -> bool:
    """Nobody waits for this environment to be there: what the first request needs is made ready now."""
    return os.environ.get(INITIALIZATION_TYPE) in (PROVISIONED, SNAP_START)


def prefetch(fetch: Callable[[], object]) -> None:
    """Have `fetch`, which gets something from outside and keeps it, called while nobody waits for it.

    With provisioned concurrency that is now. With SnapStart it is after each restore, in the order of these calls: what
    was fetched before the snapshot would be as old as that. On demand it is not called: the first use fetches. What
    fails is logged and left to the first use.
    """
    kind = os.environ.get(INITIALIZATION_TYPE)
    if kind == PROVISIONED:
        _quietly(fetch)
    elif kind == SNAP_START:
        after_restore(_quietly, fetch)


def after_restore(call: Callable[..., object], *arguments: object) -> None:
    """Have it called when the environment has come back from a snapshot; with all others it has 10 seconds."""
    try:
        from snapshot_restore_py import register_after_restore  # type: ignore[import-untyped]
    except ImportError:
        # Part of the runtime wherever SnapStart is.
        return
    register_after_restore(call, *arguments)


def attend() -> None:
    """Called once by the first `App` on Lambda: says if function and layer differ, and gives each restore its own dice.

    Each environment that is restored from one snapshot has the state of the module `random` that the snapshot had: all
    would draw the same jitter, and back off in step. `uuid4` and `secrets` ask the kernel, which is safe.
    """
    global _reseeded  # noqa: PLW0603 - one environment
    if _reseeded:
        return
    _reseeded = True
    from org_common import build

    build.check()
    if os.environ.get(INITIALIZATION_TYPE) == SNAP_START:
        after_restore(_reseed)


def _reseed() -> None:
    random = sys.modules.get("random")
    if random is not None:
        random.seed()


def _quietly(fetch: Callable[[], object]) -> None:
    try:
        fetch()
    except Exception:
        import logging

        logging.getLogger("org_common").warning("could not be fetched early, is left to its first use", exc_info=True)
