"""Each environment checks at its first transaction that row-level security is on for what requests can use."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import pytest

from org_common.db.connections.connection import Single, Source
from tests.faults.bench import Bench
from tests.faults.test_guard import CANARIES, canary
from tests.support.lab import Lab
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

ROLES: tuple[LiteralString, ...] = ("anon", "authenticated", "app_sys")
REFUSED = "tables whose policies are not in force: the running environment refuses to serve"
LOGGED = "tables and views without row-level security that the running environment names in its log"
SILENT = "tables and views that are as they should be: served, and not in the log"

# What creates it, what drops it.
Made = tuple[LiteralString, LiteralString]
POLICY: LiteralString = "create policy everything on lab.canary using (true);"
OUT_OF_FORCE: dict[str, Made] = {
    "policies without RLS": ("create table lab.canary (id int);" + POLICY, "drop table lab.canary"),
    "policies, RLS disabled later": (
        "create table lab.canary (id int); alter table lab.canary enable row level security, force row level security;"
        + POLICY
        + "alter table lab.canary disable row level security",
        "drop table lab.canary",
    ),
    "partition past its parent": CANARIES["partition read past its parent"][:2],
    "child past its parent": (
        """create table lab.parent (id int);
        alter table lab.parent enable row level security, force row level security;
        create table lab.canary () inherits (lab.parent)""",
        "drop table lab.parent cascade",
    ),
}
EXPOSED: dict[str, Made] = {
    name: CANARIES[name][:2] for name in ("table without RLS", "view that reads as its owner", "materialized view")
}
SOUND: dict[str, Made] = {
    "policies in force": (
        "create table lab.canary (id int); alter table lab.canary enable row level security;" + POLICY,
        "drop table lab.canary",
    ),
    "no policies, RLS on": (
        "create table lab.canary (id int); alter table lab.canary enable row level security",
        "drop table lab.canary",
    ),
    "view that reads as its caller": (
        "create view lab.canary with (security_invoker = true) as select * from lab.hidden",
        "drop view lab.canary",
    ),
    "table of an extension": (
        "create table lab.canary (id int); alter extension plpgsql add table lab.canary",
        "alter extension plpgsql drop table lab.canary; drop table lab.canary",
    ),
}
RIGHTS: tuple[LiteralString, ...] = ("select (id)", "insert", "update", "delete", "truncate")


@pytest.fixture(autouse=True)
def _app_sys_may_use_the_schema(lab: Lab) -> Iterator[None]:
    lab.tell("grant usage on schema lab to app_sys")
    yield
    lab.tell("revoke usage on schema lab from app_sys")


@pytest.fixture
def fresh(lab: Lab, make_bench: Callable[[Source], Bench]) -> Callable[[], Bench]:
    """An environment that has not served yet."""
    return lambda: make_bench(Single(lab.through(lab.local.login_url)))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", OUT_OF_FORCE)
def test_policies_that_are_not_in_force_are_refused(
    name: str,
    role: LiteralString,
    lab: Lab,
    fresh: Callable[[], Bench],
    report: Report,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with report.case(REFUSED), canary(lab, *OUT_OF_FORCE[name], role):
        for seen in (fresh().read(), fresh().write()):
            assert (seen.status, seen.code, seen.value) == (500, "misconfigured", None), seen
        assert lab.notes() == []
        assert f"{role} can use lab.canary" in caplog.text
        assert "alter table lab.canary enable row level security, force row level security" in caplog.text


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", EXPOSED)
def test_what_has_no_row_level_security_is_named_once(
    name: str,
    role: LiteralString,
    lab: Lab,
    fresh: Callable[[], Bench],
    report: Report,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with report.case(LOGGED), canary(lab, *EXPOSED[name], role):
        bench = fresh()
        assert [bench.read().status, bench.write().status, bench.read().status] == [200, 200, 200]
        assert [record.levelno for record in named(caplog)] == [logging.WARNING]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", SOUND)
def test_what_is_protected_is_not_named(
    name: str,
    role: LiteralString,
    lab: Lab,
    fresh: Callable[[], Bench],
    report: Report,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with report.case(SILENT), canary(lab, *SOUND[name], role):
        assert fresh().read().status == 200
        assert named(caplog) == []


@pytest.mark.parametrize("right", RIGHTS)
def test_any_right_on_a_table_counts(
    right: LiteralString, lab: Lab, fresh: Callable[[], Bench], report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    lab.tell("create table lab.canary (id int)")
    try:
        assert fresh().read().status == 200
        assert named(caplog) == [], "no role has rights yet"
        lab.tell("grant " + right + " on lab.canary to authenticated")
        with report.case(LOGGED):
            assert fresh().read().status == 200
            assert len(named(caplog)) == 1
    finally:
        lab.tell("drop table lab.canary")


def test_rights_in_a_schema_that_requests_cannot_use_do_not_count(
    lab: Lab, fresh: Callable[[], Bench], report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    lab.tell("create schema attic; create table attic.canary (id int); grant select on attic.canary to authenticated")
    try:
        with report.case(SILENT):
            assert fresh().read().status == 200
            assert named(caplog) == []
    finally:
        lab.tell("drop schema attic cascade")


def named(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if "canary" in record.getMessage()]
