"""Why consumers refused messages: one row for each message and code, and one for all records of no message."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.sql.shop import ALICE, Unit
from tests.org_common.sql.test_0011_received import CALLERS, RECEIVES, World, refused

pytestmark = pytest.mark.db

ROWS = """
select coalesce(jsonb_agg(jsonb_build_array(consumer, message_id, code, reason, record_id, attempts)
  order by message_id, code), '[]') from app.refused_messages
"""


@pytest.fixture
def world(platform: LocalDatabase) -> Iterator[World]:
    with psycopg.connect(platform.admin_url) as conn:
        yield World(conn)
        conn.rollback()


def refuse(world: World, message: int | None, code: str = "not_found", *, id: str = "a", reason: str = "Gone.") -> None:
    world.become("authenticated", RECEIVES)
    world.ask("select app.refuse_message('jobs SQS ingest', %s, %s, %s, %s)", message, id, code, reason)


def rows(world: World) -> Any:
    world.conn.execute("reset role")
    return world.ask(ROWS)


def test_attempts_are_counted(world: World) -> None:
    message = world.sent()
    refuse(world, message, id="a", reason="Gone.")
    refuse(world, message, "forbidden")
    world.deliver()
    refuse(world, message, id="b", reason="Gone again.")

    assert rows(world) == [
        ["jobs SQS ingest", message, "forbidden", "Gone.", "a", 1],
        ["jobs SQS ingest", message, "not_found", "Gone again.", "b", 2],
    ]


def test_forged_ids_share_one_row(world: World) -> None:
    sent = world.sent()
    for forged in (sent + 1, 2**63 - 1, -1, 0, None):
        refuse(world, forged, "unknown_message", id=f"{forged}")

    assert rows(world) == [["jobs SQS ingest", 0, "unknown_message", "Gone.", "None", 5]]


def test_long_texts_are_cut(world: World) -> None:
    refuse(world, None, "c" * 200, id="i" * 300, reason="ü" * 600)

    assert rows(world) == [["jobs SQS ingest", 0, "c" * 100, "ü" * 500, "i" * 200, 1]]


@pytest.mark.parametrize("caller", CALLERS)
def test_handler_refuses_nothing(world: World, caller: str) -> None:
    message = world.sent()
    world.become(*CALLERS[caller])

    with refused("42501"):
        world.ask("select app.refuse_message('jobs', %s, 'a', 'not_found', '')", message)


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize(
    "statement",
    [
        "select from app.refused_messages",
        "insert into app.refused_messages (consumer, message_id, code, reason, record_id) values ('j', 0, 'c', '', '')",
        "update app.refused_messages set attempts = 0",
        "delete from app.refused_messages",
    ],
)
def test_request_neither_sees_nor_changes_them(unit: Unit, role: str, statement: str) -> None:
    with unit({"sub": ALICE}, role) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(statement)


def test_old_ones_are_purged(world: World) -> None:
    refuse(world, None, "old")
    world.conn.execute("reset role")
    world.ask("update app.refused_messages set refused_at = now() - interval '31 days'")
    refuse(world, None, "new")
    world.become("app_service")
    world.ask("select app.purge_delivered()")

    assert [row[2] for row in rows(world)] == ["new"]
