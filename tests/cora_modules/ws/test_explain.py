"""What PostgreSQL makes of a page: one range of an index, whatever the number of workspaces of the caller."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from cora_modules.ws.queries.workspaces import LIST_ACTIVITY, LIST_WORKSPACES
from tests.cora_modules.access.world import ACME
from tests.cora_modules.ws.world import IDS, ROCKETS, WsWorld

pytestmark = pytest.mark.db

COUNT = 300


@pytest.fixture
def admin(world: WsWorld) -> Iterator[psycopg.Connection]:
    """Frank is a member of many workspaces, and one of them has many events."""
    with psycopg.connect(world.local.admin_url, autocommit=True) as conn:
        conn.execute(
            "insert into ws.workspaces (org_id, name, color) "
            "select %s, 'W' || n, '#000000' from generate_series(1, %s) n",
            [ACME, COUNT],
        )
        conn.execute(
            "insert into ws.ws_members (org_id, ws_id, user_id, ws_role) "
            "select w.org_id, w.id, u.id, 'ws_user' from ws.workspaces w, access.users u where name like 'W%%' "
            "and u.id = any (%s)",
            [[IDS[name] for name in ("frank", "carol", "dave", "grace")]],
        )
        conn.execute(
            "insert into ws.ws_activity (org_id, ws_id, event) select %s, %s, 'updated' from generate_series(1, %s)",
            [ACME, ROCKETS, COUNT],
        )
        conn.execute("analyze ws.workspaces, ws.ws_members, ws.ws_activity")
        yield conn


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize(
    ("statement", "order"), [(LIST_WORKSPACES, "name, id"), (LIST_ACTIVITY, "created_at desc, id desc")]
)
def test_page_is_read_without_sorting_the_list(admin: psycopg.Connection, statement: str, order: str) -> None:
    page = f"explain (analyze, format json) select * from ({statement}) as page order by {order} limit 11"
    with admin.transaction(force_rollback=True):
        admin.execute("set local role authenticated")
        admin.execute(
            "select set_config('request.jwt.claims', json_build_object('sub', %s::uuid)::text, true)", [IDS["frank"]]
        )
        row = admin.execute(page.encode(), {"org_id": ACME, "ws_id": ROCKETS}).fetchone()

    assert row is not None
    plan = (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"]
    found = list(nodes(plan))
    assert plan["Actual Rows"] == 11
    assert [node["Node Type"] for node in found if "Sort" in node["Node Type"]] == []
    # But for the sets of policies, no node reads more rows than the page has.
    reads = [node for node in found if "Scan" in node["Node Type"]]
    assert max(node["Actual Rows"] for node in reads) == 11
