from typing import get_args

import pytest

from cora_modules.ws.rules import DeletedWsCheck, WsCheck, WsRole
from org_common import OrgCheck
from tests.cora_modules.ws.world import WsWorld


def test_roles_are_those_of_the_database() -> None:
    assert WsCheck.roles == DeletedWsCheck.roles == get_args(WsRole) == ("ws_user", "ws_admin", "ws_owner")


@pytest.mark.db
@pytest.mark.parametrize("role", get_args(WsRole))
def test_each_role_is_a_value_of_its_type(readonly_world: WsWorld, role: str) -> None:
    row = readonly_world.admin.execute("select %s::app.ws_role as role", [role]).fetchone()

    assert row == {"role": role}


def test_rules_show_their_names() -> None:
    rule = OrgCheck("org_admin") | DeletedWsCheck("ws_owner")

    assert repr(rule) == "(OrgCheck('org_admin') | DeletedWsCheck('ws_owner'))"


def test_unknown_role_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="Did you mean 'ws_admin'"):
        WsCheck("ws_admn")  # type: ignore[arg-type]
