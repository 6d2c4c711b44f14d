"""SQL sent as the database role of a request, without a route: every table, verb and person, from the catalog."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.cora_modules.access.world import ACME, GLOBEX, IDS
from tests.cora_modules.mgmt.world import MgmtWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

VERBS = ("select", "update", "delete", "insert")
PEOPLE = ("alice", "dave", "carol", "bob", "erin", "sam", "root", None)
# Rows that a statement of these people reaches; all others are refused or reach none. Acme's admins read its own rows,
# every user knows which modules exist, and the platform's administrators change settings of functions.
REACHED: dict[tuple[Role, str, str], dict[str | None, Outcome]] = {
    ("authenticated", "modules", "select"): dict.fromkeys(PEOPLE[:-1], 6),
    ("authenticated", "modules_org", "select"): {"alice": 1, "dave": 1},
    ("authenticated", "usage_daily", "select"): {"alice": 1, "dave": 1},
    ("app_sys", "modules", "select"): dict.fromkeys(PEOPLE, 6),
    ("app_sys", "lambda_settings", "select"): {"sam": 1, "root": 1},
    ("app_sys", "lambda_settings", "update"): {"sam": 1, "root": 1},
    # The row exists: the policy let it pass.
    ("app_sys", "lambda_settings", "insert"): {"sam": "23505", "root": "23505"},
}


WITHOUT_ORG = frozenset({"function_daily", "lambda_settings", "modules"})


def rows_of(table: str, org: str) -> str:
    return "true" if table in WITHOUT_ORG else f"org_id = %({org})s"


@pytest.fixture
def connection(world: MgmtWorld) -> Iterator[RoleConnection]:
    connection = RoleConnection(world, "mgmt", {"acme": ACME, "globex": GLOBEX}, IDS, rows_of)
    yield connection
    connection.close()


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_table_and_person(connection: RoleConnection, world: MgmtWorld, verb: str, role: Role) -> None:
    tables = world.mgmt_tables
    assert len(tables) == 5
    for table in tables:
        statement = connection.attempt(verb, table, role=role)
        outcomes = {name: connection.as_(name, statement, role) for name in PEOPLE}
        reached = {name: outcome for name, outcome in outcomes.items() if outcome not in (0, REFUSED)}
        assert reached == REACHED.get((role, table, verb), {}), (table, outcomes)


def test_rows_of_two_organizations_are_not_mixed(connection: RoleConnection) -> None:
    """Without a filter, an admin reads the rows of one organization, and never those of the other."""
    for table in ("modules_org", "usage_daily"):
        for name, own in (("alice", "acme"), ("bob", "globex")):
            foreign: LiteralString = "globex" if own == "acme" else "acme"
            every = sql.SQL("select from {}").format(sql.Identifier("mgmt", table))
            assert connection.as_(name, every) == 1
            assert connection.as_(name, every + sql.SQL(f" where org_id = %({foreign})s")) == 0


@pytest.mark.parametrize("column", ["config", "*", "updated_by"])
def test_configuration_of_the_platform_is_hidden_from_users(connection: RoleConnection, column: str) -> None:
    name = sql.SQL("*") if column == "*" else sql.Identifier(column)

    assert connection.as_("alice", sql.SQL("select {} from mgmt.modules").format(name)) == REFUSED


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_no_role_can_truncate(connection: RoleConnection, world: MgmtWorld, role: Role) -> None:
    truncate = sql.SQL("truncate mgmt.{} cascade")
    tables = world.mgmt_tables

    assert {connection.as_("root", truncate.format(sql.Identifier(table)), role) for table in tables} == {REFUSED}


def test_service_reads_no_table(world: MgmtWorld) -> None:
    """Its login may only call record_day."""
    with psycopg.connect(world.local.service_url, autocommit=True) as conn:
        for table in world.mgmt_tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(sql.SQL("select from mgmt.{}").format(sql.Identifier(table)))


# --- functions --------------------------------------------------------------------------------

CAST = ("alice", "dave", "carol", "bob", "erin", "sam", "root", None)
NO_ADMIN = ("OC403",) * 5
CALLS: dict[LiteralString, tuple[Role, tuple[Outcome, ...]]] = {
    "select mgmt.resolve(%(acme)s)": ("authenticated", (*[6] * 7, 0)),
    "select mgmt.org_modules(%(acme)s)": ("authenticated", (6, 6, 6, *["OC404"] * 5)),
    "select mgmt.update_org_module(%(acme)s, 'ws', '{}')": ("authenticated", (1, 1, "OC403", *["OC404"] * 5)),
    "select mgmt.update_org_module(%(globex)s, 'ws', '{}')": (
        "authenticated",
        (*["OC404"] * 3, 1, *["OC404"] * 4),
    ),
    "select mgmt.update_module('ws', '{}')": ("app_sys", (*NO_ADMIN, 1, 1, "OC403")),
    "select mgmt.begin_sync()": ("app_sys", (*[0] * 5, 1, 1, 0)),
    "select mgmt.finish_sync('{}')": ("app_sys", (*NO_ADMIN, 1, 1, "OC403")),
    "select mgmt.database_activity()": ("app_sys", (*NO_ADMIN, 1, 1, "OC403")),
}
INNER: list[LiteralString] = [
    "select mgmt.merge_config('{}', '{}')",
    "select mgmt.refuse('x', 'x')",
    "select mgmt.record_day('2026-11-30', '[]', '[]')",
]


@pytest.mark.parametrize("call", CALLS)
def test_function_checks_its_caller(connection: RoleConnection, call: LiteralString) -> None:
    role, outcomes = CALLS[call]

    found = {name: connection.as_(name, sql.SQL(call), role) for name in CAST}
    assert found == dict(zip(CAST, outcomes, strict=True))


@pytest.mark.parametrize("call", [*CALLS, *INNER])
@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_other_roles_cannot_call_the_function(connection: RoleConnection, role: Role, call: LiteralString) -> None:
    if call in CALLS and CALLS[call][0] == role:
        return
    assert connection.as_("root", sql.SQL(call), role) == REFUSED


def test_every_function_is_in_these_tables(world: MgmtWorld) -> None:
    rows = world.admin.execute("select proname from pg_proc where pronamespace = 'mgmt'::regnamespace")

    assert {row["proname"] for row in rows} == {
        call.partition("mgmt.")[2].partition("(")[0] for call in [*CALLS, *INNER]
    }


def test_member_without_rights_learns_nothing_from_the_resolution(connection: RoleConnection, world: MgmtWorld) -> None:
    """`resolve` runs as its caller, who sees none of the organization's rows: the platform's values remain."""
    world.as_("alice").patch(f"/orgs/{ACME}/modules/chat", {"enabled": False})
    off = sql.SQL("select from mgmt.resolve(%(acme)s) where not is_enabled")

    assert {name: connection.as_(name, off) for name in ("alice", "carol", "bob")} == {"alice": 1, "carol": 0, "bob": 0}
    assert connection.as_("carol", sql.SQL("select from mgmt.org_modules(%(acme)s) where not is_enabled")) == 1
