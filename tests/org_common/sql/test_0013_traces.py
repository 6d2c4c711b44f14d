"""A message carries the trace of its sender."""

from collections.abc import Iterator

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.sql.test_0011_received import MINE, World, refused

pytestmark = pytest.mark.db

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.fixture
def world(platform: LocalDatabase) -> Iterator[World]:
    with psycopg.connect(platform.admin_url) as conn:
        yield World(conn)
        conn.rollback()


def send(world: World, trace: str | None) -> None:
    world.become("authenticated", MINE)
    world.ask("select app.send('mail', 'k', '{}', null, %s)", trace)


def test_trace_is_sent_with_the_message(world: World) -> None:
    send(world, TRACE)
    send(world, None)
    # SQL that was written before still sends.
    world.ask("select app.send('mail', 'k', '{}')")
    world.conn.execute("reset role")

    assert world.ask("select array_agg(traceparent order by id) from app.outbox") == [TRACE, None, None]


@pytest.mark.parametrize("trace", ["", "x" * 55, TRACE[:-1], f"{TRACE}-00", TRACE.upper(), f"{TRACE}\n"])
def test_anything_else_is_refused(world: World, trace: str) -> None:
    with refused("23514"):
        send(world, trace)
