import psycopg
import pytest

from org_common.db.protocol.errors import StatementFailed
from org_common.tools.check.planner import Described, Planner, nodes, open_planner
from org_common.tools.database.local import LocalDatabase

pytestmark = pytest.mark.db


def test_statement_is_described_and_planned_and_not_executed(planner: Planner, shop: LocalDatabase) -> None:
    insert = b"insert into shop.codes (code) values ($1) returning code, maybe"

    with planner.transaction("authenticated"):
        described = planner.describe(insert, [0])
        planned = planner.plan(insert, [0])

    assert isinstance(described, Described)
    assert [described.result.fname(at) for at in range(2)] == [b"code", b"maybe"]
    assert len(described.parameter_types()) == 1
    assert described.query is None
    assert not isinstance(planned, StatementFailed), planned
    assert planned["Node Type"] == "ModifyTable"
    with psycopg.connect(shop.admin_url) as conn:
        assert conn.execute("select count(*) from shop.codes").fetchone() == (0,)


def test_rights_are_those_of_the_role(planner: Planner) -> None:
    found = {}
    for role in ("authenticated", "app_service", "anon"):
        with planner.transaction(role):
            planned = planner.plan(b"select secret from shop.secrets", [])
        found[role] = planned.sqlstate if isinstance(planned, StatementFailed) else planned["Node Type"]

    assert found == {"authenticated": "42501", "app_service": "Seq Scan", "anon": "42501"}


def test_error_leaves_the_planner_usable(planner: Planner) -> None:
    with planner.transaction("authenticated"):
        failed = planner.describe(b"select nothing", [], tree=True)
    with planner.transaction("authenticated"):
        described = planner.describe(b"select 1", [], tree=True)

    assert isinstance(failed, StatementFailed)
    assert isinstance(described, Described)
    assert described.query is not None


def test_function_of_constants_cannot_write_while_it_is_planned(planner: Planner, shop: LocalDatabase) -> None:
    with psycopg.connect(shop.admin_url, autocommit=True) as conn:
        conn.execute("create table shop.called (at timestamptz)")
        conn.execute(
            "create function shop.sneaky(int) returns int language plpgsql stable as $$ begin perform "
            "shop.note_call(); return 1; end $$"
        )
        conn.execute(
            "create function shop.note_call() returns void language sql volatile as "
            "$$ insert into shop.called values (now()) $$"
        )
    with planner.transaction("authenticated"):
        planner.plan(b"select id from shop.orders where count > shop.sneaky(1)", [])
    with psycopg.connect(shop.admin_url, autocommit=True) as conn:
        calls = conn.execute("select count(*) from shop.called").fetchone()
        conn.execute("drop function shop.sneaky, shop.note_call; drop table shop.called")

    assert calls == (0,)


def test_roles_are_those_that_the_login_may_assume(shop: LocalDatabase) -> None:
    with open_planner(shop.login_url) as planner:
        assert {"anon", "authenticated", "app_sys"} <= planner.roles
        assert "app_service" not in planner.roles


def test_nodes_of_a_plan() -> None:
    plan = {"Node Type": "Limit", "Plans": [{"Node Type": "Sort", "Plans": [{"Node Type": "Seq Scan"}]}]}

    assert [node["Node Type"] for node in nodes(plan)] == ["Limit", "Sort", "Seq Scan"]
