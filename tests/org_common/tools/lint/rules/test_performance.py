from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.org_common.tools.lint.shop import SHOP, Case, found

pytestmark = pytest.mark.db

HEAD = "create policy p on shop.notes for select to authenticated using"
MEMBER = """create function shop.is_member(org uuid) returns boolean language plpgsql stable security definer
  set search_path = '' as $$ begin return org in (select shop.orgs()); end $$;
revoke execute on function shop.is_member(uuid) from public;
grant execute on function shop.is_member(uuid) to authenticated;"""

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
        f"{HEAD} (org_id = nullif(current_setting('app.org', true), '')::uuid)",
        f"{HEAD} (org_id = (select nullif(current_setting('app.org', true), '')::uuid))",
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
