from typing import LiteralString

import psycopg
import pytest
from click.testing import CliRunner

from org_common.tools.cli import main
from org_common.tools.database.guard import ROLES, check_database
from org_common.tools.database.local import LocalDatabase
from org_common.tools.database.policies import check_policies

pytestmark = pytest.mark.db

TABLE: LiteralString = """
create schema shop;
create function shop.mine() returns int language sql stable return 1;
create operator shop.=== (leftarg = int, rightarg = int, function = int4eq);
create table shop.orders (id int, org_id int);
alter table shop.orders enable row level security, force row level security;
"""


def found(database: LocalDatabase, statements: LiteralString) -> list[str]:
    with psycopg.connect(database.migrator_url) as conn:
        conn.execute(f"{TABLE} {statements}")
    return check_policies(database.login_url, ROLES)


def test_migrated_database_has_no_warnings(database: LocalDatabase) -> None:
    assert check_policies(database.login_url, ROLES) == []


@pytest.mark.parametrize(
    ("statements", "without", "effect"),
    [
        ("grant select on shop.orders to anon", "select", "sees no rows"),
        ("grant select (id) on shop.orders to anon", "select", "sees no rows"),
        ("grant insert on shop.orders to anon", "insert", "cannot insert"),
        ("grant insert (id) on shop.orders to anon", "insert", "cannot insert"),
        ("grant update (id) on shop.orders to anon", "update", "updates no rows"),
        ("grant delete on shop.orders to anon", "delete", "deletes no rows"),
        ("grant select, insert on shop.orders to anon", "select, insert", "sees no rows and cannot insert"),
        (
            (
                "grant select, insert on shop.orders to anon;"
                " create policy a on shop.orders for select using (org_id = shop.mine())"
            ),
            "insert",
            "cannot insert",
        ),
        (
            "grant select on shop.orders to anon; create policy a on shop.orders to authenticated using (org_id = 1)",
            "select",
            "sees no rows",
        ),
        (
            "grant select on shop.orders to anon; create policy a on shop.orders as restrictive using (org_id = 1)",
            "select",
            "sees no rows",
        ),
        (
            "grant delete on shop.orders to anon; create policy a on shop.orders for update using (org_id = 1)",
            "delete",
            "deletes no rows",
        ),
    ],
)
def test_right_without_a_policy_is_a_warning(
    database: LocalDatabase, statements: LiteralString, without: str, effect: str
) -> None:
    assert found(database, statements) == [
        (
            f"anon has {without} on shop.orders, but no policy for it, so it {effect}: create policy ... on"
            f" shop.orders to anon, or revoke {without} on shop.orders from anon"
        )
    ]
    assert check_database(database.login_url) == []


TRUE = ["true", "(true)", "1 = 1", "not false", "true or org_id = 1", "'t'::boolean", "null is null", "1 in (1, 2)"]


@pytest.mark.parametrize("condition", [each for each in TRUE if "org_id" not in each])
@pytest.mark.parametrize(
    ("grant", "command", "clauses", "warned"),
    [
        ("select", "select", "using", ["select the rows of all tenants, using"]),
        ("select", "all", "using", ["select the rows of all tenants, using"]),
        ("delete", "delete", "using", ["delete the rows of all tenants, using"]),
        ("insert", "insert", "with check", ["insert rows of any tenant, with check"]),
        ("insert", "all", "using", ["insert rows of any tenant, with check"]),
        ("update", "update", "using", ["update the rows of all", "update rows of any tenant, with check"]),
        ("select, update", "all", "using", ["select, update the rows of all", "update rows of any tenant"]),
    ],
)
def test_policy_that_every_row_satisfies_is_a_warning(
    database: LocalDatabase,
    grant: LiteralString,
    command: LiteralString,
    clauses: LiteralString,
    warned: list[str],
    condition: LiteralString,
) -> None:
    policy: LiteralString = f"create policy a on shop.orders for {command} to authenticated {clauses} ({condition})"

    warnings = found(database, f"grant {grant} on shop.orders to authenticated; {policy}")

    assert len(warnings) == len(warned)
    for warning, part in zip(warnings, warned, strict=True):
        assert warning.startswith("the policy a on shop.orders lets callers ")
        assert part in warning


def test_policy_that_only_rows_written_satisfy_is_one_warning(database: LocalDatabase) -> None:
    (warning,) = found(
        database,
        "grant update on shop.orders to authenticated;"
        " create policy a on shop.orders for update using (org_id = 1) with check (true)",
    )

    assert "update rows of any tenant, with check (true)" in warning


@pytest.mark.parametrize(
    "policy",
    [
        "create policy a on shop.orders using (org_id = 1)",
        "create policy a on shop.orders using (shop.mine() = 1)",
        "create policy a on shop.orders using (exists (select from shop.orders))",
        "create policy a on shop.orders using (current_user = 'x')",
        "create policy a on shop.orders using (false)",
        "create policy a on shop.orders using (1 = 0)",
        "create policy a on shop.orders using (null)",
        "create policy a on shop.orders using (1 / 0 = 1)",
        "create policy a on shop.orders using (org_id = 1); create policy b on shop.orders as restrictive using (true)",
        "create policy a on shop.orders using (org_id = 1); create policy b on shop.orders to app_service using (true)",
        "create policy a on shop.orders using (org_id = 1); create policy b on shop.orders to app_sys using (true)",
    ],
)
def test_policy_that_depends_on_something_is_no_warning(database: LocalDatabase, policy: LiteralString) -> None:
    everything: LiteralString = "grant select, insert, update, delete on shop.orders to anon, authenticated, app_sys;"

    assert found(database, f"{everything} {policy}") == []


def test_table_that_no_request_reaches_needs_no_policy(database: LocalDatabase) -> None:
    assert found(database, "grant select on shop.orders to app_service") == []


def test_command_exits_with_1_for_a_warning_if_strict(database: LocalDatabase) -> None:
    found(database, "grant select on shop.orders to anon")
    environ = {"ORG_COMMON_DATABASE_URL": database.login_url}

    lax = CliRunner().invoke(main, ["db", "guard"], env=environ)
    strict = CliRunner().invoke(main, ["db", "guard", "--strict"], env=environ)

    assert (lax.exit_code, strict.exit_code) == (0, 1)
    assert lax.stdout.startswith("warning: anon has select on shop.orders, but no policy for it")
    assert lax.stdout.endswith("no violations: checked roles, owners, policies, functions and the server version\n")
