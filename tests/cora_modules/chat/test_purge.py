"""The purge: of expired chats with their messages and bases, in bounded batches, and it resumes after a crash."""

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from cora_modules.chat import chats, purge
from org_common import Database, Deadline, Settings
from org_common.db import service as service_module
from org_common.db.service import service_database
from org_common.tools.serve.invoke import schedule_event
from org_common.values.types import LocalContext
from tests.cora_modules.access.world import ACME
from tests.cora_modules.chat.world import DIARY, GONE, LAUNCH, NOTES, PAPERS, ChatWorld
from tests.cora_modules.ws.world import ROCKETS

pytestmark = pytest.mark.db

TABLES = ("chat_members", "chat_favorites", "chat_bases", "messages")


@pytest.fixture
def service(world: ChatWorld) -> Iterator[Database]:
    with closing(service_database(Settings(service_database_url=world.local.service_url))) as database:
        yield database


def rows(world: ChatWorld, chat_id: UUID) -> int:
    """The rows of a chat, its own one included."""
    found = len(world.chat_rows("chats", f"id = '{chat_id}'"))
    return found + sum(len(world.chat_rows(table, f"chat_id = '{chat_id}'")) for table in TABLES)


def expire(world: ChatWorld, chat_id: UUID) -> None:
    """Delete a chat, and let its retention be over."""
    for change in ("deleted_at = now()", "purge_at = now() - interval '1 second'"):
        world.admin.execute(f"update chat.chats set {change} where id = %s".encode(), [chat_id])


def fill(world: ChatWorld, chat_id: UUID, count: int) -> None:
    for _ in range(count):
        world.put("chat.messages", org_id=ACME, chat_id=chat_id, role="user", content="More")


def clean(service: Database) -> int:
    return purge.purge_expired(Deadline.after(60), database=service)


def test_nothing_is_purged_within_its_retention(world: ChatWorld, service: Database) -> None:
    world.as_("frank").delete(f"/chats/{DIARY}")
    before = world.snapshot()

    assert (clean(service), world.snapshot()) == (0, before)
    [chat] = world.chat_rows("chats", f"id = '{DIARY}'")
    assert (chat["purge_at"] - chat["deleted_at"]).days == 30


def test_chat_keeps_the_retention_of_its_workspace(world: ChatWorld) -> None:
    world.admin.execute("update ws.workspaces set retention_days = 7 where id = %s", [ROCKETS])

    world.as_("carol").delete(f"/chats/{LAUNCH}")

    [chat] = world.chat_rows("chats", f"id = '{LAUNCH}'")
    assert (chat["purge_at"] - chat["deleted_at"]).days == 7


def test_expired_chat_is_purged_with_its_base_and_nothing_else(world: ChatWorld, service: Database) -> None:
    others = [rows(world, chat_id) for chat_id in (LAUNCH, NOTES, GONE)]
    bases = len(world.admin.execute("select from kb.kb_bases").fetchall())
    expire(world, DIARY)

    assert clean(service) > 0

    assert (rows(world, DIARY), [rows(world, chat_id) for chat_id in (LAUNCH, NOTES, GONE)]) == (0, others)
    assert len(world.admin.execute("select from kb.kb_bases where id <> %s", [PAPERS]).fetchall()) == bases - 1


def test_chats_of_an_expired_workspace_are_purged_before_it(world: ChatWorld, service: Database) -> None:
    world.admin.execute(
        "update ws.workspaces set deleted_at = now(), purge_at = now() - interval '1 second' where id = %s", [ROCKETS]
    )

    clean(service)

    assert (rows(world, LAUNCH), rows(world, NOTES), rows(world, DIARY) > 0) == (0, 0, True)
    assert len(world.ws_rows("workspaces", f"id = '{ROCKETS}'")) == 1


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_batches_are_bounded(world: ChatWorld, batch: int) -> None:
    fill(world, DIARY, 9)
    expire(world, DIARY)
    messages = len(world.chat_rows("messages", f"chat_id = '{DIARY}'"))

    deleted: list[int] = []
    with psycopg.connect(world.local.service_url, autocommit=True) as conn:
        while not deleted or deleted[-1]:
            (count,) = conn.execute("select chat.purge(%s)", [batch]).fetchone() or (0,)
            deleted.append(count)

    # The messages, the base and the chat, with which its members and favorites go.
    assert (sum(deleted), rows(world, DIARY)) == (messages + 2, 0)
    assert set(deleted[:-2]) == {batch}


def test_crash_in_the_middle_loses_nothing_and_the_next_purge_continues(world: ChatWorld, service: Database) -> None:
    fill(world, DIARY, 9)
    expire(world, DIARY)
    expected = rows(world, DIARY)

    with psycopg.connect(world.local.service_url) as conn:
        (first,) = conn.execute("select chat.purge(6)").fetchone() or (0,)
        conn.commit()
        # The server loses the connection in the middle of the next batch.
        conn.execute("select chat.purge(6)")
        world.admin.execute("select pg_terminate_backend(%s, 10000)", [conn.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            conn.commit()
    assert rows(world, DIARY) == expected - first

    clean(service)

    assert rows(world, DIARY) == 0


def test_restored_chat_is_kept(world: ChatWorld, service: Database) -> None:
    path = f"/orgs/{ACME}/chats/{GONE}/restore"
    assert world.as_("alice").post(path).status == 200

    [chat] = world.chat_rows("chats", f"id = '{GONE}'")
    assert (chat["deleted_at"], chat["purge_at"], clean(service)) == (None, None, 0)


def test_expired_chat_cannot_be_restored(world: ChatWorld) -> None:
    fill(world, GONE, 2)
    expire(world, GONE)
    path = f"/orgs/{ACME}/chats/{GONE}/restore"
    statuses = []

    with psycopg.connect(world.local.service_url, autocommit=True) as conn:
        while rows(world, GONE):
            answer = world.as_("alice").post(path)
            statuses.append((answer.status, answer.json()["code"]))
            conn.execute("select chat.purge(1)")

    assert set(statuses) == {(410, "retention_over")}
    assert world.as_("alice").post(path).status == 404


def test_schedule_purges_on_the_login_of_the_settings(world: ChatWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", world.local.service_url)
    monkeypatch.setattr(service_module, "_default", None)
    expire(world, DIARY)

    chats.app(schedule_event("prod-purge_chats"), LocalContext("test", 60))

    assert rows(world, DIARY) == 0
    service_module.default().close()


def test_second_purge_leaves_the_rows_to_the_first(world: ChatWorld, service: Database) -> None:
    expire(world, DIARY)

    with psycopg.connect(world.local.service_url) as conn:
        conn.execute("select kb.purge(1)")
        assert clean(service) == 0
        conn.rollback()

    assert clean(service) > 0


@pytest.mark.parametrize("table", ["chats", *TABLES])
def test_service_reads_no_table(world: ChatWorld, table: str) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(world.local.service_url) as conn,
    ):
        conn.execute(f"select 1 from chat.{table}".encode())
