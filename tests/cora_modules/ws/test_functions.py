"""The module's functions, called as the database role of a request without a route: they check access themselves."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from psycopg import sql

from tests.cora_modules.ws.role_connection import connect
from tests.cora_modules.ws.world import WsWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

# Owner, admin and user of the workspace, a former member, the owner of its organization, the owner of another one, a
# user without an organization, a caller who is unknown to the platform, and empty claims.
CAST = ("carol", "dave", "frank", "grace", "alice", "bob", "erin", "stranger", None)
HIDDEN = ("OC404",) * 6
CALLS: dict[LiteralString, tuple[Outcome, ...]] = {
    "select ws.create_workspace(%(acme)s, 'x', null, null, null, '{}', null)": (*[1] * 5, *["OC404"] * 4),
    "select ws.create_workspace(%(globex)s, 'x', null, null, null, '{}', null)": (*["OC404"] * 5, 1, *["OC404"] * 3),
    "select ws.create_workspace(null, 'x', null, null, null, '{}', null)": ("OC404",) * 9,
    "select ws.delete_workspace(%(rockets)s)": (1, "OC403", "OC403", *HIDDEN),
    "select ws.delete_workspace(%(old)s)": ("OC404",) * 9,
    "select ws.delete_workspace(null)": ("OC404",) * 9,
    "select ws.restore_workspace(%(old)s)": (1, "OC404", "OC403", *HIDDEN),
    "select ws.restore_workspace(%(rockets)s)": ("OC409", "OC403", "OC403", *HIDDEN),
    "select ws.deleted_workspaces(%(acme)s)": (1, *[0] * 8),
    "select ws.deleted_workspaces(%(globex)s)": (0,) * 9,
    "select ws.deleted_workspaces(null)": (0,) * 9,
    "select ws.transfer(%(rockets)s, %(dave)s)": (1, "OC403", "OC403", *HIDDEN),
    "select ws.transfer(%(rockets)s, %(alice)s)": ("OC409", "OC403", "OC403", *HIDDEN),
    "select ws.transfer(%(old)s, %(frank)s)": ("OC404",) * 9,
    "select ws.add_member(%(rockets)s, %(grace)s, 'ws_user')": (1, 1, "OC403", *HIDDEN),
    "select ws.add_member(%(rockets)s, %(grace)s, 'ws_owner')": (1, "OC403", "OC403", *HIDDEN),
    "select ws.add_member(%(rockets)s, %(bob)s, 'ws_user')": ("OC409", "OC409", "OC403", *HIDDEN),
    "select ws.add_member(%(rockets)s, null, 'ws_user')": ("OC409", "OC409", "OC403", *HIDDEN),
    "select ws.add_member(%(rockets)s, %(grace)s, null)": ("OC404", "OC404", "OC403", *HIDDEN),
    "select ws.add_member(%(old)s, %(grace)s, 'ws_user')": ("OC404",) * 9,
    "select ws.change_member(%(rockets)s, %(frank)s, 'ws_admin')": (1, 1, "OC403", *HIDDEN),
    "select ws.change_member(%(rockets)s, %(frank)s, 'ws_owner')": (1, "OC403", "OC403", *HIDDEN),
    "select ws.change_member(%(rockets)s, %(carol)s, 'ws_user')": ("OC409", "OC403", "OC403", *HIDDEN),
    "select ws.change_member(%(rockets)s, %(grace)s, 'ws_user')": ("OC404", "OC404", "OC403", *HIDDEN),
    "select ws.remove_member(%(rockets)s, %(carol)s)": ("OC409", "OC403", "OC403", *HIDDEN),
    "select ws.remove_member(%(rockets)s, %(frank)s)": (1, 1, 1, *HIDDEN),
    "select ws.remove_member(%(rockets)s, %(grace)s)": ("OC404", "OC404", "OC403", *HIDDEN),
    "select ws.plugins(%(rockets)s)": (3, 3, 3, *HIDDEN),
    "select ws.plugins(%(old)s)": ("OC404",) * 9,
    "select ws.set_plugin(%(rockets)s, 'chat', true, '{}')": (1, 1, "OC403", *HIDDEN),
    "select ws.set_plugin(%(rockets)s, 'unknown', true, '{}')": ("OC404", "OC404", "OC403", *HIDDEN),
    "select ws.org_config(%(acme)s)": ("OC403", 1, "OC403", "OC403", 1, *["OC404"] * 4),
    "select from ws.member_count(%(rockets)s) as n where n = 3": (1, 1, 1, 0, 0, 0, 0, 0, 0),
    "select from ws.member_count(%(rockets)s) as n where n is null": (0, 0, 0, 1, 1, 1, 1, 1, 1),
    "select from ws.member_count(%(old)s) as n where n is null": (1,) * 9,
    "select ws.ids()": (1, 1, 1, 0, 0, 1, 0, 0, 0),
    "select ws.ids('ws_owner')": (1, 0, 0, 0, 0, 1, 0, 0, 0),
    "select where app.has_ws_role(%(rockets)s, 'ws_admin')": (1, 1, 0, 0, 0, 0, 0, 0, 0),
    "select where app.has_ws_role(%(old)s, 'ws_user')": (0,) * 9,
    "select where app.had_ws_role(%(old)s, 'ws_user')": (1, 0, 1, 0, 0, 0, 0, 0, 0),
    "select where app.had_ws_role(%(rockets)s, 'ws_user')": (1, 1, 1, 0, 0, 0, 0, 0, 0),
}
INNER: tuple[LiteralString, ...] = (
    "select ws.lock_workspace(%(rockets)s, 'ws_user')",
    "select ws.lock_org_member(%(acme)s, %(carol)s, true)",
    "select ws.org_of(%(rockets)s)",
    "select ws.owned_limit(%(acme)s)",
    "select ws.require_room(%(acme)s, %(carol)s)",
    "select ws.require_other_owner(%(acme)s, %(rockets)s, %(carol)s)",
    "select ws.has_other_owner(%(acme)s, %(rockets)s, %(carol)s)",
    "select ws.role_of(%(acme)s, %(rockets)s, %(carol)s)",
    "select ws.purge_at(1)",
    "select ws.purge(1)",
    "select ws.find_modules(%(acme)s)",
    "select ws.hand_over()",
    "select ws.log_workspace()",
    "select ws.log_member()",
    "select ws.append_only()",
    "select ws.copy_name()",
    "select ws.copy_name_to_members()",
)


@pytest.fixture
def connection(readonly_world: WsWorld) -> Iterator[RoleConnection]:
    connection = connect(readonly_world)
    yield connection
    connection.close()


@pytest.mark.parametrize("call", CALLS)
def test_function_checks_its_caller(connection: RoleConnection, call: LiteralString) -> None:
    assert tuple(connection.as_(name, sql.SQL(call)) for name in CAST) == CALLS[call]


@pytest.mark.parametrize("role", ["anon", "app_sys"])
@pytest.mark.parametrize("call", CALLS)
def test_only_tenants_may_call_the_function(connection: RoleConnection, call: LiteralString, role: Role) -> None:
    assert connection.as_("root", sql.SQL(call), role) == REFUSED


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize("call", INNER)
def test_request_cannot_call_an_inner_function(connection: RoleConnection, role: Role, call: LiteralString) -> None:
    assert connection.as_("carol", sql.SQL(call), role) == REFUSED


def test_every_function_is_in_these_tables(readonly_world: WsWorld) -> None:
    rows = readonly_world.admin.execute("select proname from pg_proc where pronamespace = 'ws'::regnamespace")
    named = {call.partition("ws.")[2].partition("(")[0] for call in [*CALLS, *INNER]}

    assert {row["proname"] for row in rows} <= named
