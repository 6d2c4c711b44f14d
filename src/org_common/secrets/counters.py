"""What happened to secrets, counted."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Numbers since the process began. They only grow; whoever reports them takes differences.

    `fetched` and `failed` are by source: "extension", "aws", "environment". `hits` were answered from memory, `stale`
    from memory although it was time to ask, since nobody answered. `refreshed` were asked for past every cache,
    `retries` are second tries at a source, `waits` were for another thread's fetch.
    """

    __slots__ = ("failed", "fetched", "hits", "refreshed", "retries", "stale", "waits")

    def __init__(self) -> None:
        self.fetched: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.hits = 0
        self.stale = 0
        self.refreshed = 0
        self.retries = 0
        self.waits = 0

    def as_metrics(self) -> dict[str, int]:
        """Totals by names of metrics: which source answered is in the name."""
        # Copies: meanwhile another thread may count the first one of a source.
        found = {f"SecretsFrom{source.capitalize()}": count for source, count in dict(self.fetched).items()}
        found |= {f"SecretsFailed{source.capitalize()}": count for source, count in dict(self.failed).items()}
        return found | {
            "SecretsFromMemory": self.hits,
            "SecretsStale": self.stale,
            "SecretsRefreshed": self.refreshed,
            "SecretsRetried": self.retries,
        }

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        """All of them by name."""
        found: dict[str, int | dict[str, int]] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            found[name] = dict(value) if isinstance(value, Counter) else value
        return found
