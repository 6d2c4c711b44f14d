import psycopg
import pytest

from tests.org_common.tools.lint.shop import Case, found

pytestmark = pytest.mark.db

JOBS = """drop table shop.members, shop.notes cascade;
    create table shop.jobs (firm int not null, id int, user_id uuid, primary key (firm, id));
    alter table shop.jobs enable row level security, force row level security;
    grant select on shop.jobs to authenticated;
    create policy p on shop.jobs for select to authenticated"""

TAGS = """create table shop.tags (org_id uuid not null, id int, live boolean, shown boolean, primary key (id, org_id));
    create index on shop.tags (org_id) where live and shown; grant select on shop.tags to authenticated;
    alter table shop.tags enable row level security, force row level security;
    create policy p on shop.tags for select to authenticated"""

CASES = [
    *(
        Case(
            "tenant-column-unknown",
            "database {database}",
            f"{JOBS} using (user_id = (select shop.me()))",
            f"{JOBS} using (firm = {value})",
        )
        for value in (
            "(select nullif(current_setting('app.firm', true), '')::int)",
            "any (array(select nullif(current_setting('app.firm', true), '')::int))",
        )
    ),
    Case(
        "tenant-column-nullable",
        "column org_id of table shop.tags",
        "create table shop.tags (org_id uuid, id int)",
        "create table shop.tags (org_id uuid not null, id int)",
    ),
    Case(
        "tenant-column-nullable",
        "column org_id of table shop.tags",
        "create domain shop.org as uuid; create table shop.tags (org_id shop.org, id int)",
        "create domain shop.org as uuid not null; create table shop.tags (org_id shop.org, id int)",
    ),
    Case(
        "tenant-column-unindexed",
        "column org_id of table shop.tags",
        """create table shop.tags (org_id uuid not null, id int, primary key (id, org_id));
        alter table shop.tags enable row level security, force row level security""",
        """create table shop.tags (org_id uuid not null, id int, primary key (org_id, id));
        alter table shop.tags enable row level security, force row level security""",
    ),
    *(
        Case(
            "tenant-column-unindexed",
            "column org_id of table shop.tags",
            f"{TAGS} using (org_id = (select shop.me()){bad})",
            f"{TAGS} using (org_id = (select shop.me()) and shown and live)",
        )
        for bad in ("", " and shown", " and (shown and live or live)")
    ),
    Case(
        "foreign-key-without-tenant",
        "constraint tags_note_id_fkey on table shop.tags",
        """alter table shop.notes add unique (id);
        create table shop.tags (org_id uuid not null, note_id uuid references shop.notes (id))""",
        """create table shop.tags (org_id uuid not null, note_id uuid,
          foreign key (org_id, note_id) references shop.notes)""",
    ),
    Case(
        "foreign-key-clears-tenant",
        "constraint tags_org_id_note_id_fkey on table shop.tags",
        """create table shop.tags (org_id uuid not null, note_id uuid,
          foreign key (org_id, note_id) references shop.notes on delete set null)""",
        """create table shop.tags (org_id uuid not null, note_id uuid,
          foreign key (org_id, note_id) references shop.notes on delete set null (note_id))""",
    ),
    Case(
        "unique-key-without-tenant",
        "index shop.notes_text_key",
        """alter table shop.notes add unique (text); grant insert (text) on shop.notes to authenticated;
        create policy a on shop.notes for insert to authenticated with check (false)""",
        """alter table shop.notes add unique (org_id, text); grant insert (text) on shop.notes to authenticated;
        create policy a on shop.notes for insert to authenticated with check (false)""",
    ),
    Case(
        "unique-key-without-tenant",
        "index shop.lower_text",
        """create unique index lower_text on shop.notes (lower(text)); grant insert on shop.notes to authenticated;
        create policy a on shop.notes for insert to authenticated with check (false)""",
        # A uuid cannot be guessed, and callers cannot write the text.
        "alter table shop.notes add unique (id); alter table shop.notes add unique (text)",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object.format(database=conn.info.dbname)) in found(conn, case.bad)
    assert found(conn, case.good) == []


def test_key_that_postgresql_chooses_is_no_oracle(conn: psycopg.Connection) -> None:
    tables = """create table shop.tags (org_id uuid not null, id int generated {} as identity primary key);
    create index on shop.tags (org_id); alter table shop.tags enable row level security, force row level security;
    grant insert on shop.tags to authenticated;
    create policy a on shop.tags for insert to authenticated with check (org_id = any (array(select shop.orgs())))"""

    assert found(conn, tables.format("always")) == []
    assert found(conn, tables.format("by default")) == [("unique-key-without-tenant", "index shop.tags_pkey")]
