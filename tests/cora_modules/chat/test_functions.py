"""The module's functions, called as the database role of a request without a route: they check access themselves."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from psycopg import sql

from tests.cora_modules.chat.role_connection import connect
from tests.cora_modules.chat.world import ChatWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

# Owner of Launch and Notes and editor of Diary, editor of Notes and viewer of Diary, owner of Diary, a former member of
# the workspace, the owner of the organization, the owner of another one, a user without an organization, a caller
# unknown to the platform, and empty claims.
CAST = ("carol", "dave", "frank", "grace", "alice", "bob", "erin", "stranger", None)
HIDDEN = ("OC404",) * 6
ALL_HIDDEN = ("OC404",) * 9
CALLS: dict[LiteralString, tuple[Outcome, ...]] = {
    "select where app.has_chat_access(%(diary)s, 'view')": (1, 1, 1, 0, 0, 0, 0, 0, 0),
    "select where app.has_chat_access(%(diary)s, 'edit')": (1, 0, 1, 0, 0, 0, 0, 0, 0),
    "select where not app.has_chat_access(%(diary)s, 'edit')": (0, 1, 0, 0, 0, 0, 0, 0, 0),
    "select where app.has_chat_access(%(launch)s, 'view')": (1, 1, 1, 0, 0, 0, 0, 0, 0),
    "select where app.has_chat_access(%(launch)s, 'edit')": (1, 0, 0, 0, 0, 0, 0, 0, 0),
    "select where app.has_chat_access(%(notes)s, 'view')": (1, 1, 0, 0, 0, 0, 0, 0, 0),
    "select where app.has_chat_access(%(gone)s, 'view')": (0,) * 9,
    "select where app.has_chat_access(%(sales)s, 'view')": (0, 0, 0, 0, 0, 1, 0, 0, 0),
    "select where app.has_chat_access(%(diary)s, null)": (0,) * 9,
    "select chat.ids()": (3, 3, 2, 0, 0, 1, 0, 0, 0),
    "select chat.ids('edit')": (3, 1, 1, 0, 0, 1, 0, 0, 0),
    "select chat.ids(null)": (0,) * 9,
    "select chat.member_ids()": (2, 2, 0, 0, 0, 1, 0, 0, 0),
    "select chat.delete_chat(%(diary)s)": (1, "OC403", 1, *HIDDEN),
    "select chat.delete_chat(%(gone)s)": ALL_HIDDEN,
    "select chat.delete_chat(null)": ALL_HIDDEN,
    "select chat.org_chats(%(acme)s)": ("OC403", 4, "OC403", "OC403", 4, *["OC404"] * 4),
    "select chat.org_chats(%(globex)s)": (*["OC404"] * 5, 1, *["OC404"] * 3),
    "select chat.org_chats(null)": ALL_HIDDEN,
    "select chat.restore_chat(%(acme)s, %(gone)s)": ("OC403", 1, "OC403", "OC403", 1, *["OC404"] * 4),
    "select chat.restore_chat(%(acme)s, %(diary)s)": ("OC403", "OC409", "OC403", "OC403", "OC409", *["OC404"] * 4),
    "select chat.restore_chat(%(globex)s, %(gone)s)": ALL_HIDDEN,
    "select chat.add_member(%(diary)s, %(grace)s, 'edit')": (1, "OC403", 1, *HIDDEN),
    "select chat.add_member(%(diary)s, %(carol)s, 'edit')": ("OC409", "OC403", "OC409", *HIDDEN),
    "select chat.add_member(%(diary)s, %(frank)s, 'edit')": ("OC409", "OC403", "OC409", *HIDDEN),
    "select chat.add_member(%(diary)s, %(bob)s, 'view')": ("OC409", "OC403", "OC409", *HIDDEN),
    "select chat.add_member(%(diary)s, null, 'view')": ("OC409", "OC403", "OC409", *HIDDEN),
    # Members of the organization who are not members of the workspace.
    "select chat.add_member(%(notes)s, %(alice)s, 'view')": ("OC409", "OC409", *["OC404"] * 7),
    "select chat.add_member(%(notes)s, %(grace)s, 'view')": ("OC409", "OC409", *["OC404"] * 7),
    "select chat.remove_member(%(diary)s, %(dave)s)": (1, 1, 1, *HIDDEN),
    "select chat.remove_member(%(diary)s, %(carol)s)": (1, "OC403", 1, *HIDDEN),
    "select chat.remove_member(%(diary)s, %(grace)s)": ("OC404", "OC403", "OC404", *HIDDEN),
    "select chat.add_message(%(diary)s, 'user', 'x', null)": (1, "OC403", 1, *HIDDEN),
    "select chat.add_message(%(diary)s, 'user', 'x', %(question)s)": (1, "OC403", 1, *HIDDEN),
    "select chat.add_message(%(diary)s, 'user', 'x', %(sold)s)": ("OC409", "OC403", "OC409", *HIDDEN),
    "select chat.add_message(%(diary)s, 'assistant', 'forged', null)": ("OC403", "OC403", "OC403", *HIDDEN),
    "select chat.add_message(%(gone)s, 'user', 'x', null)": ALL_HIDDEN,
    "select chat.ask(%(diary)s, 'x', 10)": (1, "OC403", 1, *HIDDEN),
    "select chat.ask(%(launch)s, 'x', 10)": (1, "OC403", "OC403", *HIDDEN),
    "select chat.ask(%(sales)s, 'x', 10)": (*["OC404"] * 5, 1, *["OC404"] * 3),
    # To a question of their own only.
    "select where chat.add_answer(%(question)s, gen_random_uuid(), 'x', '[]', 'm', 1, 1, 'stop', null)": (
        *(0, 0, 1, 0, 0, 0, 0, 0, 0),
    ),
    "select where chat.add_answer(%(answer)s, gen_random_uuid(), 'x', '[]', 'm', 1, 1, 'stop', null)": (0,) * 9,
    "select chat.create_base(%(diary)s, 'x')": (1, "OC403", 1, *HIDDEN),
    "select chat.create_base(%(notes)s, 'x')": (1, 1, *["OC404"] * 7),
    "select kb.chat_bases_of_caller()": (1, 1, 1, 0, 0, 0, 0, 0, 0),
    "select kb.chat_bases_of_caller(true)": (1, 0, 1, 0, 0, 0, 0, 0, 0),
}
INNER: tuple[LiteralString, ...] = (
    "select chat.lock_chat(%(diary)s, 'view')",
    "select chat.purge(1)",
    "select chat.purge_chat(%(acme)s, %(diary)s, 1)",
    "select chat.set_purge_at()",
)


@pytest.fixture
def connection(readonly_world: ChatWorld) -> Iterator[RoleConnection]:
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


def test_every_function_is_in_these_tables(readonly_world: ChatWorld) -> None:
    rows = readonly_world.admin.execute("select proname from pg_proc where pronamespace = 'chat'::regnamespace")
    named = {call.partition("chat.")[2].partition("(")[0] for call in [*CALLS, *INNER]}

    assert {row["proname"] for row in rows} <= named
