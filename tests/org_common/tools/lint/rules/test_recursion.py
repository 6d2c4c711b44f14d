from typing import LiteralString

import psycopg
import pytest

from tests.org_common.tools.lint.shop import SHOP, Case, found

pytestmark = pytest.mark.db

TABLES: LiteralString = """
create table shop.a (org_id uuid not null, id int, primary key (org_id, id));
create table shop.b (org_id uuid not null, id int, primary key (org_id, id));
alter table shop.a enable row level security, force row level security;
alter table shop.b enable row level security, force row level security;
grant select, insert on shop.a, shop.b to authenticated;
create policy b_add on shop.b for insert to authenticated with check (false);
"""
A_READS_B: LiteralString = "using (org_id = any (array(select b.org_id from shop.b)))"

CASES = [
    Case(
        "policy-recursive",
        "policy p on table shop.members",
        """create policy p on shop.members for select to authenticated
          using (org_id = any (array(select m.org_id from shop.members m)))""",
        "create policy p on shop.members for select to authenticated using (org_id = any (array(select shop.orgs())))",
    ),
    Case(
        "policy-recursive",
        "policy a on table shop.a",
        f"""{TABLES} create policy a on shop.a for select to authenticated {A_READS_B};
        create policy b on shop.b for select to authenticated using (org_id = any (array(select a.org_id from shop.a)));
        create policy add on shop.a for insert to authenticated with check (false)""",
        f"""{TABLES} create policy a on shop.a for select to authenticated {A_READS_B};
        create policy b on shop.b for select to authenticated using (org_id = any (array(select shop.orgs())));
        create policy add on shop.a for insert to authenticated with check (false)""",
    ),
    # Through a view with the rights of its caller.
    Case(
        "policy-recursive",
        "policy p on table shop.members",
        """create view shop.live with (security_invoker = true) as select org_id from shop.members;
        create policy p on shop.members for select to authenticated
          using (org_id = any (array(select l.org_id from shop.live l)))""",
        """create view shop.live as select org_id from shop.members;
        create policy p on shop.members for select to authenticated
          using (org_id = any (array(select l.org_id from shop.live l)))""",
    ),
    # Through a function with the rights of its caller, or of an owner to whom the policy also applies.
    Case(
        "policy-recursive",
        "policy p on table shop.members",
        """create function shop.mine() returns setof uuid language sql stable set search_path = ''
          as 'select m.org_id from shop.members m';
        create policy p on shop.members for select to authenticated using (org_id = any (array(select shop.mine())))""",
        """create function shop.mine() returns setof uuid language sql stable set search_path = ''
          as 'select n.org_id from shop.notes n';
        create policy p on shop.members for select to authenticated using (org_id = any (array(select shop.mine())))""",
    ),
    # A definer calls a function with the rights of its caller, which is its owner by then.
    Case(
        "policy-recursive",
        "policy p on table shop.members",
        """create function shop.a() returns setof uuid language sql stable set search_path = ''
          as 'select m.org_id from shop.members m';
        create function shop.b() returns setof uuid language sql stable set search_path = '' as 'select shop.a()';
        create policy p on shop.members for select to authenticated using (org_id = any (array(select shop.b())))""",
        """create function shop.a() returns setof uuid language sql stable set search_path = ''
          as 'select m.org_id from shop.members m';
        create function shop.b() returns setof uuid language sql stable security definer set search_path = ''
          as 'select shop.a()';
        create policy p on shop.members for select to authenticated using (org_id = any (array(select shop.b())))""",
    ),
    # A query applies the policies of the table twice, and these have a subquery: that is enough for the error.
    Case(
        "policy-recursive",
        "policy add on table shop.a",
        f"""{TABLES}
        create policy a on shop.a for select to authenticated using (org_id = any (array(select shop.orgs())));
        create policy add on shop.a for insert to authenticated
          with check (not exists (select from shop.a o where o.id = 1));
        create policy b on shop.b for select to authenticated using (false)""",
        f"""{TABLES} create policy a on shop.a for select to authenticated using (org_id = (select shop.me()));
        create policy add on shop.a for insert to authenticated with check (org_id = (select shop.me()));
        create policy b on shop.b for select to authenticated using (false)""",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert case.rule not in {rule for rule, _ in found(conn, case.good)}


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_postgresql_agrees(conn: psycopg.Connection, case: Case) -> None:
    table = case.object.rpartition(" ")[2]
    command = (
        f"insert into {table} values (gen_random_uuid(), 2)" if " add " in case.object else f"select * from {table}"
    )

    assert fails(conn, case.bad, command)
    assert not fails(conn, case.good, command)


def fails(conn: psycopg.Connection, sql: LiteralString, command: str) -> bool:
    """Whether a command of a caller recurses without an end."""
    with conn.transaction(force_rollback=True):
        conn.execute(SHOP)
        conn.execute(sql)
        conn.execute("grant select on all tables in schema shop to authenticated")
        conn.execute("grant execute on all functions in schema shop to authenticated")
        conn.execute("insert into shop.members values (gen_random_uuid(), gen_random_uuid())")
        conn.execute("set local role authenticated")
        try:
            conn.execute(command.encode())
        except (psycopg.errors.InvalidObjectDefinition, psycopg.errors.StatementTooComplex):
            return True
        except psycopg.errors.InsufficientPrivilege:
            return False
    return False
