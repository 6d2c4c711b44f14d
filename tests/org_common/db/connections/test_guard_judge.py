"""What the guard does with the response of the server; tests/faults lets it judge real servers."""

import json
import logging
from typing import Any, cast

import pytest
from psycopg.pq.abc import PGresult

from org_common.db.connections.guard import Guard, Misconfigured
from org_common.values.errors import OrgError

LOGIN: dict[str, Any] = {
    "name": "app_login",
    "login": True,
    "superuser": False,
    "bypasses": False,
    "inherited": False,
    "owns": False,
}
LISTED = {"name": "shop.countries", "protected": False, "roles": "anon"}
BYPASSED = {"name": "shop.notes", "protected": True, "roles": "anon, authenticated"}


class Result:
    """A result of the guard's statement."""

    def __init__(self, version: int, roles: list[Any] | None, tables: list[Any] | None) -> None:
        self._row = [str(version), *(None if part is None else json.dumps(part) for part in (roles, tables))]

    def get_value(self, row: int, column: int) -> bytes | None:
        value = self._row[column]
        return None if row or value is None else value.encode()


def judged(
    roles: list[Any] | None = None, tables: list[Any] | None = None, *, version: int = 180000
) -> tuple[Guard, OrgError | None]:
    guard = Guard()
    assert not guard.passed
    try:
        guard.judge(cast("PGresult", Result(version, roles, tables)))
    except OrgError as error:
        return guard, error
    return guard, None


def role(name: str, **changed: Any) -> dict[str, Any]:
    return {**LOGIN, "name": name, "login": False, **changed}


KNOWN = ["anon", "authenticated", "app_sys", "rds_iam", "rds_password", "cloudsqliamuser", "cloudsqliamserviceaccount"]


@pytest.mark.parametrize("roles", [None, [], [LOGIN], [LOGIN, *map(role, KNOWN)]])
@pytest.mark.parametrize("tables", [None, []])
def test_a_sound_database_passes_without_a_word(
    roles: list[Any] | None, tables: list[Any] | None, caplog: pytest.LogCaptureFixture
) -> None:
    guard, error = judged(roles, tables)

    assert (guard.passed, error) == (True, None)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("roles", "tables", "version", "fix"),
    [
        ([LOGIN], [], 170005, "update to 17.6 or later"),
        ([LOGIN], [], 140020, "update to 15.14 or later"),
        ([{**LOGIN, "bypasses": True}], [], 180000, "alter role app_login nobypassrls"),
        ([LOGIN, role("app_service")], [], 180000, "revoke app_service from app_login"),
        ([LOGIN, role("app_migrator")], [], 180000, "revoke app_migrator from app_login"),
        ([LOGIN, role("app_rules")], [], 180000, "revoke app_rules from app_login"),
        ([LOGIN, role("pg_monitor")], [], 180000, "revoke pg_monitor from app_login"),
        ([LOGIN, role("reports", superuser=True)], [], 180000, "reports, a role that the login can become, is a super"),
        ([LOGIN, role("reports", owns=True)], [], 180000, "reassign owned by reports to app_migrator"),
        (
            [LOGIN],
            [LISTED, BYPASSED],
            180000,
            "anon, authenticated can use shop.notes, whose row-level security is off",
        ),
    ],
)
def test_a_bypass_is_refused_with_its_fix(
    roles: list[Any], tables: list[Any], version: int, fix: str, caplog: pytest.LogCaptureFixture
) -> None:
    guard, error = judged(roles, tables, version=version)

    assert error is not None
    assert (guard.passed, error.status, error.code) == (False, 500, "misconfigured")
    assert isinstance(error.__cause__, Misconfigured)
    assert fix in str(error.__cause__)
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    assert fix in record.getMessage()


def test_roles_that_are_not_known_are_logged_and_served(caplog: pytest.LogCaptureFixture) -> None:
    guard, error = judged([LOGIN, role("anon"), role("reports"), role("audit")])

    assert (guard.passed, error) == (True, None)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "the login can become reports, audit: run" in record.getMessage()


def test_tables_without_policies_are_logged_and_served(caplog: pytest.LogCaptureFixture) -> None:
    guard, error = judged([LOGIN], [LISTED, {**LISTED, "name": "shop.currencies"}])

    assert (guard.passed, error) == (True, None)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "requests can use shop.countries, shop.currencies without row-level security" in record.getMessage()
