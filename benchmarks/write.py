"""An authorized write of one row, compared with the bare statement under the same role, each in a transaction."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import harness
import psycopg
import read

from org_common import Check, Deadline, Settings
from org_common.db.database import Database, committing
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres

SETUP = """
create policy changed_by_members on bench.notes for update to authenticated
  using (org_id = any (array(select access.org_ids()))) with check (org_id = any (array(select access.org_ids())));
grant update on bench.notes to authenticated;
"""
UPDATE = "update bench.notes set size = size + 1 where org_id = %(org_id)s and id = 7"
OURS, BARE, ALONE = "an authorized transaction", "BEGIN, the statement, COMMIT", "the statement alone"


def child(profile: str) -> None:
    with EmbeddedPostgres.start(durable=False) as server:
        database = provision(server.url, "bench", load(["cora_modules.access"], root=Path.cwd()))
        org_id = read.fill(database)
        with psycopg.connect(database.admin_url) as admin:
            admin.execute(SETUP)
        with read.reached(database, profile) as (url, session_url):
            variants = {
                OURS: _ours(url, profile, org_id),
                BARE: _bare(session_url, org_id, in_transaction=True),
                ALONE: _bare(session_url, org_id, in_transaction=False),
            }
            assert {call() for call in variants.values()} == {1}
            print(json.dumps(harness.blocks(variants, iterations=read.ITERATIONS)))


def _ours(url: str, profile: str, org_id: UUID) -> Callable[[], object]:
    ours = Database(Settings(database_url=url, database_profile=profile))
    rule, identity, path = Check(read.RULE), read.caller(), {"org_id": org_id}

    def write() -> object:
        scope, transaction = ours.open_transaction(rule, identity, path, Deadline.after(29))
        with committing(scope):
            return transaction.run(UPDATE, path, rows=1)

    return write


def _bare(url: str, org_id: UUID, *, in_transaction: bool) -> Callable[[], object]:
    """Role and claims are set once for the connection, which no real request can do."""
    connection = read.connect_as_caller(url)

    def write() -> object:
        if in_transaction:
            connection.execute("begin")
        count = connection.execute(UPDATE, {"org_id": org_id}).rowcount
        if in_transaction:
            connection.execute("commit")
        return count

    return write


def main() -> None:
    for profile in read.PROFILES:
        harness.report(
            f"Authorized write, profile {profile}",
            harness.in_fresh_processes(__file__, [profile], processes=3),
            [
                harness.Ratio("ours / in a transaction by hand", OURS, BARE, 1.3),
                harness.Ratio("ours / the statement alone", OURS, ALONE, 2.5),
            ],
        )


if __name__ == "__main__":
    child(sys.argv[2]) if "child" in sys.argv else main()
