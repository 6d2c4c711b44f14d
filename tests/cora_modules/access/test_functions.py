"""The module's functions, called as the database role of a request without a route: they check access themselves."""

from collections.abc import Iterator
from typing import LiteralString

import pytest

from tests.cora_modules.access.world import ACME, ACME_DOMAIN, ACME_INVITE, IDS, World, invite_token
from tests.support.role_connection import REFUSED, Role, RoleConnection

pytestmark = pytest.mark.db

VALUES = {
    "acme": ACME,
    "alice": IDS["alice"],
    "carol": IDS["carol"],
    "bob": IDS["bob"],
    "invite": ACME_INVITE,
    "domain": ACME_DOMAIN,
    "token": invite_token("guest@zq7.example"),
}

# The outcome of each call for: owner, admin and user of Acme, the owner of another organization, a user without an
# organization, a caller who is unknown to the platform, and empty claims.
CAST = ("alice", "dave", "carol", "bob", "erin", "stranger", None)
CALLS: dict[LiteralString, tuple[int | str, ...]] = {
    "select access.invite_user(%(acme)s, %(carol)s, 'org_user')": ("OC409", "OC409", "OC403", *["OC404"] * 4),
    "select access.invite_user(%(acme)s, %(bob)s, 'org_user')": ("OC409", "OC409", "OC403", *["OC404"] * 4),
    "select access.change_member(%(acme)s, %(carol)s, 'org_admin')": (1, 1, "OC403", *["OC404"] * 4),
    "select access.change_member(%(acme)s, %(carol)s, 'org_owner')": (1, "OC403", "OC403", *["OC404"] * 4),
    "select access.change_member(%(acme)s, %(alice)s, 'org_user')": ("OC409", "OC403", "OC403", *["OC404"] * 4),
    "select access.remove_member(%(acme)s, %(alice)s)": ("OC409", "OC403", "OC403", *["OC404"] * 4),
    "select access.remove_member(%(acme)s, %(carol)s)": (1, 1, 1, *["OC404"] * 4),
    "select access.remove_member(%(acme)s, null)": ("OC404", "OC404", "OC403", *["OC404"] * 4),
    "select access.create_invite(%(acme)s, 'x@y.example', 'org_owner')": (1, "OC403", "OC403", *["OC404"] * 4),
    "select access.create_invite(%(acme)s, 'x@y.example', null)": (*["OC404"] * 7,),
    "select access.revoke_invite(%(acme)s, %(invite)s)": (1, 1, "OC403", *["OC404"] * 4),
    "select access.accept_invite(%(token)s)": (*["OC403"] * 7,),
    "select access.my_invites()": (*[0] * 7,),
    "select access.accept_my_invite(%(invite)s)": (*["OC404"] * 7,),
    "select access.decline_invite(%(invite)s)": (*["OC404"] * 7,),
    "select access.provision()": (*[1] * 5, "OC403", "OC403"),
    "select access.me()": (*[1] * 5, 0, 0),
    'select access.update_me(\'{"full_name": "x", "sys_role": "sys_owner", "is_active": false}\')': (*[1] * 5, 0, 0),
    "select access.end_sessions()": (1, *["OC404"] * 6),
    "select access.start_session('t', now(), 'x')": (*[1] * 5, "23502", "23502"),
    "select access.update_user(%(carol)s, '{\"is_active\": false}')": (*[REFUSED] * 7,),
    "select access.verify_domain(%(domain)s)": (*[REFUSED] * 7,),
}
CASES = [
    (call, name, outcome) for call, outcomes in CALLS.items() for name, outcome in zip(CAST, outcomes, strict=True)
]


@pytest.fixture
def connection(readonly_world: World) -> Iterator[RoleConnection]:
    connection = RoleConnection(readonly_world, "access", VALUES, IDS)
    yield connection
    connection.close()


@pytest.mark.parametrize(("call", "name", "outcome"), CASES)
def test_function_checks_its_caller(
    connection: RoleConnection, call: LiteralString, name: str | None, outcome: int | str
) -> None:
    assert connection.as_(name, call) == outcome


@pytest.mark.parametrize("call", CALLS)
def test_anon_cannot_call_the_function(connection: RoleConnection, call: LiteralString) -> None:
    assert connection.as_(None, call, "anon") == REFUSED


@pytest.mark.parametrize("call", [call for call in CALLS if "update_user" not in call and "verify" not in call])
def test_app_sys_cannot_call_the_functions_of_tenants(connection: RoleConnection, call: LiteralString) -> None:
    assert connection.as_("root", call, "app_sys") == REFUSED


@pytest.mark.parametrize(("name", "outcome"), [("root", 1), ("sam", 1), ("alice", "OC403"), (None, "OC403")])
@pytest.mark.parametrize(
    "call",
    ["select access.update_user(%(carol)s, '{\"is_active\": false}')", "select access.verify_domain(%(domain)s)"],
)
def test_function_of_the_platform_requires_its_admin(
    connection: RoleConnection, call: LiteralString, name: str | None, outcome: int | str
) -> None:
    assert connection.as_(name, call, "app_sys") == outcome


INNER: list[LiteralString] = [
    "select access.set_caller(%(alice)s)",
    "select access.lock_token()",
    "select access.lock_org(%(acme)s, 'org_user')",
    "select access.lock_sys_owners()",
    "select access.require_other_owner(%(acme)s, %(alice)s)",
    "select access.log_event(%(alice)s, 'provisioned')",
    "select access.create_caller('sys_owner', 'x')",
    "select access.is_first_owner('first@zq7.example')",
    "select access.revoke_grants_of(%(acme)s, %(alice)s, null)",
    "select access.may_grant(%(acme)s, %(alice)s, 'org_user')",
    "select access.count_invite(%(acme)s, 'x@y.example')",
    "select access.admits(null, 'x@y.example', null)",
    "select access.join_org(null, %(alice)s)",
    "select access.lock_my_invite(%(invite)s)",
    "select access.admitting_domain('x@y.example')",
    "select access.require_not_deactivated('x@y.example')",
    "select access.mailbox('x@y.example')",
    "select access.without_dots('x@y.example')",
    "select access.limit_orgs()",
    "select access.limit_email_domains()",
    "select access.refresh_mailboxes()",
    "select access.set_deactivated_at()",
    "select access.set_default_role_by()",
    "select access.set_mailbox()",
    "select access.unsend_mail()",
    "select access.token_hash('x')",
    "select access.verified_email()",
]


@pytest.mark.parametrize("call", INNER)
@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_request_cannot_call_an_inner_function(connection: RoleConnection, role: Role, call: LiteralString) -> None:
    assert connection.as_("alice", call, role) == REFUSED


def test_every_function_is_in_these_tables(readonly_world: World) -> None:
    rows = readonly_world.admin.execute("select proname from pg_proc where pronamespace = 'access'::regnamespace")
    named = {call.partition("access.")[2].partition("(")[0] for call in [*CALLS, *INNER]}

    # Sets for policies and an id: they return nothing about others. `create_org` is tested with organizations.
    assert {row["proname"] for row in rows} - named == {"colleague_ids", "create_org", "new_id", "org_ids"}


# What would outlive the request, or cost others, outside of the tables.
OBJECTS: list[LiteralString] = [
    "select lo_create(0)",
    "select lo_creat(-1)",
    "select lo_from_bytea(0, 'x')",
    "select lo_put(1, 0, 'x')",
    "select lo_import('/etc/passwd')",
    "create temporary table x (a int)",
    "create temporary sequence x",
    "create temporary view x as select 1",
    "select * into temporary x from (select 1) s",
    "create table public.x (a int)",
    "create table access.x (a int)",
    "create table app.x (a int)",
    "create function public.f() returns int language sql return 1",
    "create domain public.d as int",
    "create schema x",
    "create publication x",
    "create role x",
    "select pg_create_logical_replication_slot('a', 'b')",
    "select pg_replication_origin_create('x')",
    "select pg_stat_reset()",
    "select nextval('app.outbox_id_seq')",
    "alter database postgres set work_mem = '1GB'",
]


@pytest.mark.parametrize("statement", OBJECTS)
@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_request_creates_no_objects(connection: RoleConnection, role: Role, statement: LiteralString) -> None:
    assert connection.as_("alice", statement, role) == REFUSED
