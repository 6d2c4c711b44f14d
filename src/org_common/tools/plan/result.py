"""What a way to run a function gives: times, cold starts, throttles, environments, connections, usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from org_common.tools.plan.distribution import Floats
from org_common.tools.plan.prices import MONTH_S
from org_common.tools.plan.workload import Database, Workload

EXACT, TICKS, FORMULAS = "exact", "ticks of 1 ms", "formulas for each minute"


@dataclass(frozen=True)
class Times:
    """Percentiles of what a caller waits for, in seconds. Throttled requests do not count."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Result:
    """One way to run the function."""

    option: str
    method: str
    """How it was computed: event by event, in ticks, or with formulas."""
    requests: float
    times: Times
    cold: float
    """Requests that waited for a cold start or a restore."""
    throttled: float
    """Requests that were refused in each attempt, or waited longer than the timeout."""
    mean_concurrency: float
    peak_concurrency: float
    environments: int
    """The most at once: execution environments, processes, or places for requests in tasks."""
    usage: Mapping[str, float]
    """The usage of each meter of the prices in the time of the traffic."""
    busy: Floats
    """The most requests in progress in each minute."""
    capacity: Floats
    """The environments or places in each minute."""
    retried: float = 0.0
    """Attempts of synchronous callers after one that was throttled. Each is a request to the HTTP API."""
    redelivered: float = 0.0
    """Attempts of Lambda itself to deliver an event that it had throttled."""

    @property
    def cold_rate(self) -> float:
        """The share of served requests with a cold start."""
        return self.cold / max(self.requests - self.throttled, 1.0)

    @property
    def throttle_rate(self) -> float:
        """The share of all requests."""
        return self.throttled / max(self.requests, 1.0)

    def monthly(self, workload: Workload) -> dict[str, float]:
        """The usage of a month, as if the traffic repeated, with what comes with it."""
        factor = MONTH_S / workload.traffic.seconds
        usage = {name: quantity * factor for name, quantity in self.usage.items()}
        api = (self.requests * (1 - workload.queued) + self.retried) * factor
        if self.option == "fargate":
            usage["balancer"] = MONTH_S / 3600
        else:
            usage["http_api"] = api
        # A message is sent, received and deleted.
        usage["queue"] = self.requests * factor * workload.queued * 3
        # The proxy is billed for two vCPUs or more.
        proxied = workload.database.proxy_cpus
        usage["proxy"] = max(proxied, 2) * MONTH_S / 3600 if proxied else 0.0
        return usage


@dataclass(frozen=True)
class Connections:
    """The database connections of a result, against the limits."""

    direct: int
    """Without a pooler, each environment has its own."""
    room: int
    pooled: int
    """Server connections with a pooler: at most its pool, and no more than requests in progress."""
    fits_direct: bool
    fits_pooled: bool
    waits: bool
    """More requests are in progress at the peak than the pool has connections."""


def connections(result: Result, database: Database) -> Connections:
    """The connections of a result. Without a configured pooler, the pool is as large as the server has room."""
    direct = result.environments * database.per_environment
    pool = database.room if database.pool is None else database.pool
    peak = max(int(result.peak_concurrency), 1)
    return Connections(
        direct,
        database.room,
        min(pool, peak),
        direct <= database.room,
        direct <= database.max_clients and pool <= database.room,
        peak > pool,
    )


def fits(result: Result, database: Database) -> bool:
    """Whether the connections fit as the database is configured: with a pooler, or without one."""
    found = connections(result, database)
    return found.fits_direct if database.pool is None else found.fits_pooled
