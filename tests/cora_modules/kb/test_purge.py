"""The purge: of expired documents and bases with their files, in bounded batches, and it resumes after a crash."""

from uuid import UUID

import psycopg
import pytest

from cora_modules.kb import ingest, purge, storage
from org_common import Database, Deadline, Unavailable
from org_common.db import service as service_module
from org_common.tools.serve.invoke import schedule_event
from org_common.values.types import LocalContext
from tests.cora_modules.access.world import ACME
from tests.cora_modules.kb.bucket import Bucket
from tests.cora_modules.kb.world import DOCUMENTS, GONE_BASE, HANDBOOK, ROCKET_BASE, RULES, KbWorld
from tests.cora_modules.ws.world import ROCKETS

pytestmark = pytest.mark.db

TABLES = ("kb_documents", "kb_texts", "kb_chunks", "kb_indexes")
KEYS = {base_id: str(storage.storage_key(ACME, base_id, DOCUMENTS[base_id])) for base_id in (HANDBOOK, ROCKET_BASE)}


@pytest.fixture(autouse=True)
def no_removed_files(world: KbWorld) -> None:
    world.admin.execute("delete from kb.kb_removed_files")


def rows(world: KbWorld, base_id: UUID) -> int:
    """The rows of a base, its own one included."""
    found = len(world.kb_rows("kb_bases", f"id = '{base_id}'"))
    return found + sum(len(world.kb_rows(table, f"base_id = '{base_id}'")) for table in TABLES)


def fill(world: KbWorld, base_id: UUID, count: int) -> None:
    """Add chunks and parts of the text to a base's document."""
    for seq in range(1, count + 1):
        world.add_chunk(base_id, f"More {seq}.", seq=seq)
        document = {"org_id": ACME, "base_id": base_id, "document_id": DOCUMENTS[base_id]}
        world.add_kb("kb_texts", **document, start_char=seq * 100_000, content="more")


def expire(world: KbWorld, table: str, id: UUID) -> None:
    """Delete a row, and let its retention be over."""
    for change in ("deleted_at = now()", "purge_at = now() - interval '1 second'"):
        world.admin.execute(f"update kb.{table} set {change} where id = %s".encode(), [id])


def store_files(bucket: Bucket) -> None:
    for key in KEYS.values():
        bucket.put(key, b"x")


def clean(service: Database) -> int:
    return purge.purge_expired(Deadline.after(60), database=service)


def test_nothing_is_purged_within_its_retention(world: KbWorld, bucket: Bucket, service: Database) -> None:
    store_files(bucket)
    world.as_("alice").delete(f"/kb/{HANDBOOK}/documents/{RULES}")
    world.as_("dave").delete(f"/kb/{ROCKET_BASE}")
    before = world.snapshot()

    assert (clean(service), world.snapshot()) == (0, before)
    assert set(bucket.keys()) == set(KEYS.values())
    # The deleted base is of the organization: 30 days, which is the platform's retention.
    kept = [(row["purge_at"] - row["deleted_at"]).days for row in world.kb_rows("kb_bases", "deleted_at is not null")]
    assert kept == [30, 30]


def test_documents_keep_the_retention_of_their_workspace(world: KbWorld) -> None:
    world.admin.execute("update ws.workspaces set retention_days = 7 where id = %s", [ROCKETS])

    world.as_("dave").delete(f"/kb/{ROCKET_BASE}/documents/{DOCUMENTS[ROCKET_BASE]}")

    document = world.document(DOCUMENTS[ROCKET_BASE])
    assert (document["purge_at"] - document["deleted_at"]).days == 7


def test_expired_document_is_purged_with_its_file_and_nothing_else(
    world: KbWorld, bucket: Bucket, service: Database
) -> None:
    store_files(bucket)
    other = rows(world, ROCKET_BASE)
    world.as_("alice").delete(f"/kb/{HANDBOOK}/documents/{RULES}")
    world.admin.execute("update kb.kb_documents set purge_at = now() - interval '1 second' where id = %s", [RULES])

    # Its chunks and its text went when it was deleted.
    assert clean(service) == len(["the document", "the file"])
    assert (world.kb_rows("kb_documents", f"id = '{RULES}'"), bucket.keys()) == ([], [KEYS[ROCKET_BASE]])
    assert (len(world.kb_rows("kb_bases")), rows(world, ROCKET_BASE)) == (5, other)
    assert world.kb_rows("kb_removed_files") == []


def test_expired_base_is_purged_with_its_documents(world: KbWorld, bucket: Bucket, service: Database) -> None:
    store_files(bucket)
    fill(world, HANDBOOK, 3)
    expire(world, "kb_bases", HANDBOOK)

    clean(service)

    assert (rows(world, HANDBOOK), bucket.keys()) == (0, [KEYS[ROCKET_BASE]])
    assert rows(world, ROCKET_BASE) > 0
    assert rows(world, GONE_BASE) > 0


def test_base_of_an_expired_workspace_is_purged_before_it(world: KbWorld, bucket: Bucket, service: Database) -> None:
    store_files(bucket)
    world.admin.execute(
        "update ws.workspaces set deleted_at = now(), purge_at = now() - interval '1 second' where id = %s", [ROCKETS]
    )

    clean(service)

    assert (rows(world, ROCKET_BASE), bucket.keys()) == (0, [KEYS[HANDBOOK]])
    assert len(world.ws_rows("workspaces", f"id = '{ROCKETS}'")) == 1


@pytest.mark.parametrize(
    ("table", "id", "files", "kept"), [("access.orgs", ACME, 3, []), ("ws.workspaces", ROCKETS, 1, [KEYS[HANDBOOK]])]
)
def test_file_of_a_cascade_is_deleted_too(
    world: KbWorld, bucket: Bucket, service: Database, table: str, id: UUID, files: int, kept: list[str]
) -> None:
    """The database deletes documents with their workspace or organization, and cannot delete their files."""
    store_files(bucket)
    world.admin.execute(f"delete from {table} where id = %s".encode(), [id])

    assert (clean(service), bucket.keys()) == (files, kept)


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_batches_are_bounded(world: KbWorld, batch: int) -> None:
    fill(world, HANDBOOK, 5)
    expire(world, "kb_bases", HANDBOOK)
    indexes = len(world.kb_rows("kb_indexes", f"base_id = '{HANDBOOK}'"))
    expected = rows(world, HANDBOOK) - indexes

    deleted: list[int] = []
    with psycopg.connect(world.local.service_url, autocommit=True) as conn:
        while not deleted or deleted[-1]:
            (count,) = conn.execute("select kb.purge(%s)", [batch]).fetchone() or (0,)
            deleted.append(count)

    # The two rows about its models go with the base.
    assert (sum(deleted), rows(world, HANDBOOK)) == (expected, 0)
    assert set(deleted[:-2]) == {batch}


def test_crash_in_the_middle_loses_nothing_and_the_next_purge_continues(
    world: KbWorld, bucket: Bucket, service: Database
) -> None:
    store_files(bucket)
    fill(world, HANDBOOK, 5)
    expire(world, "kb_bases", HANDBOOK)
    expected = rows(world, HANDBOOK)

    with psycopg.connect(world.local.service_url) as conn:
        (first,) = conn.execute("select kb.purge(6)").fetchone() or (0,)
        conn.commit()
        # The server loses the connection in the middle of the next batch.
        conn.execute("select kb.purge(6)")
        world.admin.execute("select pg_terminate_backend(%s, 10000)", [conn.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            conn.commit()
    assert rows(world, HANDBOOK) == expected - first

    clean(service)

    assert (rows(world, HANDBOOK), bucket.keys()) == (0, [KEYS[ROCKET_BASE]])


def test_file_that_the_store_keeps_is_tried_again(
    world: KbWorld, bucket: Bucket, service: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_files(bucket)
    expire(world, "kb_documents", RULES)
    with monkeypatch.context() as environ:
        environ.setenv(storage.BUCKET, "missing")
        with pytest.raises(Unavailable):
            clean(service)
    assert [row["storage_key"] for row in world.kb_rows("kb_removed_files")] == [KEYS[HANDBOOK]]

    assert clean(service) == 1
    assert (bucket.keys(), world.kb_rows("kb_removed_files")) == ([KEYS[ROCKET_BASE]], [])


def test_file_that_is_gone_already_is_forgotten(world: KbWorld, bucket: Bucket, service: Database) -> None:
    """As after a crash between the store and the database."""
    expire(world, "kb_documents", RULES)

    clean(service)

    assert world.kb_rows("kb_removed_files") == []


def test_schedule_purges_on_the_login_of_the_settings(
    world: KbWorld, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", world.local.service_url)
    monkeypatch.setattr(service_module, "_default", None)
    expire(world, "kb_bases", HANDBOOK)

    ingest.app(schedule_event("prod-purge_documents"), LocalContext("test", 60))

    assert (rows(world, HANDBOOK), world.kb_rows("kb_removed_files")) == (0, [])
    service_module.default().close()


def test_second_purge_leaves_the_rows_to_the_first(world: KbWorld, bucket: Bucket, service: Database) -> None:
    expire(world, "kb_bases", HANDBOOK)

    with psycopg.connect(world.local.service_url) as conn:
        conn.execute("select kb.purge(1)")
        assert clean(service) == 0
        conn.rollback()

    assert clean(service) > 0


def test_no_batch_begins_shortly_before_the_deadline(world: KbWorld, bucket: Bucket, service: Database) -> None:
    expire(world, "kb_bases", HANDBOOK)

    assert purge.purge_expired(Deadline.after(1), database=service) == 0
    assert rows(world, HANDBOOK) > 0


@pytest.mark.parametrize("table", ["kb_bases", "kb_removed_files", *TABLES])
def test_service_reads_no_table(world: KbWorld, table: str) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(world.local.service_url) as conn,
    ):
        conn.execute(f"select 1 from kb.{table}".encode())
