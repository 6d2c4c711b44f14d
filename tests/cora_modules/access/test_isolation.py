"""SQL sent as the database role of a request, past every route: what a second organization's owner can reach."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import psycopg
import pytest
from psycopg import sql

from tests.cora_modules.access.world import ACME, GLOBEX, MEMBERS, World

pytestmark = pytest.mark.db

Outcome = int | str
Statement = sql.SQL | sql.Composed
Role = Literal["anon", "authenticated", "app_sys"]
REFUSED = "42501"
# Tables without org_id: which of their rows are Acme's. The others are asked for by org_id.
ACMES = {
    "orgs": "id = %(acme)s",
    "users": "id = any (%(people)s)",
    **dict.fromkeys(["user_identities", "user_sessions", "auth_log"], "user_id = any (%(people)s)"),
    "bootstrap_identities": "true",
}


class Request:
    """A connection as a Lambda has it: the powerless login, which becomes a role for one transaction."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._conn = psycopg.connect(world.local.login_url, autocommit=True)
        people = [world.users[name] for org_id, name, _ in MEMBERS if org_id == ACME]
        self._parameters = {"acme": ACME, "globex": GLOBEX, "people": people}
        self.tables = sorted(world.snapshot())

    def close(self) -> None:
        self._conn.close()

    def as_(self, name: str | None, statement: Statement, role: Role = "authenticated") -> Outcome:
        """Rows seen or changed, or the SQLSTATE. Nothing is kept."""
        claims = {} if name is None else {"sub": str(self._world.users[name]), "outer_sub": f"local|{name}"}
        try:
            with self._conn.transaction(force_rollback=True):
                self._conn.execute(
                    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                    [role, json.dumps(claims)],
                )
                return self._conn.execute(statement, self._parameters).rowcount
        except psycopg.Error as error:
            return error.sqlstate or "none"

    def rows_of_acme(self, table: str) -> sql.Composed:
        return sql.SQL(" where {}").format(sql.SQL(ACMES.get(table, "org_id = %(acme)s")))

    def columns(self, table: str, verb: Literal["INSERT", "UPDATE"]) -> list[str]:
        """Those that signed-in users have the grant to write, all of them if there is none."""
        granted = self._world.admin.execute(
            """
            select attname, has_column_privilege('authenticated', attrelid, attnum, %s) as is_granted from pg_attribute
            where attrelid = ('access.' || %s)::regclass and attnum > 0 and not attisdropped order by attnum
            """,
            [verb, table],
        ).fetchall()
        return [row["attname"] for row in granted if row["is_granted"]] or [row["attname"] for row in granted]

    def select(self, table: str) -> sql.Composed:
        return sql.SQL("select from access.{}").format(sql.Identifier(table)) + self.rows_of_acme(table)

    def update(self, table: str) -> sql.Composed:
        column = sql.Identifier(self.columns(table, "UPDATE")[0])
        return sql.SQL("update access.{} set {} = {}").format(
            sql.Identifier(table), column, column
        ) + self.rows_of_acme(table)

    def delete(self, table: str) -> sql.Composed:
        return sql.SQL("delete from access.{}").format(sql.Identifier(table)) + self.rows_of_acme(table)

    def insert(self, table: str) -> sql.Composed:
        """A row like one that Acme has, by the columns that may be written."""
        columns = self.columns(table, "INSERT")
        found = self._world.admin.execute(
            sql.SQL("select to_jsonb(t) as row from access.{} t").format(sql.Identifier(table))
            + self.rows_of_acme(table),
            self._parameters,
        ).fetchone()
        assert found is not None, f"the cast has no row of Acme's in access.{table}: add one"
        row: dict[str, Any] = found["row"]
        return sql.SQL("insert into access.{} ({}) select {} from jsonb_populate_record(null::access.{}, {})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(table),
            sql.Literal(json.dumps(row)),
        )

    def attempt(self, verb: str, table: str) -> sql.Composed:
        statement: sql.Composed = getattr(self, verb)(table)
        return statement


@pytest.fixture
def request_(still_world: World) -> Iterator[Request]:
    made = Request(still_world)
    yield made
    made.close()


VERBS = ["select", "update", "delete", "insert"]


# --- another organization's rows --------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_owner_of_another_organization_reaches_no_row(request_: Request, verb: str) -> None:
    outcomes = {table: request_.as_("bob", request_.attempt(verb, table)) for table in request_.tables}

    assert {table: outcome for table, outcome in outcomes.items() if outcome not in (0, REFUSED)} == {}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", ["erin", "root", None])
def test_outsider_reaches_no_row(request_: Request, verb: str, name: str | None) -> None:
    outcomes = {table: request_.as_(name, request_.attempt(verb, table)) for table in request_.tables}

    assert {table: outcome for table, outcome in outcomes.items() if outcome not in (0, REFUSED)} == {}


def test_same_attempts_reach_rows_for_those_who_may(request_: Request) -> None:
    """Else the tests above would pass on empty tables."""
    tables = ["org_email_domains", "org_members", "orgs", "users"]
    outcomes = {table: request_.as_("alice", request_.select(table)) for table in tables}

    assert outcomes == {"org_email_domains": 1, "org_members": 3, "orgs": 1, "users": 3}
    assert request_.as_("alice", request_.update("orgs")) == 1
    assert request_.as_("alice", request_.delete("orgs")) == 1
    assert request_.as_("alice", request_.delete("org_email_domains")) == 1
    assert request_.as_("alice", request_.insert("org_email_domains")) == "23505"


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_in_particular_is_refused_every_table(request_: Request, verb: str) -> None:
    outcomes = {request_.as_(None, request_.attempt(verb, table), role="anon") for table in request_.tables}

    assert outcomes == {REFUSED}


@pytest.mark.parametrize("table", ["org_members", "user_identities"])
def test_platforms_admin_sees_no_content_of_tenants(request_: Request, table: str) -> None:
    assert request_.as_("root", request_.select(table), role="app_sys") == REFUSED


@pytest.mark.parametrize("verb", ["update", "delete", "insert"])
def test_platforms_admin_writes_nothing(request_: Request, verb: str) -> None:
    outcomes = {request_.as_("root", request_.attempt(verb, table), role="app_sys") for table in request_.tables}

    assert outcomes == {REFUSED}


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_nobody_truncates(request_: Request, role: Role) -> None:
    truncate = sql.SQL("truncate access.{} cascade")
    outcomes = {request_.as_("alice", truncate.format(sql.Identifier(table)), role) for table in request_.tables}

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
def test_rows_cannot_be_moved_or_locked_across(request_: Request, statement: sql.SQL, outcome: Outcome) -> None:
    assert request_.as_("bob", statement) == outcome


# --- no one raises himself --------------------------------------------------------------------


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
def test_nobody_raises_himself(request_: Request, name: str, statement: sql.SQL) -> None:
    assert request_.as_(name, statement) == REFUSED


# --- columns have owners ----------------------------------------------------------------------

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
def test_private_column_of_users_is_read_by_nobody(request_: Request, column: str) -> None:
    name = sql.SQL("*") if column == "*" else sql.Identifier(column)

    outcomes = {
        each: request_.as_(each, sql.SQL("select {} from access.users").format(name)) for each in ("alice", "bob")
    }

    assert outcomes == {"alice": REFUSED, "bob": REFUSED}


@pytest.mark.parametrize("column", PRIVATE)
def test_private_column_of_users_is_no_filter_either(request_: Request, column: str) -> None:
    statement = sql.SQL("select id from access.users where {} is not null").format(sql.Identifier(column))

    assert request_.as_("alice", statement) == REFUSED


@pytest.mark.parametrize(("name", "seen"), [("alice", 3), ("carol", 3), ("bob", 1), ("erin", 1), ("root", 1)])
def test_colleagues_see_each_other_by_name(request_: Request, name: str, seen: int) -> None:
    assert request_.as_(name, sql.SQL("select id, email, full_name, avatar_url from access.users")) == seen


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
def test_look_ups_are_for_the_rules_alone(request_: Request, role: Role, statement: sql.SQL) -> None:
    assert request_.as_("alice", statement, role) == REFUSED


@pytest.mark.parametrize(("name", "count"), [("alice", 1), ("bob", 1), ("erin", 0), (None, 0)])
def test_own_organizations_are_the_callers(request_: Request, name: str | None, count: int) -> None:
    assert request_.as_(name, sql.SQL("select access.org_ids()")) == count


def test_unknown_user_makes_no_organization(request_: Request) -> None:
    statement = sql.SQL("select access.create_org('x', 'x-x', null, null, null, null, null)")

    assert request_.as_(None, statement) == "OCUSR"
    assert request_.as_(None, statement, role="anon") == REFUSED
    assert request_.as_("root", statement, role="app_sys") == REFUSED


def test_login_that_has_become_nobody_reaches_nothing(still_world: World) -> None:
    with psycopg.connect(still_world.local.login_url, autocommit=True) as conn:
        outcomes = [_sqlstate(conn, f"select from access.{table}") for table in still_world.snapshot()]

    assert set(outcomes) == {REFUSED}


@pytest.mark.parametrize("role", ["app_rules", "app_migrator", "app_service", "postgres"])
def test_login_cannot_become_more(still_world: World, role: str) -> None:
    with psycopg.connect(still_world.local.login_url, autocommit=True) as conn:
        outcome = _sqlstate(conn, f"set role {role}")

    assert outcome == REFUSED


def _sqlstate(conn: psycopg.Connection, statement: str) -> str | None:
    try:
        conn.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None
