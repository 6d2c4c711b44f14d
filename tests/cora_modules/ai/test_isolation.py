"""SQL sent as the database role of a request, without a route: every table, verb and person, from the catalog."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.cora_modules.access.world import ACME, GLOBEX, IDS
from tests.cora_modules.ai.world import ACME_CALL, EXTRACTS, GLOBEX_CALL, REMOTE_CHAT, AiWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

VERBS = ("select", "update", "delete", "insert")
PEOPLE = ("alice", "dave", "carol", "bob", "erin", "sam", "root", None)
ADMINS: dict[str | None, Outcome] = {"alice": 1, "dave": 1}
EXISTS: dict[str | None, Outcome] = {"alice": "23505", "dave": "23505"}
WITHOUT_ORG = frozenset({"ai_providers", "ai_models", "ai_config_sys"})


def sys(outcome: Outcome) -> dict[str | None, Outcome]:
    return {"sam": outcome, "root": outcome}


# Rows that a statement of these people reaches; all others are refused or reach none. Acme's admins have its settings
# and read its calls, and the platform's administrators have the platform's tables. 23505: the row exists, and the
# policy let it pass; 23503: a model of the settings belongs to the provider.
REACHED: dict[tuple[Role, str, str], dict[str | None, Outcome]] = {
    ("authenticated", "ai_config_org", "select"): ADMINS,
    ("authenticated", "ai_config_org", "update"): ADMINS,
    ("authenticated", "ai_config_org", "insert"): EXISTS,
    ("authenticated", "ai_calls", "select"): ADMINS,
    ("app_sys", "ai_providers", "select"): sys(2),
    ("app_sys", "ai_providers", "update"): sys(2),
    ("app_sys", "ai_providers", "delete"): sys("23503"),
    ("app_sys", "ai_providers", "insert"): sys("23505"),
    ("app_sys", "ai_models", "select"): sys(5),
    ("app_sys", "ai_models", "update"): sys(5),
    ("app_sys", "ai_models", "insert"): sys("23505"),
    ("app_sys", "ai_config_sys", "select"): sys(1),
    ("app_sys", "ai_config_sys", "update"): sys(1),
}


def rows_of(table: str, org: str) -> str:
    return "true" if table in WITHOUT_ORG else f"org_id = %({org})s"


@pytest.fixture
def connection(readonly_world: AiWorld) -> Iterator[RoleConnection]:
    values = {
        "acme": ACME,
        "globex": GLOBEX,
        "model": REMOTE_CHAT,
        "call": ACME_CALL,
        "globex_call": GLOBEX_CALL,
        "local": EXTRACTS,
    }
    connection = RoleConnection(readonly_world, "ai", values, IDS, rows_of)
    yield connection
    connection.close()


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_table_and_person(connection: RoleConnection, readonly_world: AiWorld, verb: str, role: Role) -> None:
    tables = readonly_world.ai_tables
    assert len(tables) == 5
    for table in tables:
        statement = connection.attempt(verb, table, role=role)
        outcomes = {name: connection.as_(name, statement, role) for name in PEOPLE}
        reached = {name: outcome for name, outcome in outcomes.items() if outcome not in (0, REFUSED)}
        assert reached == REACHED.get((role, table, verb), {}), (table, outcomes)


@pytest.mark.parametrize("verb", VERBS)
def test_members_of_acme_reach_no_row_of_globex(connection: RoleConnection, verb: str) -> None:
    for table in ("ai_config_org", "ai_calls"):
        statement = connection.attempt(verb, table, "globex")
        assert {connection.as_(name, statement) for name in PEOPLE if name != "bob"} <= {0, REFUSED}


def test_rows_of_two_organizations_are_not_mixed(connection: RoleConnection) -> None:
    """Without a filter, an admin reads the rows of one organization, and never those of the other."""
    for table in ("ai_config_org", "ai_calls"):
        for name, own in (("alice", "acme"), ("bob", "globex")):
            foreign: LiteralString = "globex" if own == "acme" else "acme"
            every = sql.SQL("select from {}").format(sql.Identifier("ai", table))
            assert connection.as_(name, every) == 1
            assert connection.as_(name, every + sql.SQL(f" where org_id = %({foreign})s")) == 0


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_no_role_can_truncate(connection: RoleConnection, readonly_world: AiWorld, role: Role) -> None:
    truncate = sql.SQL("truncate ai.{} cascade")
    tables = map(sql.Identifier, readonly_world.ai_tables)

    assert {connection.as_("root", truncate.format(table), role) for table in tables} == {REFUSED}


def test_jobs_read_no_table(readonly_world: AiWorld) -> None:
    """Their login may only call the functions."""
    with psycopg.connect(readonly_world.local.service_url, autocommit=True) as conn:
        for table in readonly_world.ai_tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(sql.SQL("select from ai.{}").format(sql.Identifier(table)))


@pytest.mark.parametrize(
    "statement",
    [
        sql.SQL("update ai.ai_config_org set org_id = %(globex)s"),
        sql.SQL("insert into ai.ai_config_org (org_id) values (%(globex)s)"),
        sql.SQL(
            "insert into ai.ai_config_org (org_id) values (%(globex)s) "
            "on conflict (org_id) do update set tone = 'formal'"
        ),
        sql.SQL("update ai.ai_config_org set created_by = null"),
        sql.SQL("update ai.ai_calls set cost = 0"),
        sql.SQL("select secret_ref from ai.ai_providers"),
    ],
)
def test_what_an_owner_may_not_change_or_read(connection: RoleConnection, statement: sql.SQL) -> None:
    assert connection.as_("alice", statement) == REFUSED


# --- functions --------------------------------------------------------------------------------

CALLS: dict[LiteralString, tuple[Outcome, ...]] = {
    "select ai.resolve_model(%(acme)s, 'chat')": (1, 1, 1, *["OC404"] * 5),
    "select ai.resolve_model(%(globex)s, 'chat')": (*["OC404"] * 3, 1, *["OC404"] * 4),
    "select ai.resolve_model(null, 'chat')": ("OC404",) * 8,
    "select ai.effective_config(%(acme)s)": (1, 1, 1, *["OC404"] * 5),
    "select ai.record_call(%(acme)s, gen_random_uuid(), %(model)s, 1, 1, 1)": (1, 1, 1, *["OC404"] * 5),
    "select ai.record_call(%(globex)s, %(globex_call)s, %(model)s, 1, 1, 1)": (*["OC404"] * 3, 1, *["OC404"] * 4),
}
INNER: list[LiteralString] = ["select ai.require_member(%(acme)s)", "select ai.check_model()"]


@pytest.mark.parametrize("call", CALLS)
def test_function_checks_its_caller(connection: RoleConnection, call: LiteralString) -> None:
    assert tuple(connection.as_(name, sql.SQL(call)) for name in PEOPLE) == CALLS[call]


@pytest.mark.parametrize("call", [*CALLS, *INNER])
@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_other_roles_cannot_call_the_function(connection: RoleConnection, role: Role, call: LiteralString) -> None:
    if call in CALLS and role == "authenticated":
        return
    # The function of a trigger is refused for another reason, if not for the missing privilege.
    assert connection.as_("root", sql.SQL(call), role) in (REFUSED, "0A000")


def test_every_function_is_in_these_tables(readonly_world: AiWorld) -> None:
    rows = readonly_world.admin.execute("select proname from pg_proc where pronamespace = 'ai'::regnamespace")

    assert {row["proname"] for row in rows} == {call.partition("ai.")[2].partition("(")[0] for call in [*CALLS, *INNER]}


def test_login_of_requests_does_not_become_a_job_by_its_claims(connection: RoleConnection) -> None:
    """A job is known by its login. Neither a role nor claims make a request one."""
    claims = sql.SQL(
        """select set_config('request.jwt.claims', '{{"role": "app_service"}}', true), ai.resolve_model({}, 'chat')"""
    )

    assert connection.as_("bob", claims.format(sql.Literal(str(ACME)))) == "OC404"
