"""The connection budget: how many connections the functions can open, and how many there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from org_common.tools.doctor.finding import Finding

# Migrations, relays, consoles, monitoring: whoever else must get in.
OTHERS = 5


@dataclass(frozen=True)
class Server:
    """`reserved` is for superusers and for roles that the server keeps slots for; others cannot have it."""

    max_connections: int
    reserved: int = 3

    @property
    def free(self) -> int:
        return self.max_connections - self.reserved - OTHERS


@dataclass(frozen=True)
class Pooler:
    """`pool_size` are connections to the server for each user and database, `pools` how many such pairs there are."""

    max_clients: int
    pool_size: int
    pools: int = 1
    reserve_size: int = 0

    @property
    def server_connections(self) -> int:
        return (self.pool_size + self.reserve_size) * self.pools


@dataclass(frozen=True)
class Demand:
    """One function: how many environments it can have at once, and how many connections each opens."""

    function: str
    environments: int
    connections: int = 1

    @property
    def most(self) -> int:
        return self.environments * self.connections


def check(demands: Sequence[Demand], server: Server | None, pooler: Pooler | None) -> Iterator[Finding]:
    """Whether everybody gets in at once."""
    most = sum(demand.most for demand in demands)
    biggest = ", ".join(
        f"{demand.function} {demand.most}" for demand in sorted(demands, key=lambda each: -each.most)[:3]
    )
    shown = f"{len(demands)} functions can open {most} connections at once ({biggest})"
    if pooler is None and server is not None and most > server.free:
        yield Finding(
            "budget.exceeded",
            "the server",
            f"{shown}, and it has room for {server.free}: {server.max_connections} max_connections, "
            f"{server.reserved} reserved, {OTHERS} for others",
            f"put a transaction pooler in front, or reserve concurrency for {server.free} environments in all",
        )
    if pooler is not None and most > pooler.max_clients:
        yield Finding(
            "budget.exceeded",
            "the pooler",
            f"{shown}, and it takes {pooler.max_clients} clients",
            f"set max_client_conn to {most + most // 10} or more, or reserve less concurrency",
        )
    if pooler is not None and server is not None and pooler.server_connections > server.free:
        yield Finding(
            "budget.exceeded",
            "the pooler",
            f"it can open {pooler.server_connections} connections, and the server has room for {server.free}",
            f"set default_pool_size to {max(server.free // pooler.pools - pooler.reserve_size, 1)} or less",
        )


def demands(
    concurrency: Mapping[str, int | None], account: int | None, connections: Mapping[str, int]
) -> tuple[list[Demand], list[Finding]]:
    """What each function can ask for. Without a concurrency of its own it may have all that the account has left."""
    reserved = sum(each for each in concurrency.values() if each is not None)
    left = None if account is None else max(account - reserved, 0)
    found: list[Demand] = []
    told: list[Finding] = []
    shared = sorted(name for name, each in concurrency.items() if each is None)
    found += [
        Demand(name, each, connections.get(name, 1)) for name, each in sorted(concurrency.items()) if each is not None
    ]
    if shared:
        names = ", ".join(shared)
        told.append(
            Finding(
                "budget.unknown",
                names,
                "no concurrency is reserved: together they may have "
                + (
                    f"the {left} environments that are left of the account's {account}"
                    if left is not None
                    else "any number"
                ),
                "reserve concurrency for each (reserved_concurrent_executions), so that the budget is one",
            )
        )
        if left is not None:
            # They share what is left, however they share it.
            found.append(
                Demand(f"those without a reservation ({len(shared)})", left, max(connections.get(n, 1) for n in shared))
            )
    return found, told
