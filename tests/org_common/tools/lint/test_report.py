"""The lint of complete databases: this repository's own, its example, and one of another project."""

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.lint.context import Options
from org_common.tools.lint.reader import read, read_url
from org_common.tools.lint.report import lint
from tests.org_common.tools.lint.foreign import TABLES, schema
from tests.org_common.tools.lint.shop import TODAY, report

pytestmark = pytest.mark.db


def test_this_repository_is_clean(database: LocalDatabase) -> None:
    """The migrations of org-common and of the six modules. An expired waiver fails here too."""
    found = lint(read_url(database.login_url))

    assert found.findings == ()
    assert [(finding.rule, finding.object) for finding, _ in found.waived] == [
        ("unique-key-without-tenant", "index access.org_email_domains_verified")
    ]
    assert (found.roles, found.tenant_column) == (("anon", "authenticated", "app_sys"), "org_id")
    assert found.tables >= 44
    assert found.policies >= 150


def test_example_is_clean(postgres: str) -> None:
    example = provision(postgres, "lint_example", load(["notes=examples/notes/migrations"]))
    try:
        assert lint(read_url(example.login_url)).findings == ()
    finally:
        drop(example)


def test_errors_come_first(conn: psycopg.Connection) -> None:
    found = report(
        conn,
        """alter table shop.notes no force row level security; create sequence shop.a;
        grant select on sequence shop.a to authenticated""",
    )

    assert [finding.severity for finding in found.findings] == ["error", "warning"]
    assert found.errors == 1


def test_foreign_schema_ends_with_findings(conn: psycopg.Connection) -> None:
    """60 tables in the manner of projects that grew without a lint, with what such projects have."""
    with conn.transaction(force_rollback=True):
        conn.execute(schema().encode())
        found = lint(read(conn), today=TODAY)

    assert found.tables == len(TABLES) == 60
    assert found.tenant_column == "organization_id"
    assert {finding.rule for finding in found.findings} >= {
        "definer-public",
        "definer-search-path",
        "default-grants",
        "foreign-key-without-tenant",
        "grant-bypasses-rls",
        "policy-calls-per-row",
        "policy-never-uses-index",
        "policy-to-public",
        "rls-disabled",
        "rls-not-forced",
        "role-bypasses-rls",
        "view-with-owner-rights",
    }
    assert {finding.object for finding in found.findings} & {"table auth.users"} == set()


@pytest.mark.parametrize(
    "options",
    [Options(roles=["anon"]), Options(platform_roles=["authenticated"]), Options(tenant_column="no_such_column")],
)
def test_foreign_schema_is_read_with_other_options(conn: psycopg.Connection, options: Options) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute(schema().encode())

        assert lint(read(conn), options, today=TODAY).errors > 0


def test_empty_database_has_no_findings(conn: psycopg.Connection) -> None:
    with conn.transaction(force_rollback=True):
        assert lint(read(conn), today=TODAY).findings == ()
