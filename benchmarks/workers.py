"""A batch of ten messages compared with ten transactions written by hand, and a worker's import with a handler's."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import harness
import psycopg
from pydantic import BaseModel

from org_common import App, Database, Model, OrgCheck, Settings, Transaction
from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.values.types import LocalContext

ISSUER = "https://issuer.test"
BATCH = 10
ITERATIONS = 8
ROUNDS = 15
MESSAGES = 2 * BATCH * ITERATIONS * (ROUNDS + 1)
SETUP = """
create schema bench;
create table bench.notes (org_id uuid not null, id int not null, title text not null);
alter table bench.notes enable row level security, force row level security;
create policy members on bench.notes to authenticated using (true)
  with check (org_id = any (array(select access.org_ids())));
grant usage on schema bench to authenticated;
grant insert on bench.notes to authenticated;
"""
ADD = "insert into bench.notes (org_id, id, title) values (%(org_id)s, %(id)s, %(title)s)"
_MODEL = "class Note(Model):\n    org_id: UUID\n    title: str\n"
_BODY = "    tx.run('insert into notes (org_id, title) values (%(org_id)s, %(title)s)', note, rows=1)"
IMPORTS = {
    "a worker with one trigger": (
        f"from uuid import UUID\nfrom org_common import App, Model, OrgCheck, Transaction\n{_MODEL}"
        "app = App('jobs')\n@app.sqs('ingest', allow=OrgCheck('org_user'))\n"
        f"def ingest(tx: Transaction, note: Note) -> None:\n{_BODY}"
    ),
    "a handler with one route": (
        f"from uuid import UUID\nfrom org_common import App, Model, OrgCheck, Transaction\n{_MODEL}"
        "app = App('notes')\n@app.post('/orgs/{org_id}/notes', allow=OrgCheck('org_user'))\n"
        f"def add(tx: Transaction, org_id: UUID, note: Note) -> None:\n{_BODY}"
    ),
}


class Note(Model):
    org_id: UUID
    id: int
    title: str


class PlainNote(BaseModel):
    orgId: UUID  # noqa: N815 - as the message spells it
    id: int
    title: str


def child() -> None:
    with EmbeddedPostgres.start(durable=False) as server:
        database = provision(server.url, "bench", load(["cora_modules.access"], root=Path.cwd()))
        messages = iter(_fill(database))
        variants = {"a batch of ten": _ours(database, messages), "ten by hand": _by_hand(database, messages)}
        print(json.dumps(harness.blocks(variants, iterations=ITERATIONS, rounds=ROUNDS)))


def _fill(database: LocalDatabase) -> list[tuple[int, str]]:
    user, org = uuid4(), uuid4()
    with psycopg.connect(database.admin_url) as admin:
        admin.execute(SETUP)
        admin.execute("insert into access.users (id, email) values (%s, 'a@b.test')", [user])
        admin.execute("insert into access.user_identities values (%s, 'local|alice', %s)", [ISSUER, user])
        admin.execute("insert into access.orgs (id, name, slug) values (%s, 'O', 'org')", [org])
        admin.execute(
            "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, 'org_user')", [org, user]
        )
        bodies = [
            (number, json.dumps({"orgId": str(org), "id": number, "title": "x" * 80}))
            for number in range(1, MESSAGES + 1)
        ]
        admin.cursor().executemany(
            "insert into app.delivered_messages (id, queue, message, created_at, created_by, sender_issuer, "
            "sender_subject, hops) values (%s, 'ingest', %s, now(), %s, %s, 'local|alice', 0)",
            [(number, body, user, ISSUER) for number, body in bodies],
        )
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("vacuum analyze")
    return bodies


def _ours(database: LocalDatabase, messages: Iterator[tuple[int, str]]) -> Callable[[], object]:
    app = App("jobs")

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, note: Note) -> None:
        tx.run(ADD, note, rows=1)

    app.use(Database(Settings(database_url=database.login_url, database_profile="transaction-pooler")))

    def run() -> object:
        answer = app(_event(messages), LocalContext("bench", 29))
        assert answer == {"batchItemFailures": []}
        return answer

    return run


def _event(messages: Iterator[tuple[int, str]]) -> dict[str, Any]:
    records = [
        {
            "messageId": str(id),
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1796040000000"},
            "messageAttributes": {"org-common-id": {"stringValue": str(id), "dataType": "String"}},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:ingest",
        }
        for id, body in itertools.islice(messages, BATCH)
    ]
    return {"Records": records}


def _by_hand(database: LocalDatabase, messages: Iterator[tuple[int, str]]) -> Callable[[], object]:
    """The same statements in psycopg's pipeline, two round trips for each message, in a loop without anything else."""
    connection = psycopg.connect(database.login_url, autocommit=True, prepare_threshold=None)

    def run() -> object:
        for record in _event(messages)["Records"]:
            note = PlainNote.model_validate_json(record["body"])
            id = record["messageAttributes"]["org-common-id"]["stringValue"]
            with connection.pipeline():
                claims = _statements(connection, id, record["body"], note)
            with connection.pipeline():
                connection.execute("select app.recheck('authenticated', %s)", [claims.fetchone()[0]])  # type: ignore[index]
                connection.execute("commit")
        return None

    return run


def _statements(connection: psycopg.Connection, id: str, body: str, note: PlainNote) -> psycopg.Cursor:
    execute = connection.execute
    execute("begin")
    execute(
        "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true), "
        "set_config('search_path', '', true), set_config('statement_timeout', '28500', true), "
        "set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'postgres', true), "
        "set_config('timezone', 'UTC', true), set_config('idle_in_transaction_session_timeout', '28500', true)",
        ['{"receives":true}'],
    )
    claims = execute("select app.receive('user', true, 'by hand', 'ingest', %s, %s)", [id, body])
    execute("select app.require(app.has_org_role(%s, 'org_user'))", [note.orgId])
    execute("insert into bench.notes (org_id, id, title) values (%s, %s, %s)", [note.orgId, note.id, note.title])
    # What tells the outcome of a COMMIT whose response is lost.
    execute("select pg_current_xact_id_if_assigned()::text, (pg_stat_get_wal()).stats_reset::text")
    return claims


def main() -> None:
    ours, other = IMPORTS
    harness.report("Import", harness.imports(IMPORTS), [harness.Ratio("Import: ratio", ours, other, 1.05)])
    runs = harness.in_fresh_processes(__file__, processes=3)
    harness.report("Batch", runs, [harness.Ratio("Batch: ratio", "a batch of ten", "ten by hand", 1.05)])


if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        child()
    else:
        main()
