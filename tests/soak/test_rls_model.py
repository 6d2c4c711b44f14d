"""Row-level security beside a dict: whatever verb is aimed at whichever tenant, the two agree."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from org_common.db.database import Database, reader, transaction
from org_common.values.errors import Conflict, Forbidden, OrgError
from org_common.values.identity import Identity
from org_common.values.model import Model
from tests.soak.figures import Figures
from tests.soak.scale import SEED, scaled
from tests.soak.tenants import Platform, identity

pytestmark = pytest.mark.db

OPERATIONS = scaled(2_000, 50_000)
COMPARE_EACH = 50
IDS = range(12)

# Members read, admins write, owners remove.
SCHEMA = """
create table soak.docs (
  org_id uuid not null references access.orgs on delete cascade,
  id integer not null,
  body integer not null,
  primary key (org_id, id)
);
alter table soak.docs enable row level security, force row level security;
grant select, insert, update, delete on soak.docs to authenticated;
create policy members_read on soak.docs for select to authenticated
  using (org_id = any (array(select access.org_ids())));
create policy admins_add on soak.docs for insert to authenticated
  with check (org_id = any (array(select access.org_ids('org_admin'))));
create policy admins_change on soak.docs for update to authenticated
  using (org_id = any (array(select access.org_ids('org_admin'))))
  with check (org_id = any (array(select access.org_ids('org_admin'))));
create policy owners_remove on soak.docs for delete to authenticated
  using (org_id = any (array(select access.org_ids('org_owner'))));
"""
KEY: LiteralString = " where org_id = %(org)s and id = %(id)s"
INSERT: LiteralString = "insert into soak.docs (org_id, id, body) values (%(org)s, %(id)s, %(body)s)"
MERGE: LiteralString = """
    merge into soak.docs d using (select %(org)s::uuid as org_id, %(id)s::int as id) s
    on d.org_id = s.org_id and d.id = s.id
    when matched then update set body = %(body)s
    when not matched then insert (org_id, id, body) values (s.org_id, s.id, %(body)s)"""

Row = tuple[UUID, int]
# A count of rows, or the error that is raised.
Result = int | type[OrgError]


class Doc(Model):
    org_id: UUID
    id: int
    body: int


@dataclass
class Aim:
    """One operation: whose, and at what."""

    who: Identity
    roles: dict[UUID, str]
    org: UUID
    other: UUID
    id: int
    body: int

    def may(self, at_least: str, org: UUID | None = None) -> bool:
        ladder = ("", "org_user", "org_admin", "org_owner")
        return ladder.index(self.roles.get(org or self.org, "")) >= ladder.index(at_least)


class Docs:
    """The table in Python."""

    def __init__(self) -> None:
        self.rows: dict[Row, int] = {}

    def visible(self, aim: Aim) -> dict[Row, int]:
        return {row: body for row, body in self.rows.items() if aim.may("org_user", row[0])}

    def insert(self, aim: Aim) -> Result:
        if not aim.may("org_admin"):
            return Forbidden
        if (aim.org, aim.id) in self.rows:
            return Conflict
        self.rows[aim.org, aim.id] = aim.body
        return 1

    def insert_or_nothing(self, aim: Aim) -> Result:
        found = self.insert(aim)
        return 0 if found is Conflict else found

    def insert_or_update(self, aim: Aim) -> Result:
        """What MERGE does as well: the row of a member who may not change it is there, and the update is refused."""
        if not aim.may("org_admin"):
            return Forbidden
        self.rows[aim.org, aim.id] = aim.body
        return 1

    def update(self, aim: Aim) -> Result:
        if (aim.org, aim.id) not in self.rows or not aim.may("org_admin"):
            return 0
        self.rows[aim.org, aim.id] = aim.body
        return 1

    def update_all(self, aim: Aim) -> Result:
        mine = [row for row in self.rows if aim.may("org_admin", row[0])]
        for row in mine:
            self.rows[row] += 1
        return len(mine)

    def move(self, aim: Aim) -> Result:
        if (aim.org, aim.id) not in self.rows or not aim.may("org_admin"):
            return 0
        if not aim.may("org_admin", aim.other):
            return Forbidden
        if aim.other != aim.org and (aim.other, aim.id) in self.rows:
            return Conflict
        self.rows[aim.other, aim.id] = self.rows.pop((aim.org, aim.id))
        return 1

    def delete(self, aim: Aim) -> Result:
        if (aim.org, aim.id) not in self.rows or not aim.may("org_owner"):
            return 0
        del self.rows[aim.org, aim.id]
        return 1

    def delete_some(self, aim: Aim) -> Result:
        mine = [row for row in self.rows if row[1] == aim.id and aim.may("org_owner", row[0])]
        for row in mine:
            del self.rows[row]
        return len(mine)

    def lock(self, aim: Aim) -> Result:
        """FOR UPDATE gives what may be changed, of what may be read."""
        return sum(row[0] == aim.org for row in self.rows) if aim.may("org_admin") else 0


WRITES: dict[str, tuple[LiteralString, Callable[[Docs, Aim], Result], int]] = {
    "insert": (INSERT, Docs.insert, 8),
    "insert, returning": (INSERT + " returning id", Docs.insert, 4),
    "insert or nothing": (INSERT + " on conflict do nothing", Docs.insert_or_nothing, 2),
    "insert or update": (
        INSERT + " on conflict (org_id, id) do update set body = excluded.body",
        Docs.insert_or_update,
        2,
    ),
    "merge": (MERGE, Docs.insert_or_update, 2),
    "update": ("update soak.docs set body = %(body)s" + KEY, Docs.update, 4),
    "update, returning": ("update soak.docs set body = %(body)s" + KEY + " returning org_id", Docs.update, 2),
    "update all": ("update soak.docs set body = body + 1", Docs.update_all, 1),
    "move": ("update soak.docs set org_id = %(other)s" + KEY, Docs.move, 4),
    "delete": ("delete from soak.docs" + KEY, Docs.delete, 3),
    "delete some": ("delete from soak.docs where id = %(id)s", Docs.delete_some, 1),
    "lock": (
        "select count(*) from (select 1 from soak.docs where org_id = %(org)s for update) locked",
        Docs.lock,
        1,
    ),
}
READS: dict[str, LiteralString] = {
    "all": "select org_id, id, body from soak.docs",
    "of an org": "select org_id, id, body from soak.docs where org_id = %(org)s",
    "not of an org": "select org_id, id, body from soak.docs where org_id <> %(org)s",
    "by id, over all": "select org_id, id, a.body from soak.docs a join soak.docs using (org_id, id) where id = %(id)s",
    "window": "select org_id, id, max(body) over (partition by org_id, id) as body from soak.docs",
}


@pytest.fixture
def people(platform: Platform) -> Iterator[list[tuple[Identity, dict[UUID, str]]]]:
    """Owners of one organization each; some of them are something else in another."""
    orgs = [tenant.org_id for tenant in platform.tenants]
    more = [(0, 1, "org_admin"), (0, 2, "org_user"), (1, 2, "org_admin"), (2, 3, "org_user")]
    roles: list[dict[UUID, str]] = [{tenant.org_id: "org_owner"} for tenant in platform.tenants]
    for person, org, role in more:
        platform.join(orgs[org], platform.tenants[person].user_id, role)
        roles[person][orgs[org]] = role
    with psycopg.connect(platform.local.migrator_url) as migrator:
        migrator.execute(SCHEMA)
    everybody = [tenant.identity for tenant in platform.tenants]
    yield [*zip(everybody, roles, strict=True), (identity("drifter"), {})]
    platform.admin.execute("drop table soak.docs")
    platform.admin.execute("delete from access.org_members where org_role <> 'org_owner'")


def test_every_verb_does_what_the_model_says(
    platform: Platform, people: list[tuple[Identity, dict[UUID, str]]], figures: Figures
) -> None:
    random = Random(SEED)
    database = Database(platform.settings())
    docs = Docs()
    orgs = [tenant.org_id for tenant in platform.tenants]
    done: Counter[str] = Counter()
    for number in range(OPERATIONS):
        who, roles = random.choice(people)
        aims = random.choices([*orgs, uuid4()], [4, 4, 4, 4, 1], k=2)
        aim = Aim(who, roles, aims[0], aims[1], random.choice(IDS), random.randrange(1000))
        if random.random() < 0.4:
            name = random.choice(list(READS))
            compare(database, aim, name, docs)
            done[name] += 1
        else:
            name = random.choices(list(WRITES), [weight for _, _, weight in WRITES.values()])[0]
            text, model, _ = WRITES[name]
            expected = model(docs, aim)
            found = attempt(database, aim, text)
            assert found == expected, f"{name}: {aim}"
            done[f"{name}: {bool(expected) if isinstance(expected, int) else expected.__name__}"] += 1
        if number % COMPARE_EACH == 0:
            assert kept(platform) == docs.rows
    assert kept(platform) == docs.rows
    database.close()

    figures.note(
        "row-level security: operations as the model", done.total(), OPERATIONS, kinds=dict(sorted(done.items()))
    )


def attempt(database: Database, aim: Aim, text: LiteralString) -> Result:
    try:
        with transaction(aim.who, database=database) as tx:
            return tx.value(text, vars(aim)) if text.startswith("select") else tx.run(text, vars(aim), rows=None)
    except OrgError as error:
        return type(error)


def compare(database: Database, aim: Aim, name: str, docs: Docs) -> None:
    visible = docs.visible(aim)
    selected: dict[str, Callable[[Row], bool]] = {
        "of an org": lambda row: row[0] == aim.org,
        "not of an org": lambda row: row[0] != aim.org,
        "by id, over all": lambda row: row[1] == aim.id,
    }
    wanted = {row: body for row, body in visible.items() if name not in selected or selected[name](row)}
    with reader(aim.who, database=database) as db:
        found = db.all(Doc, READS[name], vars(aim))
    assert {(doc.org_id, doc.id): doc.body for doc in found} == wanted
    assert len(found) == len(wanted)


def kept(platform: Platform) -> dict[Row, int]:
    """What is really there."""
    rows = platform.admin.execute("select org_id, id, body from soak.docs")
    return {(row["org_id"], row["id"]): row["body"] for row in rows}
