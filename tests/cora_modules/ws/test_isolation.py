"""SQL sent as the database role of a request reaches no row of another organization or workspace."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.cora_modules.ws.role_connection import connect
from tests.cora_modules.ws.world import WsWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

R = REFUSED
VERBS = ("select", "update", "delete", "insert")
# Owner, admin and user of Acme's workspace; a former member; the owner of the organization, who is not a member; the
# owner of another organization; a user without an organization; the platform's owner; an unknown user.
CAST = ("carol", "dave", "frank", "grace", "alice", "bob", "erin", "root", None)
ALL_REFUSED = (R,) * 9
# The outcome of each statement about Acme's rows: how many, or the SQLSTATE. 23505: the row exists.
OUTCOMES: dict[tuple[str, str], tuple[Outcome, ...]] = {
    # The other workspace is deleted, and its members are none of it until it is restored.
    ("workspaces", "select"): (1, 1, 1, 0, 0, 0, 0, 0, 0),
    ("workspaces", "update"): (1, 1, 0, 0, 0, 0, 0, 0, 0),
    ("workspaces", "delete"): ALL_REFUSED,
    ("workspaces", "insert"): ALL_REFUSED,
    # Also rows of their own that are deleted: no policy asks for `deleted_at`, the views do.
    ("ws_members", "select"): (5, 4, 5, 1, 0, 0, 0, 0, 0),
    ("ws_members", "update"): ALL_REFUSED,
    ("ws_members", "delete"): ALL_REFUSED,
    ("ws_members", "insert"): ALL_REFUSED,
    ("ws_favorites", "select"): (0, 0, 1, 0, 0, 0, 0, 0, 0),
    ("ws_favorites", "update"): ALL_REFUSED,
    ("ws_favorites", "delete"): (0, 0, 1, 0, 0, 0, 0, 0, 0),
    # Frank's own one.
    ("ws_favorites", "insert"): (R, R, "23505", R, R, R, R, R, R),
    ("ws_activity", "select"): (6, 6, 6, 0, 0, 0, 0, 0, 0),
    ("ws_activity", "update"): ALL_REFUSED,
    ("ws_activity", "delete"): ALL_REFUSED,
    ("ws_activity", "insert"): ALL_REFUSED,
    ("ws_plugins", "select"): (1, 1, 1, 0, 0, 0, 0, 0, 0),
    ("ws_plugins", "update"): ALL_REFUSED,
    ("ws_plugins", "delete"): ALL_REFUSED,
    ("ws_plugins", "insert"): ALL_REFUSED,
    ("ws_config_org", "select"): (0, 1, 0, 0, 1, 0, 0, 0, 0),
    ("ws_config_org", "update"): (0, 1, 0, 0, 1, 0, 0, 0, 0),
    ("ws_config_org", "delete"): ALL_REFUSED,
    ("ws_config_org", "insert"): (R, "23505", R, R, "23505", R, R, R, R),
    ("ws_config_sys", "select"): ALL_REFUSED,
    ("ws_config_sys", "update"): ALL_REFUSED,
    ("ws_config_sys", "delete"): ALL_REFUSED,
    ("ws_config_sys", "insert"): ALL_REFUSED,
}

OF_TENANTS = [case for case in OUTCOMES if case[0] != "ws_config_sys"]


@pytest.fixture
def connection(readonly_world: WsWorld) -> Iterator[RoleConnection]:
    connection = connect(readonly_world)
    yield connection
    connection.close()


def test_every_table_and_verb_is_here(readonly_world: WsWorld) -> None:
    assert set(OUTCOMES) == {(table, verb) for table in readonly_world.ws_tables() for verb in VERBS}


@pytest.mark.parametrize(("table", "verb"), OUTCOMES, ids=map(" ".join, OUTCOMES))
def test_statement_reaches_these_rows_of_acme(connection: RoleConnection, table: str, verb: str) -> None:
    outcomes = tuple(connection.as_(name, connection.attempt(verb, table)) for name in CAST)

    assert outcomes == OUTCOMES[table, verb]


@pytest.mark.parametrize(("table", "verb"), OF_TENANTS, ids=map(" ".join, OF_TENANTS))
@pytest.mark.parametrize("name", [name for name in CAST if name != "bob"])
def test_members_of_acme_reach_no_row_of_globex(
    connection: RoleConnection, name: str | None, table: str, verb: str
) -> None:
    assert connection.as_(name, connection.attempt(verb, table, "globex")) in (0, REFUSED)


def test_bob_reaches_the_rows_of_globex(connection: RoleConnection) -> None:
    """Shows that the statements above do not fail for another reason."""
    tables = ["workspaces", "ws_members", "ws_favorites", "ws_activity", "ws_plugins", "ws_config_org"]

    outcomes = [connection.as_("bob", connection.attempt("select", table, "globex")) for table in tables]

    assert outcomes == [1, 1, 1, 2, 1, 1]


@pytest.mark.parametrize("verb", VERBS)
def test_anon_is_refused_every_table(connection: RoleConnection, readonly_world: WsWorld, verb: str) -> None:
    tables = readonly_world.ws_tables()

    assert {connection.as_(None, connection.attempt(verb, table), "anon") for table in tables} == {REFUSED}


@pytest.mark.parametrize(("table", "verb"), OUTCOMES, ids=map(" ".join, OUTCOMES))
def test_app_sys_reaches_the_platforms_settings_only(connection: RoleConnection, table: str, verb: str) -> None:
    outcomes = [connection.as_(name, connection.attempt(verb, table), "app_sys") for name in ("sam", "alice", None)]

    # The statement of the update writes a column without a grant. The rule of the route is repeated by the policy.
    allowed = (table, verb) == ("ws_config_sys", "select")
    assert outcomes == ([1, 0, 0] if allowed else [REFUSED] * 3)


@pytest.mark.parametrize(("name", "changed"), [("root", 1), ("sam", 1), ("alice", 0), (None, 0)])
def test_settings_of_the_platform_are_changed_by_its_admins(
    connection: RoleConnection, name: str | None, changed: int
) -> None:
    statement = sql.SQL("update ws.ws_config_sys set retention_days = 3")

    assert connection.as_(name, statement, "app_sys") == changed


@pytest.mark.parametrize("view", ["live_workspaces", "live_members"])
def test_views_show_what_their_caller_sees(connection: RoleConnection, view: str) -> None:
    statement = sql.SQL("select from ws.{}").format(sql.Identifier(view))

    rows = {name: connection.as_(name, statement) for name in CAST}

    acme = {"live_workspaces": 1, "live_members": 3}[view]
    assert rows == {name: acme if name in ("carol", "dave", "frank") else int(name == "bob") for name in CAST}


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_no_role_can_truncate(connection: RoleConnection, readonly_world: WsWorld, role: Role) -> None:
    truncate = sql.SQL("truncate ws.{} cascade")
    tables = map(sql.Identifier, readonly_world.ws_tables())

    assert {connection.as_("carol", truncate.format(table), role) for table in tables} == {REFUSED}


@pytest.mark.parametrize(
    "statement",
    [
        sql.SQL("update ws.ws_members set ws_role = 'ws_owner'"),
        sql.SQL("update ws.ws_members set deleted_at = null"),
        sql.SQL("update ws.workspaces set deleted_at = null, purge_at = null"),
        sql.SQL("update ws.workspaces set org_id = %(globex)s"),
        sql.SQL("update ws.workspaces set purge_at = now()"),
        sql.SQL("insert into ws.workspaces (org_id, name, color) values (%(acme)s, 'x', '#000000')"),
        sql.SQL(
            "insert into ws.ws_members (org_id, ws_id, user_id, ws_role) "
            "values (%(acme)s, %(rockets)s, app.uid(), 'ws_owner')"
        ),
        sql.SQL(
            "insert into ws.ws_favorites (org_id, ws_id, user_id) values (%(acme)s, %(rockets)s, %(carol)s::uuid), "
            "(%(acme)s, %(rockets)s, %(dave)s::uuid)"
        ),
        sql.SQL("update ws.ws_config_org set org_id = %(globex)s"),
        sql.SQL("update ws.ws_activity set event = 'created'"),
    ],
)
@pytest.mark.parametrize("name", ["carol", "dave", "frank", "grace", "alice", "bob", "erin"])
def test_caller_cannot_gain_rights_or_move_rows(connection: RoleConnection, name: str, statement: sql.SQL) -> None:
    assert connection.as_(name, statement) == REFUSED


def test_activity_cannot_be_changed_even_by_the_operator(readonly_world: WsWorld) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append only"), readonly_world.admin.transaction():
        readonly_world.admin.execute("update ws.ws_activity set event = 'created'")
