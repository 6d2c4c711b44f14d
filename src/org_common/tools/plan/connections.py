"""The connections that a manifest's functions can open, against the limits, and the smallest change that fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from org_common.tools.doctor.budget import OTHERS, Pooler, Server

Json = Mapping[str, Any]
DATABASE = ("database", "service_database")
RDS_BYTES, RDS_MOST = 9_531_392, 5000


@dataclass(frozen=True)
class Use:
    """What one function can open, or several that share a limit."""

    function: str
    environments: int
    why: str
    """Where the number of environments comes from."""
    each: int
    """Processes times connections of an environment."""
    shared: tuple[str, ...] = ()
    """The functions without a limit of their own, which share the rest of the account's."""

    @property
    def most(self) -> int:
        """Connections."""
        return self.environments * self.each


@dataclass(frozen=True)
class Limits:
    """What PostgreSQL accepts, and a pooler in front of it."""

    server: Server
    pooler: Pooler | None = None

    @property
    def accepted(self) -> int:
        """Connections of functions."""
        return self.server.free if self.pooler is None else self.pooler.max_clients

    @property
    def name(self) -> str:
        """What the functions connect to."""
        return "PostgreSQL" if self.pooler is None else "the pooler"


@dataclass(frozen=True)
class Change:
    """A change that makes the connections fit."""

    text: str
    settings: Mapping[str, int]
    """The new `reserved` of each function; "*" for all without their own. Empty for a change of the limits."""

    @property
    def patch(self) -> str:
        """What to write into pyproject.toml."""
        return "\n".join(
            f"[tool.org-common.functions.{_key(name)}]\nreserved = {number}" for name, number in self.settings.items()
        )


def rds_max_connections(gigabytes: float) -> int:
    """The default `max_connections` of RDS for PostgreSQL, for an instance with this memory.

    LEAST(DBInstanceClassMemory / 9531392, 5000) of the default parameter group. The class has somewhat less than its
    nominal memory, so the true value is a few percent lower.
    """
    return min(int(gigabytes * 1024**3 / RDS_BYTES), RDS_MOST)


def uses(manifest: Json, account: int, *, processes: int = 1, connections: int = 1) -> list[Use]:
    """What the functions of a manifest that use the database can open; the largest first.

    A function without `reserved` that only queues and schedules invoke has at most their concurrency. All others share
    what the account's limit leaves.
    """
    functions = manifest["functions"]
    each, left = processes * connections, account
    found: list[Use] = []
    shared: list[str] = []
    for name, function in sorted(functions.items()):
        left -= function["reserved"] or 0
        if not any(setting in DATABASE for setting in function["settings"]):
            continue
        if function["reserved"] is not None:
            found.append(Use(name, function["reserved"], "reserved", each))
        elif (polled := _polled(function)) is not None:
            found.append(Use(name, polled, "queues and schedules", each))
        else:
            shared.append(name)
    if shared:
        found.append(Use(f"{len(shared)} without reserved", max(left, 0), "rest of the account", each, tuple(shared)))
    return sorted(found, key=lambda use: -use.most)


def excess(found: Sequence[Use], limits: Limits) -> int:
    """The connections above what is accepted; 0 if they fit."""
    return max(sum(use.most for use in found) - limits.accepted, 0)


def pool_excess(limits: Limits) -> int:
    """The server connections of the pooler above what the server has room for."""
    return 0 if limits.pooler is None else max(limits.pooler.server_connections - limits.server.free, 0)


def smallest_change(found: Sequence[Use], limits: Limits) -> Change:
    """The change of the fewest settings that makes the connections fit."""
    most = sum(use.most for use in found)
    if limits.pooler is not None and pool_excess(limits):
        size = max(limits.server.free // limits.pooler.pools - limits.pooler.reserve_size, 1)
        return Change(f"set the pooler's pool size to {size}, from {limits.pooler.pool_size}", {})
    if limits.pooler is not None:
        return Change(f"set the pooler's limit of clients to {most}, from {limits.pooler.max_clients}", {})
    return _fewer_environments(found, limits.accepted) or Change(
        f"put a transaction pooler in front, with room for {most} clients; "
        f"one connection of each function needs {sum(use.each * max(len(use.shared), 1) for use in found)}, "
        f"and {limits.name} has room for {limits.accepted}",
        {},
    )


def lines(found: Sequence[Use], limits: Limits) -> Iterator[str]:
    """The functions with what they can open, and the verdict."""
    width = max((len(use.function) for use in found), default=0)
    for use in found:
        yield f"{use.function:<{width}}  {use.environments:>5} x {use.each} = {use.most:>5}   {use.why}"
    most = sum(use.most for use in found)
    verdict = "fits" if not excess(found, limits) else f"{excess(found, limits)} too many"
    yield f"{'together':<{width}}  {most:>17}   {limits.name} accepts {limits.accepted}: {verdict}"
    if limits.pooler is None:
        yield (
            f"PostgreSQL: {limits.server.max_connections} max_connections - {limits.server.reserved} reserved "
            f"- {OTHERS} for other clients"
        )
    else:
        over = pool_excess(limits)
        verdict = "fits" if not over else f"{over} too many"
        yield (
            f"the pooler opens {limits.pooler.server_connections} connections, "
            f"PostgreSQL has room for {limits.server.free}: {verdict}"
        )


def document(found: Sequence[Use], limits: Limits) -> dict[str, Any]:
    """The same for programs, with the smallest change that fits; null if all fits."""
    over, pooled = excess(found, limits), pool_excess(limits)
    change = smallest_change(found, limits) if over or pooled else None
    return {
        "functions": [{**asdict(use), "connections": use.most} for use in found],
        "connections": sum(use.most for use in found),
        "accepted": limits.accepted,
        "excess": over,
        "pool_excess": pooled,
        "change": None if change is None else {"text": change.text, "reserved": dict(change.settings)},
    }


def _polled(function: Json) -> int | None:
    """The most environments of a function that only queues and schedules invoke; None for any other."""
    if function["type"] != "app" or function["routes"] or function["bus_events"]:
        return None
    if any(bucket["queue"] is None for bucket in function["buckets"].values()):
        return None
    invoked = sum(queue["concurrency"] for queue in function["queues"].values()) + len(function["schedules"])
    return invoked or None


def _fewer_environments(found: Sequence[Use], room: int) -> Change | None:
    """One function with fewer environments, or else the same limit for all that have more; None if neither fits."""
    most = sum(use.most for use in found)
    for use in found:
        left = (room - (most - use.most)) // use.each
        if use.shared and left >= len(use.shared):
            each = left // len(use.shared)
            names = dict.fromkeys(use.shared, each)
            return Change(f"reserve {each} environments for each of {len(use.shared)} functions", names)
        # A function that is cut to less than a quarter is not what is wrong.
        if not use.shared and left >= max(use.environments // 4, 1):
            return Change(
                f"reserve {left} environments for {use.function}, not {use.environments}", {use.function: left}
            )
    cap = _common_cap(found, room)
    if cap is None:
        return None
    settings = {
        name: cap for use in found for name in (use.shared or (use.function,)) if use.shared or use.environments > cap
    }
    return Change(f"reserve at most {cap} environments for each of {len(settings)} functions", settings)


def _common_cap(found: Sequence[Use], room: int) -> int | None:
    """The largest limit with which all fit."""
    for cap in range(max((use.environments for use in found), default=0), 0, -1):
        total = sum(use.each * (len(use.shared) * cap if use.shared else min(use.environments, cap)) for use in found)
        if total <= room:
            return cap
    return None


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else f'"{name}"'
