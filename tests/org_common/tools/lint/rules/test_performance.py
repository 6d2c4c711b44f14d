from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest

from tests.org_common.tools.lint.shop import SHOP, Case, found

pytestmark = pytest.mark.db

HEAD = "create policy p on shop.notes for select to authenticated using"
MEMBER = """create function shop.is_member(org uuid) returns boolean language plpgsql stable security definer
  set search_path = '' as $$ begin return org in (select shop.orgs()); end $$;
revoke execute on function shop.is_member(uuid) from public;
grant execute on function shop.is_member(uuid) to authenticated;"""

VOLATILE = """create function shop.other() returns uuid language sql volatile as $$ select shop.me() $$;"""

CASES = [
    Case(
        "policy-calls-per-row",
        "policy p on table shop.notes",
        f"{HEAD} (owner_id = shop.me())",
        f"{HEAD} (owner_id = (select shop.me()))",
    ),
    Case(
        "policy-calls-per-row",
        "policy p on table shop.notes",
        f"{MEMBER} {HEAD} (shop.is_member(org_id))",
        # New rows are few: a check may call a function for each.
        f"""{MEMBER} grant insert (org_id) on shop.notes to authenticated;
        create policy p on shop.notes for insert to authenticated with check (shop.is_member(org_id))""",
    ),
    Case(
        "policy-calls-per-row",
        "policy p on table shop.notes",
        f"{HEAD} (owner_id = nullif(current_setting('app.user', true), '')::uuid)",
        f"{HEAD} (owner_id = (select nullif(current_setting('app.user', true), '')::uuid))",
    ),
    *(
        Case(
            "policy-calls-per-row",
            "policy p on table shop.notes",
            f"{HEAD} ({bad})",
            # The value is computed once for a scan of the index.
            f"{HEAD} (org_id = nullif(current_setting('app.org', true), '')::uuid and deleted_at is null)",
        )
        for bad in (
            "org_id = nullif(current_setting('app.org', true), '')::uuid or owner_id is null",
            "id = nullif(current_setting('app.org', true), '')::uuid",
            "org_id = any (array[shop.me()])",
        )
    ),
    Case(
        "policy-calls-per-row",
        "policy p on table shop.notes",
        f"create index on shop.notes (owner_id) where deleted_at is null; {HEAD} (owner_id = shop.me())",
        f"""create index on shop.notes (owner_id) where deleted_at is null;
        {HEAD} (owner_id = shop.me() and deleted_at is null)""",
    ),
    Case(
        "policy-calls-per-row",
        "policy p on table shop.notes",
        f"{VOLATILE} {HEAD} (org_id = shop.other())",
        f"{VOLATILE} {HEAD} (org_id = (select shop.other()))",
    ),
    Case(
        "policy-calls-per-row",
        "policy p on table shop.notes",
        f"""{HEAD} (org_id = (select shop.me()) and
          exists (select from shop.members m where m.org_id = notes.org_id and m.user_id = shop.me()))""",
        f"{HEAD} (org_id = any (array(select m.org_id from shop.members m where m.user_id = shop.me())))",
    ),
    Case(
        "policy-never-uses-index",
        "policy p on table shop.notes",
        f"{HEAD} (org_id in (select shop.orgs()))",
        f"{HEAD} (org_id = any (array(select shop.orgs())))",
    ),
    Case(
        "policy-never-uses-index",
        "policy p on table shop.notes",
        f"{HEAD} (exists (select from shop.members m where m.org_id = notes.org_id))",
        f"""{HEAD} (org_id = any (array(select shop.orgs()))
          and exists (select from shop.members m where m.org_id = notes.org_id))""",
    ),
    Case(
        "policy-never-uses-index",
        "policy p on table shop.notes",
        f"{HEAD} (org_id::text = (select current_setting('app.org', true)))",
        f"{HEAD} (owner_id = (select shop.me()) and org_id in (select shop.orgs()))",
    ),
    Case(
        "policy-never-uses-index",
        "policy p on table shop.notes",
        f"{HEAD} (org_id in (select shop.orgs()) or owner_id = (select shop.me()))",
        f"{HEAD} (org_id = any (array(select shop.orgs())) or owner_id = (select shop.me()))",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert found(conn, case.good) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.rule == "policy-never-uses-index"])
def test_planner_agrees(conn: psycopg.Connection, case: Case) -> None:
    """The plan of a query without a filter of its own has an index condition for the good policy alone."""
    assert not has_index_condition(conn, case.bad)
    assert has_index_condition(conn, case.good)


def has_index_condition(conn: psycopg.Connection, policy: str) -> bool:
    with conn.transaction(force_rollback=True):
        conn.execute(SHOP)
        conn.execute("drop policy own on shop.notes; create index on shop.notes (owner_id)")
        conn.execute(policy.encode())
        # Whatever the size of the table: can the planner use an index at all?
        conn.execute("set local enable_seqscan = off; set local role authenticated")
        row = conn.execute("explain (format json) select text from shop.notes").fetchone()
        assert row is not None
        return any("Index Cond" in node for node in scans(row[0][0]["Plan"]))


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan without those of its subqueries."""
    yield plan
    for child in plan.get("Plans", ()):
        if child["Parent Relationship"] not in ("InitPlan", "SubPlan"):
            yield from scans(child)


@pytest.mark.parametrize(("column", "most"), [("org_id", 4), ("owner_id", 104)])
def test_index_condition_is_computed_once_for_the_scan(
    conn: psycopg.Connection, column: LiteralString, most: int
) -> None:
    """What the exemption of policy-calls-per-row rests on: the planner calls the function a few times, a scan once."""
    with conn.transaction(force_rollback=True):
        conn.execute(SHOP)
        conn.execute(f"""create sequence shop.calls; create function shop.counted() returns uuid language plpgsql stable
            as $$ begin perform nextval('shop.calls'); return null; end $$;
            {HEAD} ({column} = shop.counted());
            insert into shop.notes (org_id) select gen_random_uuid() from generate_series(1, 100);
            grant usage on sequence shop.calls to authenticated;
            drop policy own on shop.notes; set local enable_seqscan = off; set local role authenticated""")
        conn.execute("select from shop.notes")
        conn.execute("reset role")
        row = conn.execute("select last_value from shop.calls").fetchone()

    assert row is not None
    assert most - 4 < row[0] <= most
