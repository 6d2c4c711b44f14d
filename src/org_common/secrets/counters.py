"""Counters of secret fetches."""

from __future__ import annotations

from collections import Counter


class SecretCounters:
    """Counts since the process started. They only grow; metrics report the differences."""

    __slots__ = ("failed", "fetched", "hits", "refreshed", "retries", "stale", "waits")

    def __init__(self) -> None:
        self.fetched: Counter[str] = Counter()
        """Successful fetches, by source: "extension", "aws", "environment"."""
        self.failed: Counter[str] = Counter()
        """Failed fetches, by source."""
        self.hits: int = 0
        """Secrets from the cache."""
        self.stale: int = 0
        """Expired secrets from the cache, used because no source could be reached."""
        self.refreshed: int = 0
        """Fetches that bypassed every cache."""
        self.retries: int = 0
        """Second and later attempts at a source."""
        self.waits: int = 0
        """Waits for another thread's fetch."""

    def as_metrics(self) -> dict[str, int]:
        """Totals by metric name; the source is part of the name."""
        # Copies: another thread may add a source at the same time.
        metrics = {f"SecretsFrom{source.capitalize()}": count for source, count in dict(self.fetched).items()}
        metrics |= {f"SecretsFailed{source.capitalize()}": count for source, count in dict(self.failed).items()}
        return metrics | {
            "SecretsFromMemory": self.hits,
            "SecretsStale": self.stale,
            "SecretsRefreshed": self.refreshed,
            "SecretsRetried": self.retries,
        }

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        """All counters by name."""
        counts: dict[str, int | dict[str, int]] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            counts[name] = dict(value) if isinstance(value, Counter) else value
        return counts
