"""The workload: what is asked of a function, and the limits that it meets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from org_common.tools.plan.distribution import Distribution
from org_common.tools.plan.traffic import Traffic


@dataclass(frozen=True)
class Database:
    """The connections of the database server, and of a pooler in front of it."""

    max_connections: int = 100
    reserved: int = 8
    """Kept free for superusers, migrations, relays and consoles."""
    per_environment: int = 1
    """Connections of one environment, process or task."""
    pool: int | None = None
    """Server connections of a transaction pooler; None without one."""
    max_clients: int = 1000
    """Connections that the pooler accepts."""
    proxy_cpus: int = 0
    """vCPUs of the database behind an RDS Proxy, for its price; 0 without one."""

    @property
    def room(self) -> int:
        """Connections for functions."""
        return max(self.max_connections - self.reserved, 0)


@dataclass(frozen=True)
class Workload:
    """A function and its traffic."""

    traffic: Traffic
    service: Distribution
    """The times of a warm request."""
    start: Distribution
    """The times of a cold start, before its request."""
    restore: Distribution
    """The times of a restore from a snapshot."""
    memory_mb: int = 512
    arch: str = "arm64"
    timeout_s: float = 15.0
    idle_s: int = 300
    """An environment that is idle for longer ends. AWS documents no time; 5 to 15 minutes are seen."""
    account: int = 1000
    """The requests in progress that the account allows, or the reserved concurrency of the function."""
    provisioned: tuple[int, int] | None = None
    """The least and the most provisioned environments; None to choose them from the traffic."""
    utilization: float = 0.7
    """The target of autoscaling."""
    cpu_share: float = 0.25
    """The part of a request's time that needs a processor: it limits how many share one."""
    queued: float = 0.0
    """The share of requests that are events of a queue, or asynchronous: Lambda retries them when it throttles them."""
    retries: int = 0
    """Attempts of the other callers after one that was throttled, with backoff."""
    database: Database = field(default_factory=Database)
    seed: int = 1
    exact_up_to: int = 400_000
    """Requests that are simulated one by one, which takes half a second. Above, ticks and formulas are as good: the
    chance of a single run is about as large as their error."""

    @property
    def gb(self) -> float:
        """The memory in GB, as Lambda bills it."""
        return self.memory_mb / 1024

    @property
    def load(self) -> float:
        """The mean of requests in progress, warm."""
        return self.traffic.requests / self.traffic.seconds * self.service.mean

    def changed(self, *, traffic: float = 1.0, start: float = 1.0) -> Workload:
        """The same with another amount of traffic, or other times of cold starts and restores."""
        return replace(
            self,
            traffic=self.traffic.scaled(traffic) if traffic != 1.0 else self.traffic,
            start=self.start.scaled(start),
            restore=self.restore.scaled(start),
        )
