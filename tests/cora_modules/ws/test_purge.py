"""The purge: in bounded batches, of expired rows only, and it resumes after a crash."""

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from cora_modules.ws import purge, workspaces
from org_common import Database, Deadline, Settings
from org_common.db import service as service_module
from org_common.db.service import service_database
from org_common.tools.serve.invoke import schedule_event
from org_common.values.types import LocalContext
from tests.cora_modules.access.world import ACME
from tests.cora_modules.ws.world import IDS, OLD, PLANS, ROCKETS, WsWorld, expire

pytestmark = pytest.mark.db

TABLES = ("workspaces", "ws_members", "ws_favorites", "ws_activity", "ws_plugins")


@pytest.fixture
def service(world: WsWorld) -> Iterator[Database]:
    with closing(service_database(Settings(service_database_url=world.local.service_url))) as database:
        yield database


def rows(world: WsWorld, ws_id: UUID) -> int:
    """The rows of a workspace, its own one included."""
    found = world.ws_rows("workspaces", f"id = '{ws_id}'")
    return len(found) + sum(len(world.ws_rows(table, f"ws_id = '{ws_id}'")) for table in TABLES[1:])


def fill(world: WsWorld, ws_id: UUID, count: int) -> None:
    """Add rows of each table to a deleted workspace."""
    for at in range(count):
        world.add("ws_activity", org_id=ACME, ws_id=ws_id, event="updated")
        user_id = world.insert("users", email=f"p{at}-{ws_id}@zq7.example")
        world.insert("org_members", org_id=ACME, user_id=user_id, org_role="org_user")
        key = {"org_id": ACME, "ws_id": ws_id, "user_id": user_id}
        world.add("ws_members", **key, ws_role="ws_user", deleted_at="now", deleted_with_ws=True)
        world.add("ws_favorites", **key)
        world.add("ws_plugins", org_id=ACME, ws_id=ws_id, module=f"m{at}")


def test_nothing_is_purged_within_its_retention(world: WsWorld, service: Database) -> None:
    before = world.snapshot()

    assert purge.purge_expired(Deadline.after(60), database=service) == 0
    assert world.snapshot() == before


def test_expired_workspace_is_purged_with_everything_and_nothing_else(world: WsWorld, service: Database) -> None:
    others = [rows(world, ws_id) for ws_id in (ROCKETS, PLANS)]
    fill(world, OLD, 3)
    expire(world, OLD)
    expected = rows(world, OLD)

    assert purge.purge_expired(Deadline.after(60), database=service) == expected
    assert (rows(world, OLD), [rows(world, ws_id) for ws_id in (ROCKETS, PLANS)]) == (0, others)


def test_removed_member_is_purged_after_the_retention(world: WsWorld, service: Database) -> None:
    world.admin.execute(
        "update ws.ws_members set purge_at = now() - interval '1 second' where user_id = %s", [IDS["grace"]]
    )

    assert purge.purge_expired(Deadline.after(60), database=service) == 1
    assert world.ws_rows("ws_members", f"user_id = '{IDS['grace']}'") == []
    assert set(world.roles(ROCKETS)) == {"carol", "dave", "frank"}


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_batches_are_bounded(world: WsWorld, batch: int) -> None:
    fill(world, OLD, 5)
    expire(world, OLD)
    expected = rows(world, OLD)

    deleted: list[int] = []
    with psycopg.connect(world.local.service_url, autocommit=True) as conn:
        while not deleted or deleted[-1]:
            left = rows(world, OLD)
            (count,) = conn.execute("select ws.purge(%s)", [batch]).fetchone() or (0,)
            deleted.append(count)
            assert left - rows(world, OLD) == count

    assert sum(deleted) == expected
    assert set(deleted[:-2]) == {batch}
    assert rows(world, OLD) == 0


def test_crash_in_the_middle_loses_nothing_and_the_next_purge_continues(world: WsWorld, service: Database) -> None:
    fill(world, OLD, 5)
    expire(world, OLD)
    expected = rows(world, OLD)

    with psycopg.connect(world.local.service_url) as conn:
        (first,) = conn.execute("select ws.purge(6)").fetchone() or (0,)
        conn.commit()
        left = rows(world, OLD)
        # The server loses the connection in the middle of the next batch.
        conn.execute("select ws.purge(6)")
        world.admin.execute("select pg_terminate_backend(%s, 10000)", [conn.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            conn.commit()
    assert rows(world, OLD) == left == expected - first

    assert purge.purge_expired(Deadline.after(60), database=service) == left
    assert rows(world, OLD) == 0


def test_schedule_purges_on_the_login_of_the_settings(world: WsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", world.local.service_url)
    monkeypatch.setattr(service_module, "_default", None)
    expire(world, OLD)

    workspaces.app(schedule_event("prod-purge_workspaces"), LocalContext("test", 60))

    assert rows(world, OLD) == 0
    service_module.default().close()


def test_second_purge_leaves_the_rows_to_the_first(world: WsWorld, service: Database) -> None:
    expire(world, OLD)

    with psycopg.connect(world.local.service_url) as conn:
        conn.execute("select ws.purge(1)")
        assert purge.purge_expired(Deadline.after(60), database=service) == 0
        conn.rollback()

    assert purge.purge_expired(Deadline.after(60), database=service) > 0


def test_workspace_that_is_partly_purged_cannot_be_restored(world: WsWorld) -> None:
    fill(world, OLD, 2)
    expire(world, OLD)
    statuses = []

    with psycopg.connect(world.local.service_url, autocommit=True) as conn:
        while rows(world, OLD):
            conn.execute("select ws.purge(1)")
            statuses.append(world.as_("carol").post(f"/workspaces/{OLD}/restore").status)

    # Gone, and not found once the membership of the caller is purged.
    assert set(statuses) == {404, 410}
    assert statuses == sorted(statuses, reverse=True)


def test_no_batch_begins_shortly_before_the_deadline(world: WsWorld, service: Database) -> None:
    expire(world, OLD)

    assert purge.purge_expired(Deadline.after(purge.SPARE_S - 1), database=service) == 0
    assert rows(world, OLD) > 0


def test_service_sees_and_deletes_expired_rows_only(world: WsWorld) -> None:
    with psycopg.connect(world.local.service_url) as conn:
        seen = {table: conn.execute(f"select 1 from ws.{table}".encode()).rowcount for table in TABLES}
        deleted = {table: conn.execute(f"delete from ws.{table}".encode()).rowcount for table in TABLES}

    assert seen == deleted == dict.fromkeys(TABLES, 0)


@pytest.mark.parametrize("table", ["ws_config_sys", "ws_config_org", "live_workspaces", "live_members"])
def test_service_is_refused_everything_else(world: WsWorld, table: str) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(world.local.service_url) as conn,
    ):
        conn.execute(f"select 1 from ws.{table}".encode())


@pytest.mark.parametrize("table", TABLES)
def test_service_reads_no_content(world: WsWorld, table: str) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(world.local.service_url) as conn,
    ):
        conn.execute(f"select * from ws.{table}".encode())
