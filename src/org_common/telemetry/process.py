"""Cold starts of a Lambda environment, and the growth of its database counters."""

from __future__ import annotations

import os
import time
from threading import Lock

from org_common.lifecycle import startup
from org_common.lifecycle.fork import reset_in_child

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from org_common.telemetry.invocation import Measured

    class Counters(Protocol):
        """The counters of a database that are reported as metrics."""

        opened: int
        waits: int
        refreshed: int
        resent: int
        rerun: int
        unknown_commits: int

        @property
        def dropped(self) -> Mapping[str, int]:
            """Dropped connections by reason."""
            ...


# AWS may create an environment ahead of requests: if init ended longer ago, no caller waited for it.
PROACTIVE_S = 10.0
MAX_DATABASES = 100


class Process:
    """The state of this environment: one process, many requests."""

    __slots__ = ("__weakref__", "_cold", "_counted", "_init_ended_s", "_init_type", "_lock")

    def __init__(self) -> None:
        self._cold = False
        self._init_ended_s: float | None = None
        self._init_type: str | None = None
        self._counted: dict[int, tuple[Counters, tuple[int, ...]]] = {}
        self._lock = Lock()

    def begin(self, init_type: str) -> None:
        """Set how Lambda started the environment. With provisioned concurrency no caller waits for the init."""
        if self._init_type is not None:
            return
        self._init_type = init_type
        self._cold = init_type != startup.PROVISIONED
        if init_type == startup.SNAP_START:
            startup.after_restore(self.restored)

    def declared(self) -> None:
        """Called for each declared route; the last call approximates the end of the import."""
        self._init_ended_s = time.time()

    def restored(self) -> None:
        """The next request is cold after a restore, even if there were requests before the snapshot."""
        self._cold = True

    def renew_lock(self) -> None:
        """Replace the lock, for a child process."""
        self._lock = Lock()

    def cold_start(self) -> tuple[dict[str, Measured], dict[str, object]] | None:
        """Metrics and fields of the first request, None for all others."""
        if not self._cold:
            return None
        self._cold = False
        metrics: dict[str, Measured] = {"ColdStart": ("Count", 1)}
        fields: dict[str, object] = {"init_type": self._init_type}
        # The init of a snapshot ended long before the restore.
        started_s = None if self._init_type == startup.SNAP_START else started_at_s()
        if started_s is not None and self._init_ended_s is not None:
            metrics["InitDuration"] = ("Milliseconds", round((self._init_ended_s - started_s) * 1000))
            if time.time() - self._init_ended_s > PROACTIVE_S:
                fields["init_ahead"] = True
        return metrics, fields

    def grown(self, counters: Counters) -> list[tuple[str, int]]:
        """The growth of each counter since the last call. Concurrent requests count nothing twice."""
        with self._lock:
            totals = (
                counters.opened,
                sum(counters.dropped.values()) if counters.dropped else 0,
                counters.refreshed,
                counters.waits,
                counters.resent + counters.rerun,
                counters.unknown_commits,
            )
            reported = self._counted.get(id(counters))
            before = _ZEROS if reported is None else reported[1]
            if totals == before:
                return []
            if reported is None and len(self._counted) >= MAX_DATABASES:
                self._counted.clear()
            self._counted[id(counters)] = (counters, totals)
        return [(name, now - then) for name, now, then in zip(_COUNTED, totals, before, strict=True) if now > then]


# In the order of the totals in `grown`.
_COUNTED = (
    "ConnectionsOpened",
    "ConnectionsDropped",
    "ConnectionsRefreshed",
    "DatabaseWaits",
    "DatabaseRetries",
    "CommitsUnknown",
)
_ZEROS = (0,) * len(_COUNTED)


def started_at_s() -> float | None:
    """The start time of this process in epoch seconds, within 10 ms; None if the system does not provide it."""
    try:
        with open("/proc/self/stat") as file:  # noqa: PTH123 - importing pathlib takes 5 ms of a cold start
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return None


process: Process = Process()
reset_in_child(process.renew_lock)
