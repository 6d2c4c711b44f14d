"""SQL sent as the database role of a request reaches no row of another organization, workspace or chat."""

from collections.abc import Iterator

import pytest
from psycopg import sql

from tests.cora_modules.chat.role_connection import connect
from tests.cora_modules.chat.world import ChatWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

R = REFUSED
VERBS = ("select", "update", "delete", "insert")
# Owner of Launch and Notes and editor of Diary; editor of Notes and viewer of Diary; owner of Diary; a former member of
# the workspace; the owner of the organization; the owner of another organization; a user without an organization; the
# platform's owner; an unknown user.
CAST = ("carol", "dave", "frank", "grace", "alice", "bob", "erin", "root", None)
ALL_REFUSED = (R,) * 9
# The outcome of each statement about Acme's rows: how many, or the SQLSTATE. 23505: the row exists.
OUTCOMES: dict[tuple[str, str], tuple[Outcome, ...]] = {
    # Also the deleted one: no policy asks for `deleted_at`, the view does.
    ("chats", "select"): (4, 3, 3, 0, 0, 0, 0, 0, 0),
    ("chats", "update"): (3, 1, 1, 0, 0, 0, 0, 0, 0),
    ("chats", "delete"): ALL_REFUSED,
    # The id is not theirs to choose: Carol copies the chat Launch.
    ("chats", "insert"): (1, R, R, R, R, R, R, R, R),
    ("chat_members", "select"): (3, 3, 2, 0, 0, 0, 0, 0, 0),
    ("chat_members", "update"): ALL_REFUSED,
    ("chat_members", "delete"): ALL_REFUSED,
    ("chat_members", "insert"): ALL_REFUSED,
    ("chat_favorites", "select"): (1, 0, 0, 0, 0, 0, 0, 0, 0),
    ("chat_favorites", "update"): ALL_REFUSED,
    ("chat_favorites", "delete"): (1, 0, 0, 0, 0, 0, 0, 0, 0),
    ("chat_favorites", "insert"): ("23505", R, R, R, R, R, R, R, R),
    ("chat_bases", "select"): (3, 3, 3, 0, 0, 0, 0, 0, 0),
    ("chat_bases", "update"): ALL_REFUSED,
    ("chat_bases", "delete"): (3, 0, 2, 0, 0, 0, 0, 0, 0),
    ("chat_bases", "insert"): ("23505", R, "23505", R, R, R, R, R, R),
    # Two in each of the chats that they see, and none of the deleted one.
    ("messages", "select"): (6, 6, 4, 0, 0, 0, 0, 0, 0),
    ("messages", "update"): ALL_REFUSED,
    ("messages", "delete"): (6, 2, 2, 0, 0, 0, 0, 0, 0),
    ("messages", "insert"): ALL_REFUSED,
}


@pytest.fixture
def connection(readonly_world: ChatWorld) -> Iterator[RoleConnection]:
    connection = connect(readonly_world)
    yield connection
    connection.close()


def test_every_table_and_verb_is_here(readonly_world: ChatWorld) -> None:
    assert set(OUTCOMES) == {(table, verb) for table in readonly_world.chat_tables() for verb in VERBS}


@pytest.mark.parametrize(("table", "verb"), OUTCOMES, ids=map(" ".join, OUTCOMES))
def test_statement_reaches_these_rows_of_acme(connection: RoleConnection, table: str, verb: str) -> None:
    outcomes = tuple(connection.as_(name, connection.attempt(verb, table)) for name in CAST)

    assert outcomes == OUTCOMES[table, verb]


@pytest.mark.parametrize(("table", "verb"), OUTCOMES, ids=map(" ".join, OUTCOMES))
def test_members_of_acme_reach_no_row_of_globex(connection: RoleConnection, table: str, verb: str) -> None:
    statement = connection.attempt(verb, table, "globex")

    assert {connection.as_(name, statement) for name in CAST if name != "bob"} <= {0, REFUSED}


def test_bob_reaches_the_rows_of_globex(connection: RoleConnection, readonly_world: ChatWorld) -> None:
    """Shows that the statements above do not fail for another reason."""
    outcomes = {
        table: connection.as_("bob", connection.attempt("select", table, "globex"))
        for table in readonly_world.chat_tables()
    }

    assert outcomes == {"chats": 1, "chat_members": 1, "chat_favorites": 1, "chat_bases": 1, "messages": 2}


@pytest.mark.parametrize("role", ["anon", "app_sys"])
@pytest.mark.parametrize(("table", "verb"), OUTCOMES, ids=map(" ".join, OUTCOMES))
def test_other_roles_are_refused_every_table(connection: RoleConnection, table: str, verb: str, role: Role) -> None:
    outcomes = {connection.as_(name, connection.attempt(verb, table), role) for name in ("sam", "alice", None)}

    assert outcomes == {REFUSED}


def test_view_shows_what_its_caller_sees(connection: RoleConnection) -> None:
    rows = [connection.as_(name, sql.SQL("select from chat.live_chats")) for name in CAST]

    assert rows == [3, 3, 2, 0, 0, 1, 0, 0, 0]


def test_base_of_a_chat_is_for_those_who_see_the_chat(connection: RoleConnection) -> None:
    seen = [connection.as_(name, sql.SQL("select from kb.live_bases where scope = 'chat'")) for name in CAST]
    changed = [connection.as_(name, sql.SQL("update kb.kb_bases set name = 'x' where scope = 'chat'")) for name in CAST]

    assert (seen, changed) == ([1, 1, 1, 0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_no_role_can_truncate(connection: RoleConnection, readonly_world: ChatWorld, role: Role) -> None:
    tables = map(sql.Identifier, readonly_world.chat_tables())
    truncate = sql.SQL("truncate chat.{} cascade")

    assert {connection.as_("carol", truncate.format(table), role) for table in tables} == {REFUSED}


@pytest.mark.parametrize(
    "statement",
    [
        sql.SQL("update chat.chats set owner_id = app.uid()"),
        sql.SQL("update chat.chats set org_id = %(globex)s"),
        sql.SQL("update chat.chats set ws_id = null"),
        sql.SQL("update chat.chats set deleted_at = null"),
        sql.SQL("insert into chat.chats (org_id, owner_id, title) values (%(acme)s, %(root)s, 'x')"),
        sql.SQL("insert into chat.chats (org_id, ws_id, owner_id, title) values (%(acme)s, %(plans)s, %(alice)s, 'x')"),
        sql.SQL(
            "insert into chat.chat_members (org_id, chat_id, user_id, access) "
            "values (%(acme)s, %(notes)s, app.uid(), 'edit')"
        ),
        sql.SQL("update chat.chat_members set access = 'edit'"),
        sql.SQL("insert into chat.chat_bases (org_id, chat_id, base_id) values (%(acme)s, %(diary)s, %(prices)s)"),
        sql.SQL("update chat.chat_bases set base_id = %(handbook)s"),
        sql.SQL(
            "insert into chat.messages (org_id, chat_id, role, content, finish_reason) "
            "values (%(acme)s, %(diary)s, 'assistant', 'forged', 'stop')"
        ),
        sql.SQL("update chat.messages set content = 'forged'"),
        sql.SQL("insert into kb.kb_bases (org_id, scope, chat_id, name) values (%(acme)s, 'chat', %(diary)s, 'x')"),
    ],
)
def test_caller_cannot_gain_rights_or_forge(connection: RoleConnection, statement: sql.SQL) -> None:
    assert {connection.as_(name, statement) for name in CAST} == {REFUSED}
