"""Counters of what happened to connections and transactions."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Numbers since the process began. They only grow; a reporter takes differences.

    `dropped` is by reason: "dead", "idle too long", "forked", "in doubt".
    """

    __slots__ = (
        "dropped",
        "opened",
        "refreshed",
        "rerun",
        "resent",
        "reused",
        "round_trips",
        "settled",
        "unknown_commits",
        "waits",
    )

    def __init__(self) -> None:
        self.opened: int = 0
        self.reused: int = 0
        self.waits: int = 0
        self.refreshed: int = 0
        self.resent: int = 0
        self.rerun: int = 0
        self.settled: int = 0
        self.unknown_commits: int = 0
        self.round_trips: int = 0
        self.dropped: Counter[str] = Counter()

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        """All of them by name."""
        plain: dict[str, int | dict[str, int]] = {
            name: getattr(self, name) for name in self.__slots__ if name != "dropped"
        }
        return {**plain, "dropped": dict(self.dropped)}
