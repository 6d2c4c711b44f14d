"""What the guard calls a fault; tests/faults lets it judge real logins."""

import re
from typing import Any

import pytest

from org_common.db.connections.guard import REACHABLE, faults

GOOD: dict[str, Any] = {
    "name": "app_login",
    "login": True,
    "superuser": False,
    "bypasses": False,
    "inherited": False,
    "owns": False,
}


@pytest.mark.parametrize("version", [150014, 150018, 160010, 170006, 180000, 180004, 190000])
def test_servers_without_known_ways_around_are_served(version: int) -> None:
    assert faults(version, [GOOD]) == []


@pytest.mark.parametrize(
    ("version", "fix"),
    [
        (140020, "PostgreSQL 14.20 .* update to 15.14"),
        (150013, "PostgreSQL 15.13 .* update to 15.14"),
        (160009, "PostgreSQL 16.9 .* update to 16.10"),
        (170005, "PostgreSQL 17.5 .* update to 17.6"),
    ],
)
def test_older_servers_are_refused_with_the_version_to_take(version: int, fix: str) -> None:
    (fault,) = faults(version, [GOOD])

    assert re.search(fix, fault)


@pytest.mark.parametrize(
    ("what", "fix"),
    [
        ("superuser", "alter role app_login nosuperuser"),
        ("bypasses", "alter role app_login nobypassrls"),
        ("owns", "reassign owned by app_login to app_migrator"),
    ],
)
def test_a_login_with_powers_is_refused_with_the_fix(what: str, fix: str) -> None:
    found = faults(180004, [{**GOOD, what: True}])

    assert len(found) == 1
    assert fix in found[0]


@pytest.mark.parametrize("what", ["superuser", "bypasses", "owns", "inherited"])
def test_a_role_that_the_login_can_become_counts_as_much(what: str) -> None:
    role = {**GOOD, "name": "service_role", "login": False, what: True}

    found = faults(180004, [GOOD, role])

    assert len(found) == 1
    assert "service_role" in found[0]


@pytest.mark.parametrize("name", sorted(REACHABLE))
def test_a_role_of_requests_whose_rights_the_login_inherits_is_refused_with_the_fix(name: str) -> None:
    role = {**GOOD, "name": name, "login": False}
    assert faults(180004, [GOOD, role]) == []

    (fault,) = faults(180004, [GOOD, {**role, "inherited": True}])

    assert f"has the rights of {name} without becoming it: `alter role … noinherit`" in fault


def test_of_a_superuser_nothing_else_is_told() -> None:
    roles = [{**GOOD, "superuser": True}, {**GOOD, "name": "pg_monitor", "login": False, "inherited": True}]

    assert len(faults(180004, roles)) == 1


def test_a_role_that_no_request_runs_as_is_refused_with_the_fix() -> None:
    roles = [GOOD, *({**GOOD, "name": name, "login": False} for name in ("anon", "rds_iam", "reporting"))]

    (fault,) = faults(180004, roles)

    assert "revoke reporting from app_login" in fault
    assert faults(180004, roles, also={"reporting"}) == []
