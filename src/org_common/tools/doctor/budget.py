"""The connection budget: the connections that functions can open, against those that server and pooler accept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from org_common.tools.doctor.finding import Finding

# Connections kept free for migrations, relays, consoles and monitoring.
OTHERS = 5


@dataclass(frozen=True)
class Server:
    """The connection limits of a PostgreSQL server."""

    max_connections: int
    reserved: int = 3
    """Slots for superusers and other privileged roles only."""

    @property
    def free(self) -> int:
        """Connections that are left for functions."""
        return self.max_connections - self.reserved - OTHERS


@dataclass(frozen=True)
class Pooler:
    """The connection limits of a PgBouncer."""

    max_clients: int
    pool_size: int
    """Server connections per pool, that is, per user and database."""
    pools: int = 1
    reserve_size: int = 0
    """Additional server connections per pool (`reserve_pool_size`)."""

    @property
    def server_connections(self) -> int:
        """The most connections that it opens to the server."""
        return (self.pool_size + self.reserve_size) * self.pools


@dataclass(frozen=True)
class Demand:
    """The connections that one function can open."""

    function: str
    environments: int
    """The most execution environments at once."""
    connections: int = 1
    """Connections per environment."""

    @property
    def most(self) -> int:
        """The most connections at once."""
        return self.environments * self.connections


def check(demands: Sequence[Demand], server: Server | None, pooler: Pooler | None) -> Iterator[Finding]:
    """Findings where the functions at full concurrency need more connections than server or pooler accept."""
    most = sum(demand.most for demand in demands)
    biggest = ", ".join(
        f"{demand.function} {demand.most}" for demand in sorted(demands, key=lambda demand: -demand.most)[:3]
    )
    total = f"{len(demands)} functions can open {most} connections at once ({biggest})"
    if pooler is None and server is not None and most > server.free:
        yield Finding(
            "budget.exceeded",
            "the server",
            f"{total}, but the server has room for {server.free}: {server.max_connections} max_connections"
            f" - {server.reserved} reserved - {OTHERS} for other clients",
            f"use a transaction pooler, or limit the reserved concurrency to {server.free} environments in total",
        )
    if pooler is not None and most > pooler.max_clients:
        yield Finding(
            "budget.exceeded",
            "the pooler",
            f"{total}, but the pooler accepts {pooler.max_clients} clients",
            f"set max_client_conn to {most + most // 10} or more, or reduce the reserved concurrency",
        )
    if pooler is not None and server is not None and pooler.server_connections > server.free:
        yield Finding(
            "budget.exceeded",
            "the pooler",
            f"can open {pooler.server_connections} connections, but the server has room for {server.free}",
            f"set default_pool_size to {max(server.free // pooler.pools - pooler.reserve_size, 1)} or less",
        )


def demands(
    concurrency: Mapping[str, int | None], account: int | None, connections: Mapping[str, int]
) -> tuple[list[Demand], list[Finding]]:
    """The demand of each function, and findings for those without reserved concurrency.

    `concurrency` is the reserved concurrency by function, None without one: such functions share what the limit of the
    `account` leaves. `connections` are the connections per environment by function, by default 1.
    """
    reserved = sum(number for number in concurrency.values() if number is not None)
    left = None if account is None else max(account - reserved, 0)
    function_demands: list[Demand] = []
    findings: list[Finding] = []
    shared = sorted(name for name, number in concurrency.items() if number is None)
    function_demands += [
        Demand(name, number, connections.get(name, 1))
        for name, number in sorted(concurrency.items())
        if number is not None
    ]
    if shared:
        names = ", ".join(shared)
        findings.append(
            Finding(
                "budget.unknown",
                names,
                "have no reserved concurrency: together they can start "
                + (
                    f"{left} environments, the unreserved part of the account's {account}"
                    if left is not None
                    else "any number of environments"
                ),
                "reserve concurrency for each of them (reserved_concurrent_executions)",
            )
        )
        if left is not None:
            # They share the rest, however it is split.
            function_demands.append(
                Demand(
                    f"functions without reserved concurrency ({len(shared)})",
                    left,
                    max(connections.get(n, 1) for n in shared),
                )
            )
    return function_demands, findings
