"""Sixteen requests at the same moment, each on its own connection: core modules and dependencies hold."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import pytest

from tests.cora_modules.access.world import ACME
from tests.cora_modules.mgmt.world import MODULES, MgmtClient, MgmtWorld, crowd

pytestmark = pytest.mark.db

WRITERS, ROUNDS = 16, 12
SYS, ORG = "/admin/sys/modules", f"/orgs/{ACME}/modules"
NEEDS = {name: needs for name, _, needs in MODULES}
# Each turns modules on and off, against the order of dependencies as often as with it.
TOGGLES = [(name, on) for name in ("ws", "kb", "chat", "ai", "mgmt") for on in (False, True)]


def toggle(client: MgmtClient, path: str, first: int) -> list[int]:
    turns = cycle(TOGGLES)
    for _ in range(first):
        next(turns)
    field = "isEnabled" if path == SYS else "enabled"
    return [
        client.patch(f"{path}/{name}", {field: on}).status for (name, on), _ in zip(turns, range(ROUNDS), strict=False)
    ]


def enabled(world: MgmtWorld) -> dict[str, bool]:
    return {row["name"]: row["is_enabled"] for row in world.read("modules")}


def broken(states: dict[str, bool]) -> list[str]:
    return [name for name, on in states.items() if on and not all(states[needed] for needed in NEEDS[name])]


def run(world: MgmtWorld, work: list[tuple[str, str]]) -> list[int]:
    """The statuses of all requests of these writers, who are (person, path)."""
    with crowd(world, len(work)), ThreadPoolExecutor(len(work)) as pool:
        started = [pool.submit(toggle, world.as_(name), path, at * 3) for at, (name, path) in enumerate(work)]
        return [status for each in started for status in each.result(120)]


def resolved(world: MgmtWorld) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in world.as_("alice").get(ORG).json()["items"]}


def test_platform_keeps_dependencies(world: MgmtWorld) -> None:
    statuses = run(world, [("sam", SYS), ("root", SYS)] * (WRITERS // 2))

    assert set(statuses) <= {200, 409}
    assert {200, 409} <= set(statuses)
    assert broken(enabled(world)) == []
    assert (enabled(world)["access"], enabled(world)["mgmt"]) == (True, True)


def test_organization_keeps_dependencies(world: MgmtWorld) -> None:
    statuses = run(world, [("alice", ORG), ("dave", ORG)] * (WRITERS // 2))

    assert set(statuses) <= {200, 409}
    states = resolved(world)
    assert broken({name: item["isEnabled"] for name, item in states.items()}) == []
    # What the organization has set agrees with itself too: nothing is off because of a dependency alone.
    assert [name for name, item in states.items() if item["decidedBy"] == "dependency"] == []
    rows = [row["module"] for row in world.read("modules_org") if row["org_id"] == ACME]
    assert len(rows) == len(set(rows))


def test_platform_and_organization_at_once(world: MgmtWorld) -> None:
    statuses = run(world, [("sam", SYS), ("alice", ORG)] * (WRITERS // 2))

    assert set(statuses) <= {200, 409}
    assert broken(enabled(world)) == []
    assert broken({name: item["isEnabled"] for name, item in resolved(world).items()}) == []


def test_configuration_loses_no_change(world: MgmtWorld) -> None:
    """Each writer adds a key of its own."""
    with crowd(world, WRITERS), ThreadPoolExecutor(WRITERS) as pool:
        jobs = [
            pool.submit(world.as_(name).patch, f"{path}/chat", {"config": {f"{name}{at}": at}})
            for at in range(WRITERS // 2)
            for name, path in (("alice", ORG), ("sam", SYS))
        ]
        assert {job.result(60).status for job in jobs} == {200}

    (module,) = [row for row in world.read("modules") if row["name"] == "chat"]
    assert {f"sam{at}" for at in range(WRITERS // 2)} <= module["config"].keys()
    assert resolved(world)["chat"]["config"] == {f"alice{at}": at for at in range(WRITERS // 2)}
