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
    from typing import Any

INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
PROVISIONED, SNAP_START = "provisioned-concurrency", "snap-start"

_attended = _reseeds = False


def kind() -> str | None:
    """How Lambda came to start this environment; None outside of Lambda."""
    return os.environ.get(INITIALIZATION_TYPE)


def is_early() -> bool:
    """Nobody waits for this environment to be there: what the first request needs is made ready now."""
    return kind() in (PROVISIONED, SNAP_START)


def prefetch(fetch: Callable[[], object]) -> None:
    """Have `fetch`, which gets something from outside and keeps it, called while nobody waits for it.

    With provisioned concurrency that is now. With SnapStart it is after each restore, in the order of these calls: what
    was fetched before the snapshot would be as old as that. On demand it is not called: the first use fetches. What
    fails is logged and left to the first use.
    """
    if kind() == PROVISIONED:
        _quietly(fetch)
    elif kind() == SNAP_START:
        after_restore(_quietly, fetch)


def before_snapshot(call: Callable[..., object], *arguments: object) -> None:
    """Have it called before a snapshot is taken; what was registered last is called first."""
    hooks = _hooks()
    if hooks is not None:
        hooks.register_before_snapshot(call, *arguments)


def after_restore(call: Callable[..., object], *arguments: object) -> None:
    """Have it called when the environment has come back from a snapshot; with all others it has 10 seconds."""
    hooks = _hooks()
    if hooks is not None:
        hooks.register_after_restore(call, *arguments)


def reseed_after_restore() -> None:
    """Let each environment that is restored from one snapshot throw its own dice. Registers once.

    All have the state of the module `random` that the snapshot had: they would draw the same jitter, and back off in
    step. `uuid4` and `secrets` ask the kernel, which is safe.
    """
    global _reseeds  # noqa: PLW0603 - one environment
    if not _reseeds and kind() == SNAP_START:
        _reseeds = True
        after_restore(_reseed)


def attend() -> None:
    """Called by the first `App` on Lambda: says once if function and layer differ, and sees to the dice."""
    global _attended  # noqa: PLW0603 - one environment
    if _attended:
        return
    _attended = True
    from org_common.lifecycle import build

    build.check()
    reseed_after_restore()


def _reseed() -> None:
    random = sys.modules.get("random")
    if random is not None:
        random.seed()


def _hooks() -> Any:
    """AWS's own, part of the runtime wherever SnapStart is."""
    try:
        import snapshot_restore_py  # type: ignore[import-untyped]
    except ImportError:
        return None
    return snapshot_restore_py


def _quietly(fetch: Callable[[], object]) -> None:
    try:
        fetch()
    except Exception:
        import logging

        logging.getLogger("org_common").warning("could not be fetched early, is left to its first use", exc_info=True)
