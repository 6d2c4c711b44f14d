"""The module ws at size: a list in an organization of 1,000 workspaces and of 10, and requests during a purge."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from cora_modules.ws import workspaces
from cora_modules.ws.queries.purge import PURGE
from org_common import Deadline, service_transaction
from org_common.testing.client import ISSUER, Client, Person
from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres

MEMBERS = 100
ROUNDS = 400
EXPIRED = 100_000
LIST_BUDGET = 1.3
PURGE_BUDGET = 1.5
# Triggers and foreign keys are off: what they check is true by construction.
FILL = """
set local session_replication_role = replica;
insert into access.orgs (id, name, slug, created_at, updated_at)
  values (%(org)s, 'Org', 'org-' || left(%(org)s::text, 8), now(), now());
insert into access.org_members (org_id, user_id, org_role, created_at, updated_at)
  select %(org)s, u.id, 'org_user', now(), now() from access.users u;
insert into ws.workspaces (org_id, name, color, created_at, updated_at)
  select %(org)s, 'Workspace ' || lpad(n::text, 5, '0'), '#000000', now(), now() from generate_series(1, %(count)s) n;
-- The caller belongs to `mine` of the workspaces; the others of each are drawn evenly.
insert into ws.ws_members (org_id, ws_id, user_id, ws_name, ws_role, created_at, updated_at)
  select w.org_id, w.id, u.id, w.name, case when u.at = 1 then 'ws_owner' else 'ws_user' end, now(), now()
  from (select w.*, row_number() over (order by w.name) as at from ws.workspaces w where w.org_id = %(org)s) w
  join (select u.id, row_number() over (order by u.id) as at from access.users u where u.email like 'u%%') u
    on (u.at + w.at) %% 2 = 0
  where u.at < 2 * %(members)s;
insert into ws.ws_members (org_id, ws_id, user_id, ws_name, ws_role, created_at, updated_at)
  select w.org_id, w.id, %(caller)s, w.name, 'ws_user', now(), now()
  from (select w.*, row_number() over (order by w.name) as at from ws.workspaces w where w.org_id = %(org)s) w
  where w.at %% (%(count)s / %(mine)s) = 0;
"""
EXPIRE = """
set local session_replication_role = replica;
insert into ws.workspaces (org_id, name, color, deleted_at, purge_at, created_at, updated_at)
  select %(org)s, 'Expired ' || n, '#000000', now() - interval '40 days', now() - interval '10 days', now(), now()
  from generate_series(1, %(rows)s / 1000) n;
insert into ws.ws_members
    (org_id, ws_id, user_id, ws_name, ws_role, deleted_at, deleted_with_ws, created_at, updated_at)
  select w.org_id, w.id, u.id, w.name, 'ws_user', w.deleted_at, true, now(), now()
  from ws.workspaces w cross join (select u.id from access.users u limit 99) u where w.purge_at is not null;
insert into ws.ws_activity (org_id, ws_id, event, created_at, updated_at)
  select w.org_id, w.id, 'updated', now(), now()
  from ws.workspaces w cross join generate_series(1, 900) where w.purge_at is not null;
"""


def main() -> None:
    with EmbeddedPostgres.start(durable=True) as server:
        local = provision(server.url, "bench", load(["cora_modules.access", "cora_modules.ws"], root=Path.cwd()))
        orgs = fill(local)
        with local.serve(workspaces.app):
            lists(orgs)
            during_purge(local, orgs["10 of 10"])


def fill(local: LocalDatabase) -> dict[str, UUID]:
    """Three organizations, each with a caller of its own."""
    orgs = {}
    with psycopg.connect(local.admin_url, autocommit=True) as admin, admin.cursor() as cursor:
        cursor.execute("insert into access.users (email) select 'u' || n || '@b.test' from generate_series(1, 200) n")
        for label, count, mine in (("10 of 10", 10, 10), ("1,000 of 1,000", 1000, 1000), ("10 of 1,000", 1000, 10)):
            orgs[label], caller = uuid4(), uuid4()
            cursor.execute("insert into access.users (id, email) values (%s, %s)", [caller, f"{caller}@b.test"])
            cursor.execute("insert into access.user_identities values (%s, %s, %s)", [ISSUER, str(orgs[label]), caller])
            values = {"org": orgs[label], "caller": caller, "count": count, "mine": mine, "members": MEMBERS}
            run(admin, FILL, values)
    with psycopg.connect(local.admin_url, autocommit=True) as admin:
        admin.execute("vacuum analyze")
    return orgs


def run(admin: psycopg.Connection, script: str, values: dict[str, object]) -> None:
    with admin.transaction(), psycopg.ClientCursor(admin) as cursor:
        cursor.execute(script, values)  # type: ignore[arg-type]


def reading(org_id: UUID, limit: int) -> Callable[[], int]:
    client = Client(workspaces.app, person=Person(str(org_id)))

    def read() -> int:
        response = client.send("GET", f"/orgs/{org_id}/workspaces", query=f"limit={limit}")
        assert response.status == 200, response.body
        return len(response.json()["items"])

    return read


def lists(orgs: dict[str, UUID]) -> None:
    """Pages of the same length, so that the size of the organization is the only difference."""
    calls = {label: reading(org_id, 10) for label, org_id in orgs.items()}
    assert {call() for call in calls.values()} == {10}
    times: dict[str, list[float]] = {label: [] for label in calls}
    for _ in range(ROUNDS):
        for label, call in calls.items():
            start = time.perf_counter()
            call()
            times[label].append(time.perf_counter() - start)
    print(f"A list of 10 workspaces with {MEMBERS} members each, {ROUNDS} requests of each in turn:")
    base = p95(times["10 of 10"])
    for label, each in times.items():
        ratio = p95(each) / base
        print(
            f"  {label:>15}  median {statistics.median(each) * 1e3:6.2f} ms  p95 {p95(each) * 1e3:6.2f} ms  "
            f"ratio of p95 {ratio:4.2f} (budget {LIST_BUDGET})"
        )


def during_purge(local: LocalDatabase, org_id: UUID) -> None:
    read = reading(org_id, 10)
    with psycopg.connect(local.admin_url) as admin:
        run(admin, EXPIRE, {"org": org_id, "rows": EXPIRED})
    with psycopg.connect(local.admin_url, autocommit=True) as admin:
        admin.execute("vacuum analyze")
        before = timed(read, lambda count: count < 1000)
        environment = {**os.environ, "ORG_COMMON_SERVICE_DATABASE_URL": local.service_url}
        with subprocess.Popen(
            [sys.executable, __file__, "purger"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as purger:
            during = timed(read, lambda _: purger.poll() is None)
            assert purger.stdout is not None
            batches = json.loads(purger.stdout.read())
        left = admin.execute("select count(*) from ws.workspaces where purge_at is not null").fetchone()
    deleted, slowest = sum(count for count, _ in batches), max(took for _, took in batches)
    print(f"A purge of {deleted:,} rows in {len(batches)} batches of at most {max(count for count, _ in batches)}:")
    print(f"  {sum(took for _, took in batches):.1f} s, slowest batch {slowest * 1e3:.0f} ms, left {left}")
    print(
        f"  the list meanwhile: p95 {p95(during) * 1e3:.2f} ms of {len(during)} requests, "
        f"before {p95(before) * 1e3:.2f} ms: ratio {p95(during) / p95(before):.2f} (budget {PURGE_BUDGET})"
    )


def timed(call: Callable[[], object], goes_on: Callable[[int], bool]) -> list[float]:
    times: list[float] = []
    while goes_on(len(times)):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
        # A caller who waits for nothing would measure its own load.
        time.sleep(0.005)
    return times


def purger() -> None:
    """The loop of `purge_expired`, with the rows and seconds of each batch."""
    from cora_modules.ws.purge import BATCH

    batches, deadline = [], Deadline.after(600)
    while deadline.left_s() > 0:
        start = time.perf_counter()
        with service_transaction(reason="benchmark") as tx:
            deleted = tx.value(PURGE, {"batch": BATCH})
        if not deleted:
            break
        batches.append((deleted, time.perf_counter() - start))
    print(json.dumps(batches))


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    with closing(sys.stdout):
        purger() if sys.argv[1:] == ["purger"] else main()
