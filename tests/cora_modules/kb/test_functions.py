"""The module's functions, called as the database role of a request without a route: they check access themselves."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from psycopg import sql

from tests.cora_modules.kb.role_connection import connect
from tests.cora_modules.kb.world import KbWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

# Owner of the workspace; its admin, who is an admin of the organization too; its user; a former member; the owner of
# its organization; the owner of another one; a user without one; an unknown caller; empty claims.
CAST = ("carol", "dave", "frank", "grace", "alice", "bob", "erin", "stranger", None)
HIDDEN = ("OC404",) * 4
OF_ORG = ("OC403", 1, "OC403", "OC403", 1, *HIDDEN)
OF_WS = (1, 1, "OC403", "OC404", "OC404", *HIDDEN)
CALLS: dict[LiteralString, tuple[Outcome, ...]] = {
    "select kb.queue_document(%(handbook)s, %(rules)s)": OF_ORG,
    "select kb.queue_document(%(engine_base)s, %(engines)s)": OF_WS,
    # The document of another base.
    "select kb.queue_document(%(handbook)s, %(engines)s)": ("OC403", "OC404", "OC403", "OC403", "OC404", *HIDDEN),
    "select kb.queue_document(%(gone)s, %(rules)s)": ("OC404",) * 9,
    "select kb.queue_document(null, null)": ("OC404",) * 9,
    "select kb.delete_document(%(handbook)s, %(rules)s)": OF_ORG,
    "select kb.delete_document(%(engine_base)s, %(engines)s)": OF_WS,
    "select kb.delete_document(%(engine_base)s, %(rules)s)": ("OC404", "OC404", "OC403", "OC404", "OC404", *HIDDEN),
    "select kb.delete_base(%(handbook)s)": OF_ORG,
    "select kb.delete_base(%(engine_base)s)": OF_WS,
    "select kb.delete_base(%(gone)s)": ("OC404",) * 9,
    "select kb.readable_bases()": (2, 2, 2, 1, 1, 2, 0, 0, 0),
    "select kb.writable_bases()": (1, 2, 0, 0, 1, 2, 0, 0, 0),
    "select where kb.can_read(%(handbook)s)": (1, 1, 1, 1, 1, 0, 0, 0, 0),
    "select where kb.can_read(%(engine_base)s)": (1, 1, 1, 0, 0, 0, 0, 0, 0),
    "select where kb.can_read(%(gone)s)": (0,) * 9,
    "select where kb.can_write(%(handbook)s)": (0, 1, 0, 0, 1, 0, 0, 0, 0),
    "select where kb.can_write(%(handbook)s) is null": (0, 0, 0, 0, 0, 1, 1, 1, 1),
    "select where kb.can_write(%(engine_base)s)": (1, 1, 0, 0, 0, 0, 0, 0, 0),
    "select where kb.can_write(%(engine_base)s) is null": (0, 0, 0, 1, 1, 1, 1, 1, 1),
    "select kb.chat_bases_of_caller()": (0,) * 9,
}
INNER: tuple[LiteralString, ...] = ("select kb.lock_document(%(handbook)s, %(rules)s)",)


@pytest.fixture
def connection(readonly_world: KbWorld) -> Iterator[RoleConnection]:
    connection = connect(readonly_world)
    yield connection
    connection.close()


@pytest.mark.parametrize("call", CALLS)
def test_function_checks_its_caller(connection: RoleConnection, call: LiteralString) -> None:
    assert tuple(connection.as_(name, sql.SQL(call)) for name in CAST) == CALLS[call]


@pytest.mark.parametrize("role", ["anon", "app_sys"])
def test_only_tenants_may_call_these_functions(connection: RoleConnection, role: Role) -> None:
    assert {call: connection.as_("root", sql.SQL(call), role) for call in CALLS} == dict.fromkeys(CALLS, REFUSED)


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize("call", INNER)
def test_request_cannot_call_an_inner_function(connection: RoleConnection, role: Role, call: LiteralString) -> None:
    assert connection.as_("dave", sql.SQL(call), role) == REFUSED


def test_every_function_is_in_these_tables(readonly_world: KbWorld) -> None:
    rows = readonly_world.admin.execute("select proname from pg_proc where pronamespace = 'kb'::regnamespace")
    named = {call.partition("kb.")[2].partition("(")[0] for call in [*CALLS, *INNER]}

    assert {row["proname"] for row in rows} <= named
