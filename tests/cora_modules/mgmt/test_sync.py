"""Syncs at the same moment: each waits for the one before, and finds nothing left to change."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cora_modules.mgmt.cloud import Cloud
from tests.cora_modules.mgmt.recorder import Recorder
from tests.cora_modules.mgmt.world import FUNCTION, MgmtWorld, crowd

pytestmark = pytest.mark.db


def test_eight_syncs_change_everything_once(world: MgmtWorld, cloud: Cloud, calls: Recorder) -> None:
    cloud.create_function(FUNCTION)
    world.as_("sam").patch(f"/admin/sys/lambda-config/{FUNCTION}", {"memoryMb": 1024, "provisioned": 2})

    with crowd(world, 8) as apps, ThreadPoolExecutor(8) as pool:
        responses = [*pool.map(lambda client: client.post("/admin/sys/lambda-config/sync", {}), apps)]

    assert [response.status for response in responses] == [200] * 8
    assert sum(len(response.json()["changed"]) for response in responses) == 2
    assert calls.writes() == [
        f"PUT functions/{FUNCTION}/configuration",
        f"POST functions/{FUNCTION}/versions",
        f"PUT functions/{FUNCTION}/aliases/live",
        f"PUT functions/{FUNCTION}/provisioned-concurrency?Qualifier=live",
    ]
