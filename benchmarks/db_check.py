"""`org-common db check` of a project of 60 tables and 300 statements, next to the same work without sharing.

    python benchmarks/db_check.py

"One at a time" is a new copy of the database for each table, and a new connection and catalog for each statement. The
budgets are 10 s for the check, and 0.2 for the ratio of both.
"""

import sys
import tempfile
import time
from pathlib import Path

from org_common.tools.check.check import Use, check, check_use, collect
from org_common.tools.check.code.sources import load_sources
from org_common.tools.check.planner import open_planner
from org_common.tools.database.local import clone, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.apps import load as load_apps
from org_common.tools.project.project import Project

TABLES = 60
TABLE = """
create table big.t{n} (
  id uuid primary key, org_id uuid not null, name text not null, note text, status text not null
    check (status in ('open', 'closed')), size int not null, created_at timestamptz not null
);
create index on big.t{n} (org_id, name, id);
create table big.t{n}_item (id uuid primary key, owner_id uuid not null references big.t{n}, label text not null);
alter table big.t{n} enable row level security, force row level security;
alter table big.t{n}_item enable row level security, force row level security;
create policy members on big.t{n} to authenticated using (app.has_org_role(org_id, 'org_user'));
create policy members on big.t{n}_item to authenticated using (true);
grant select, insert, update, delete on big.t{n}, big.t{n}_item to authenticated;
"""
HEADER = """
from datetime import datetime
from typing import Literal
from uuid import UUID
from org_common import App, Model, OrgCheck, Page, PageRequest, Reader, Transaction
app = App("big")
MEMBER = OrgCheck("org_user")
"""
ROUTES = """
class T{n}(Model):
    id: UUID
    name: str
    note: str | None
    status: Literal["open", "closed"]
    label: str | None
    created_at: datetime

class NewT{n}(Model):
    name: str
    note: str | None = None
    size: int

SELECT_{n} = '''
select t.id, t.name, t.note, t.status, i.label, t.created_at
from big.t{n} t left join big.t{n}_item i on i.owner_id = t.id
where t.org_id = %(org_id)s
'''
GET_{n} = SELECT_{n} + " and t.id = %(id)s"
COUNT_{n} = "select count(*) from big.t{n} where org_id = %(org_id)s"
ADD_{n} = '''
insert into big.t{n} (id, org_id, name, note, status, size, created_at)
values (gen_random_uuid(), %(org_id)s, %(name)s, %(note)s, 'open', %(size)s, now())
returning id, name, note, status, null::text as label, created_at
'''
REMOVE_{n} = "delete from big.t{n} where org_id = %(org_id)s and id = %(id)s"

@app.get("/orgs/{{org_id}}/t{n}", allow=MEMBER)
def list_{n}(db: Reader, org_id: UUID, page: PageRequest) -> Page[T{n}]:
    return db.page(T{n}, SELECT_{n}, {{"org_id": org_id}}, page=page, by=("name", "id"))

@app.get("/orgs/{{org_id}}/t{n}/count", allow=MEMBER)
def count_{n}(db: Reader, org_id: UUID) -> int:
    return db.value(COUNT_{n}, {{"org_id": org_id}})

@app.get("/orgs/{{org_id}}/t{n}/{{id}}", allow=MEMBER)
def get_{n}(db: Reader, org_id: UUID, id: UUID) -> T{n}:
    return db.one(T{n}, GET_{n}, {{"org_id": org_id, "id": id}})

@app.post("/orgs/{{org_id}}/t{n}", allow=MEMBER)
def add_{n}(tx: Transaction, org_id: UUID, body: NewT{n}) -> T{n}:
    return tx.one(T{n}, ADD_{n}, {{"org_id": org_id, **body.model_dump()}})

@app.delete("/orgs/{{org_id}}/t{n}/{{id}}", allow=MEMBER)
def remove_{n}(tx: Transaction, org_id: UUID, id: UUID) -> None:
    tx.run(REMOVE_{n}, {{"org_id": org_id, "id": id}}, rows=1)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = written(Path(folder))
        apps = load_apps(project)
        migrations = load(project.migrations, root=project.root)
        with EmbeddedPostgres.start(durable=False) as server:
            template = provision(server.url, "big", migrations)
            begun = time.perf_counter()
            with open_planner(template.admin_url) as planner:
                report = check(project, apps, planner, progress)
            together = time.perf_counter() - begun
            begun = time.perf_counter()
            uses, _ = collect(apps, load_sources(project))
            for n in range(TABLES):
                database = clone(template, f"copy_{n}")
                for use in (use for use in uses if of_table(use, n)):
                    with open_planner(database.admin_url) as planner:
                        list(check_use(use, planner))
                drop(database)
            apart = time.perf_counter() - begun
    print(f"statements                    {report.statements} in {report.calls} calls, {len(report.findings)} findings")
    print(f"together                      {together:.1f} s (budget 10)")
    print(f"one at a time, new databases  {apart:.1f} s")
    print(f"ratio                         {together / apart:.2f} (budget 0.2)")


def written(folder: Path) -> Project:
    """The project with its tables and routes."""
    numbers = range(TABLES)
    schema = "create schema big;\ngrant usage on schema big to authenticated;\n"
    (folder / "migrations").mkdir()
    (folder / "migrations" / "0001_big.sql").write_text(schema + "".join(TABLE.format(n=n) for n in numbers))
    (folder / "big.py").write_text(HEADER + "".join(ROUTES.format(n=n) for n in numbers))
    table = '[tool.org-common]\napps = ["big:app"]\nmigrations = ["big=migrations"]\n'
    (folder / "pyproject.toml").write_text(table)
    return Project.find(folder)


def of_table(use: Use, n: int) -> bool:
    return use.sql.name.endswith(f"_{n}")


def progress(done: int, total: int) -> None:
    if done % 50 == 0:
        print(f"{done} of {total} calls", file=sys.stderr)


if __name__ == "__main__":
    main()
