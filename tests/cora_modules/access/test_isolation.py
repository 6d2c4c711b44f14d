"""SQL sent as the database role of a request, without a route: it reaches no rows of another organization."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.cora_modules.access.world import ACME, GLOBEX, MEMBERS, World
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

# The condition for Acme's rows in tables without org_id.
ACMES = {
    "orgs": "id = %(acme)s",
    "users": "id = any (%(people)s)",
    **dict.fromkeys(["user_identities", "user_sessions", "auth_log"], "user_id = any (%(people)s)"),
    **dict.fromkeys(["bootstrap_identities", "mailbox_rules"], "true"),
}


def rows_of_acme(table: str, org: str) -> str:
    return ACMES.get(table, "org_id = %(acme)s")


@pytest.fixture
def connection(readonly_world: World) -> Iterator[RoleConnection]:
    users = readonly_world.users
    people = [users[name] for org_id, name, _ in MEMBERS if org_id == ACME]
    values = {"acme": ACME, "globex": GLOBEX, "people": people}
    connection = RoleConnection(readonly_world, "access", values, users, rows_of_acme)
    yield connection
    connection.close()


@pytest.fixture
def tables(readonly_world: World) -> list[str]:
    return sorted(readonly_world.snapshot())


VERBS = ["select", "update", "delete", "insert"]


# --- rows of another organization --------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_owner_of_another_organization_reaches_no_row(connection: RoleConnection, tables: list[str], verb: str) -> None:
    outcomes = {table: connection.as_("bob", connection.attempt(verb, table)) for table in tables}

    assert {table: outcome for table, outcome in outcomes.items() if outcome not in (0, REFUSED)} == {}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", ["erin", "root", None])
def test_outsider_reaches_no_row(connection: RoleConnection, tables: list[str], verb: str, name: str | None) -> None:
    outcomes = {table: connection.as_(name, connection.attempt(verb, table)) for table in tables}

    assert {table: outcome for table, outcome in outcomes.items() if outcome not in (0, REFUSED)} == {}


def test_same_statements_reach_rows_of_the_callers_organization(connection: RoleConnection) -> None:
    """Shows that the tests above do not pass because of empty tables."""
    tables = ["org_email_domains", "org_members", "orgs", "users"]
    outcomes = {table: connection.as_("alice", connection.attempt("select", table)) for table in tables}

    assert outcomes == {"org_email_domains": 1, "org_members": 3, "orgs": 1, "users": 3}
    assert connection.as_("alice", connection.attempt("update", "orgs")) == 1
    assert connection.as_("alice", connection.attempt("delete", "orgs")) == 1
    assert connection.as_("alice", connection.attempt("delete", "org_email_domains")) == 1
    assert connection.as_("alice", connection.attempt("insert", "org_email_domains")) == "23505"


@pytest.mark.parametrize("verb", VERBS)
def test_anon_is_refused_every_table(connection: RoleConnection, tables: list[str], verb: str) -> None:
    outcomes = {connection.as_(None, connection.attempt(verb, table), role="anon") for table in tables}

    assert outcomes == {REFUSED}


@pytest.mark.parametrize("table", ["org_members", "user_identities"])
def test_app_sys_reads_no_content_of_tenants(connection: RoleConnection, table: str) -> None:
    assert connection.as_("root", connection.attempt("select", table), role="app_sys") == REFUSED


@pytest.mark.parametrize("verb", ["update", "delete", "insert"])
def test_app_sys_writes_nothing(connection: RoleConnection, tables: list[str], verb: str) -> None:
    outcomes = {connection.as_("root", connection.attempt(verb, table), role="app_sys") for table in tables}

    assert outcomes == {REFUSED}


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_no_role_can_truncate(connection: RoleConnection, tables: list[str], role: Role) -> None:
    truncate = sql.SQL("truncate access.{} cascade")
    outcomes = {connection.as_("alice", truncate.format(sql.Identifier(table)), role) for table in tables}

    assert outcomes == {REFUSED}


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        (sql.SQL("update access.org_email_domains set org_id = %(acme)s where org_id = %(globex)s"), REFUSED),
        (sql.SQL("update access.orgs set id = %(acme)s where id = %(globex)s"), REFUSED),
        (sql.SQL("select from access.orgs where id = %(acme)s for update"), 0),
        (sql.SQL("merge into access.orgs o using (select 1) as one on o.id = %(acme)s when matched then delete"), 0),
        (
            sql.SQL("merge into access.orgs o using (select 1) as one on o.id = %(acme)s when matched then do nothing"),
            0,
        ),
    ],
)
def test_rows_of_another_organization_cannot_be_moved_or_locked(
    connection: RoleConnection, statement: sql.SQL, outcome: Outcome
) -> None:
    assert connection.as_("bob", statement) == outcome


# --- privileges -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        sql.SQL("update access.users set sys_role = 'sys_owner'"),
        sql.SQL("update access.users set email = 'root@zq7.example'"),
        sql.SQL("update access.org_members set org_role = 'org_owner'"),
        sql.SQL(
            "insert into access.org_members (org_id, user_id, org_role) values (%(acme)s, auth.uid(), 'org_owner')"
        ),
        sql.SQL(
            "insert into access.org_members (org_id, user_id, org_role) values (%(globex)s, auth.uid(), 'org_owner')"
        ),
        sql.SQL("insert into access.user_identities (issuer, subject, user_id) values ('i', 's', auth.uid())"),
        sql.SQL("insert into access.orgs (name, slug) values ('x', 'x-x')"),
        sql.SQL("update access.org_email_domains set verified_at = now()"),
    ],
)
@pytest.mark.parametrize("name", ["alice", "dave", "carol", "erin"])
def test_caller_cannot_gain_privileges(connection: RoleConnection, name: str, statement: sql.SQL) -> None:
    assert connection.as_(name, statement) == REFUSED


# --- private columns --------------------------------------------------------------------------

PRIVATE = [
    "phone",
    "metadata",
    "sys_role",
    "is_active",
    "current_org_id",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
]


@pytest.mark.parametrize("column", [*PRIVATE, "*"])
def test_private_column_of_users_cannot_be_read(connection: RoleConnection, column: str) -> None:
    name = sql.SQL("*") if column == "*" else sql.Identifier(column)

    outcomes = {
        user: connection.as_(user, sql.SQL("select {} from access.users").format(name)) for user in ("alice", "bob")
    }

    assert outcomes == {"alice": REFUSED, "bob": REFUSED}


@pytest.mark.parametrize("column", PRIVATE)
def test_private_column_of_users_cannot_be_used_as_a_filter(connection: RoleConnection, column: str) -> None:
    statement = sql.SQL("select id from access.users where {} is not null").format(sql.Identifier(column))

    assert connection.as_("alice", statement) == REFUSED


@pytest.mark.parametrize(("name", "seen"), [("alice", 3), ("carol", 3), ("bob", 1), ("erin", 1), ("root", 1)])
def test_callers_see_themselves_and_their_colleagues(connection: RoleConnection, name: str, seen: int) -> None:
    assert connection.as_(name, sql.SQL("select id, email, full_name, avatar_url from access.users")) == seen


# --- functions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        sql.SQL("select app.find_user('https://issuer.test', 'local|alice')"),
        sql.SQL("select app.find_org_role(%(acme)s)"),
        sql.SQL("select app.find_sys_role()"),
        sql.SQL("select app.audit()"),
    ],
)
@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_request_cannot_call_the_lookups_of_access_rules(
    connection: RoleConnection, role: Role, statement: sql.SQL
) -> None:
    assert connection.as_("alice", statement, role) == REFUSED


@pytest.mark.parametrize(("name", "count"), [("alice", 1), ("bob", 1), ("erin", 0), (None, 0)])
def test_org_ids_are_those_of_the_caller(connection: RoleConnection, name: str | None, count: int) -> None:
    assert connection.as_(name, sql.SQL("select access.org_ids()")) == count


def test_unknown_user_cannot_create_an_organization(connection: RoleConnection) -> None:
    statement = sql.SQL("select access.create_org('x', 'x-x', null, null, null, null, null)")

    assert connection.as_(None, statement) == "OCUSR"
    assert connection.as_(None, statement, role="anon") == REFUSED
    assert connection.as_("root", statement, role="app_sys") == REFUSED


def test_login_without_a_role_reaches_nothing(readonly_world: World) -> None:
    with psycopg.connect(readonly_world.local.login_url, autocommit=True) as conn:
        outcomes = [_sqlstate(conn, f"select from access.{table}") for table in readonly_world.snapshot()]

    assert set(outcomes) == {REFUSED}


@pytest.mark.parametrize("role", ["app_rules", "app_migrator", "app_service", "postgres"])
def test_login_cannot_become_a_privileged_role(readonly_world: World, role: str) -> None:
    with psycopg.connect(readonly_world.local.login_url, autocommit=True) as conn:
        outcome = _sqlstate(conn, f"set role {role}")

    assert outcome == REFUSED


def _sqlstate(conn: psycopg.Connection, statement: str) -> str | None:
    try:
        conn.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None
