import psycopg
import pytest

from org_common.db.protocol.errors import StatementFailed
from org_common.tools.cost.explain import explain
from org_common.tools.cost.keys import LABEL
from org_common.tools.prove.rows.world import Person
from tests.org_common.tools.prove.conftest import Prove, prepared

__all__ = ["prepared"]
pytestmark = pytest.mark.db
ALL = b"select id from shop.orders"


@pytest.fixture
def admin(prepared: Prove) -> Person:
    return prepared().world.find("admin", LABEL)


def test_person_reads_the_rows_of_the_tenant(shop: psycopg.Connection, admin: Person) -> None:
    mine, every = explain(shop, ALL, admin), explain(shop, ALL, admin, bypass=True)

    assert mine is not None
    assert every is not None
    assert 0 < mine.rows < every.rows


def test_bypass_has_the_person_s_claims(shop: psycopg.Connection, admin: Person) -> None:
    plan = explain(shop, b"select from shop.members where user_id = auth.uid()", admin, bypass=True)

    assert plan is not None
    assert plan.rows == 1


def test_values_are_sent_with_their_types(shop: psycopg.Connection, admin: Person) -> None:
    plan = explain(shop, b"select from generate_series(1, $1)", admin, values=["3"], types=[23])

    assert plan is not None
    assert plan.rows == 3


def test_planned_statement_has_no_rows(shop: psycopg.Connection, admin: Person) -> None:
    plan = explain(shop, b"delete from shop.orders", admin, run=False)

    assert plan is not None
    assert plan.cost > 0
    assert "Actual Rows" not in plan.root


def test_failure_is_raised_and_rolled_back(shop: psycopg.Connection, admin: Person) -> None:
    with pytest.raises(StatementFailed, match="division by zero"):
        explain(shop, b"select 1 / (select 0)", admin)

    assert shop.execute("select current_user = session_user").fetchone() == (True,)
