"""Counters of connections and transactions."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Counts since the process started. They only increase; a report takes differences.

    `dropped` counts closed connections by reason: "dead", "idle too long", "forked", "in doubt".
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
        """All counters by name."""
        plain: dict[str, int | dict[str, int]] = {
            name: getattr(self, name) for name in self.__slots__ if name != "dropped"
        }
        return {**plain, "dropped": dict(self.dropped)}
