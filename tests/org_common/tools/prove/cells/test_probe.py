import pytest

from org_common.tools.prove.cells.probe import Added, Probe
from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


def test_outcomes_and_rollback(prepared: Prove) -> None:
    prober = prepared().prober
    first = prober.world.rows["shop.orders"][0]
    delete = Probe("none", {}, f"delete from shop.orders where id = '{first.values['id']}'", "effect")
    insert = "insert into shop.orders (team_id, number) values ('{}', 77)".format(prober.world.tenant_ids["b"])

    deleted, again, added, value, refused, broken = prober.run(
        [
            delete,
            delete,
            Probe("none", {}, insert, "effect"),
            Probe("authenticated", {"a.b": "c"}, "select current_user || current_setting('a.b')", "rows"),
            Probe("anon", {}, "select from shop.orders", "count"),
            Probe("none", {}, "select 1 / 0", "count"),
        ]
    )

    assert {row.table for row in deleted.touched} == {"shop.orders", "shop.order_lines"}  # the cascade too
    assert deleted == again  # the first one was rolled back
    assert added.added == (Added("shop.orders", "b", 1),)
    assert value.answer == "authenticatedc"
    assert refused.error == "42501"
    assert broken.error == "22012"
