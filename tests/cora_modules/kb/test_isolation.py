"""SQL sent as the database role of a request reaches no row of another organization, workspace or base."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from psycopg import sql

from tests.cora_modules.kb.role_connection import connect
from tests.cora_modules.kb.world import KbWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

R = REFUSED
VERBS = ("select", "update", "delete", "insert")
# Owner of Acme's workspace; its admin, who is an admin of Acme too; its user; a former member; Acme's owner, who is not
# a member of the workspace; the owner of another organization; a user without one; the platform's owner; an unknown
# user.
CAST = ("carol", "dave", "frank", "grace", "alice", "bob", "erin", "root", None)
ALL_REFUSED = (R,) * 9
INSERT: LiteralString = (
    "insert into kb.kb_documents (org_id, base_id, filename, media_type, size_bytes, sha256) values "
)
# The outcome of each statement about Acme's rows: how many, or the SQLSTATE. Acme has three bases, of which one is
# deleted and one belongs to the workspace.
OUTCOMES: dict[tuple[str, str], tuple[Outcome, ...]] = {
    # Also the deleted one: no policy of it asks for `deleted_at`, the views do.
    ("kb_bases", "select"): (3, 3, 3, 2, 2, 0, 0, 0, 0),
    ("kb_bases", "update"): (1, 2, 0, 0, 1, 0, 0, 0, 0),
    ("kb_bases", "delete"): ALL_REFUSED,
    # Of the organization. 23505: its name exists.
    ("kb_bases", "insert"): (R, "23505", R, R, "23505", R, R, R, R),
    # Those of the deleted base are hidden.
    ("kb_documents", "select"): (2, 2, 2, 1, 1, 0, 0, 0, 0),
    ("kb_documents", "update"): ALL_REFUSED,
    ("kb_documents", "delete"): ALL_REFUSED,
    ("kb_documents", "insert"): (R, 1, R, R, 1, R, R, R, R),
    ("kb_texts", "select"): (2, 2, 2, 1, 1, 0, 0, 0, 0),
    ("kb_texts", "update"): ALL_REFUSED,
    ("kb_texts", "delete"): ALL_REFUSED,
    ("kb_texts", "insert"): ALL_REFUSED,
    # Of two models for each base.
    ("kb_indexes", "select"): (4, 4, 4, 2, 2, 0, 0, 0, 0),
    ("kb_indexes", "update"): ALL_REFUSED,
    ("kb_indexes", "delete"): ALL_REFUSED,
    ("kb_indexes", "insert"): ALL_REFUSED,
    ("kb_chunks", "select"): (4, 4, 4, 2, 2, 0, 0, 0, 0),
    ("kb_chunks", "update"): ALL_REFUSED,
    ("kb_chunks", "delete"): ALL_REFUSED,
    ("kb_chunks", "insert"): ALL_REFUSED,
    # For the platform alone.
    ("kb_removed_files", "select"): ALL_REFUSED,
    ("kb_removed_files", "update"): ALL_REFUSED,
    ("kb_removed_files", "delete"): ALL_REFUSED,
    ("kb_removed_files", "insert"): ALL_REFUSED,
}


@pytest.fixture
def connection(readonly_world: KbWorld) -> Iterator[RoleConnection]:
    connection = connect(readonly_world)
    yield connection
    connection.close()


def test_every_table_and_verb_is_here(readonly_world: KbWorld) -> None:
    assert set(OUTCOMES) == {(table, verb) for table in readonly_world.kb_tables() for verb in VERBS}


@pytest.mark.parametrize(("table", "verb"), OUTCOMES, ids=map(" ".join, OUTCOMES))
def test_statement_reaches_these_rows_of_acme(connection: RoleConnection, table: str, verb: str) -> None:
    outcomes = tuple(connection.as_(name, connection.attempt(verb, table)) for name in CAST)

    assert outcomes == OUTCOMES[table, verb]


@pytest.mark.parametrize(("table", "verb"), OUTCOMES, ids=map(" ".join, OUTCOMES))
def test_members_of_acme_reach_no_row_of_globex(connection: RoleConnection, table: str, verb: str) -> None:
    outcomes = {name: connection.as_(name, connection.attempt(verb, table, "globex")) for name in CAST if name != "bob"}

    assert set(outcomes.values()) <= {0, REFUSED}


def test_bob_reaches_the_rows_of_globex(connection: RoleConnection) -> None:
    """Shows that the statements above do not fail for another reason."""
    tables = ["kb_bases", "kb_documents", "kb_texts", "kb_indexes", "kb_chunks"]

    assert [connection.as_("bob", connection.attempt("select", table, "globex")) for table in tables] == [2, 2, 2, 4, 4]


@pytest.mark.parametrize("role", ["anon", "app_sys"])
@pytest.mark.parametrize("verb", VERBS)
def test_other_roles_are_refused_every_table(
    connection: RoleConnection, readonly_world: KbWorld, role: Role, verb: str
) -> None:
    """The platform's owner, too, sees no document of a tenant."""
    tables = readonly_world.kb_tables()

    outcomes = {connection.as_(name, connection.attempt(verb, t), role) for t in tables for name in ("root", "dave")}

    assert outcomes == {REFUSED}


@pytest.mark.parametrize("view", ["live_bases", "live_documents"])
def test_views_show_what_their_caller_sees(connection: RoleConnection, view: str) -> None:
    statement = sql.SQL("select from kb.{}").format(sql.Identifier(view))

    rows = tuple(connection.as_(name, statement) for name in CAST)

    assert rows == (2, 2, 2, 1, 1, 2, 0, 0, 0)


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_no_role_can_truncate(connection: RoleConnection, readonly_world: KbWorld, role: Role) -> None:
    truncate = sql.SQL("truncate kb.{} cascade")
    tables = map(sql.Identifier, readonly_world.kb_tables())

    assert {connection.as_("dave", truncate.format(table), role) for table in tables} == {REFUSED}


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ("update kb.kb_bases set org_id = %(globex)s", R),
        ("update kb.kb_bases set scope = 'workspace', ws_id = %(rockets)s", R),
        ("update kb.kb_bases set deleted_at = null", R),
        ("update kb.kb_bases set purge_at = now()", R),
        ("update kb.kb_documents set purge_at = now()", R),
        ("update kb.kb_documents set status = 'indexed'", R),
        # A generated column: the key of a file follows from identifiers, which do not change.
        ("update kb.kb_documents set storage_key = 'kb/other'", "428C9"),
        ("update kb.kb_documents set base_id = %(globex_base)s", R),
        # Into a base of the own organization that the caller may not write, of another one, and across both.
        (INSERT + "(%(globex)s, %(globex_base)s, 'x', 'text/plain', 1, repeat('0', 64))", R),
        (INSERT + "(%(acme)s, %(globex_base)s, 'x', 'text/plain', 1, repeat('0', 64))", R),
        (INSERT + "(%(acme)s, %(gone)s, 'x', 'text/plain', 1, repeat('0', 64))", R),
        ("insert into kb.kb_bases (org_id, scope, name) values (%(globex)s, 'organization', 'x')", R),
        # A scope without its owner, and one that belongs to the module chat.
        ("insert into kb.kb_bases (org_id, scope, name) values (%(acme)s, 'workspace', 'x')", R),
        ("insert into kb.kb_bases (org_id, scope, name) values (%(acme)s, 'chat', 'x')", R),
        ("insert into kb.kb_bases (org_id, scope, ws_id, name) values (%(globex)s, 'workspace', %(rockets)s, 'x')", R),
    ],
)
def test_admin_of_acme_cannot_move_or_forge_rows(
    connection: RoleConnection, statement: LiteralString, outcome: Outcome
) -> None:
    assert connection.as_("dave", sql.SQL(statement)) == outcome
