import pytest

from org_common.tools.prove.uses import Uses
from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


def test_policies_views_and_functions_use_a_function(prepared: Prove) -> None:
    change = """
        create view shop.mine as select shop.team_ids() as id;
        create function shop.twice() returns setof uuid language sql as 'select shop.team_ids()';
        revoke execute on function shop.twice() from public"""
    proof = prepared(change, "[views.shop.mine]")

    found = Uses(proof.prober.conn, proof.world).of("shop.team_ids")

    assert {"shop.team_ids", "shop.orders", "shop.mine", "shop.twice"} <= found
    assert "shop.users" not in found
