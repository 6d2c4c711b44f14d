"""How Lambda started this environment, and what to prepare before the first request.

| AWS_LAMBDA_INITIALIZATION_TYPE | models of routes | fetched data: keys, secrets | connection |
|---|---|---|---|
| `on-demand`, and outside of Lambda | at first use | at first use | at the first statement |
| `provisioned-concurrency` | at init, while no caller waits | at init | at the first statement |
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
ON_DEMAND, PROVISIONED, SNAP_START = "on-demand", "provisioned-concurrency", "snap-start"

_has_registered = _reseeds = False


def initialization_type(get: Callable[[str], str | None] = os.environ.get) -> str | None:
    """How Lambda started this environment; None outside of Lambda. `get` reads a variable of the environment."""
    return get(INITIALIZATION_TYPE) or None


def is_early() -> bool:
    """True when Lambda runs init ahead of the first request, so that preparing now delays no caller."""
    return initialization_type() in (PROVISIONED, SNAP_START)


def prefetch(fetch: Callable[[], object]) -> None:
    """Call `fetch`, which fetches something and caches it, while no caller waits for it.

    With provisioned concurrency it is called now. With SnapStart it is called after each restore, in the order of
    registration: data fetched before the snapshot would be as old as the snapshot. On demand it is not called, and the
    first use fetches. A failure is logged and leaves the fetch to the first use.
    """
    started = initialization_type()
    if started == PROVISIONED:
        _fetch_or_log(fetch)
    elif started == SNAP_START:
        after_restore(_fetch_or_log, fetch)


def before_snapshot(call: Callable[..., object], *arguments: object) -> None:
    """Call `call` before SnapStart takes the snapshot; the last one registered is called first."""
    hooks = snapshot_hooks()
    if hooks is not None:
        hooks.register_before_snapshot(call, *arguments)


def after_restore(call: Callable[..., object], *arguments: object) -> None:
    """Call `call` after SnapStart has restored the environment; all such calls together have 10 seconds."""
    hooks = snapshot_hooks()
    if hooks is not None:
        hooks.register_after_restore(call, *arguments)


def reseed_after_restore() -> None:
    """Reseed the module `random` after each restore. Registers once.

    Environments restored from one snapshot share one random state: they would draw the same jitter and back off in
    lockstep. `uuid4` and `secrets` ask the kernel and are safe.
    """
    global _reseeds  # noqa: PLW0603 - one environment
    if not _reseeds and initialization_type() == SNAP_START:
        _reseeds = True
        after_restore(_reseed)


def register_hooks() -> None:
    """Log once if function and layer do not match, and reseed `random` after a restore. For each entry on Lambda."""
    global _has_registered  # noqa: PLW0603 - one environment
    if _has_registered:
        return
    _has_registered = True
    from org_common.lifecycle import build

    build.check()
    reseed_after_restore()


def _reseed() -> None:
    random = sys.modules.get("random")
    if random is not None:
        random.seed()


def snapshot_hooks() -> Any:
    """AWS's module of snapshot hooks, part of the runtime wherever SnapStart is; None elsewhere."""
    try:
        import snapshot_restore_py  # type: ignore[import-untyped]
    except ImportError:
        return None
    return snapshot_restore_py


def _fetch_or_log(fetch: Callable[[], object]) -> None:
    try:
        fetch()
    except Exception:
        import logging

        logging.getLogger("org_common").warning("prefetch failed; the first use will fetch again", exc_info=True)
