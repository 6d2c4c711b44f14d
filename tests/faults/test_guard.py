"""Set-ups under which tenants could be mixed: none of them is served, and what is said names the way out."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, LiteralString, cast

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq.abc import PGresult

from org_common.auth.rules import PUBLIC
from org_common.db.connections.connection import Single, Source
from org_common.db.connections.guard import Guard, Misconfigured, faults
from org_common.tools.database.guard import check_database
from org_common.values.errors import OrgError
from org_common.values.types import Deadline
from tests.faults.bench import Bench
from tests.faults.logins import BECOMES, drop_role, login
from tests.support.handles import open_transaction
from tests.support.lab import Lab
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

RUN = "bad set-ups of R6-R9 that are refused: nothing served, nothing written, the fix named"
CANARY = "tables and views past row-level security that `org-common db guard` finds"

# A bad login's URL.
SetUp = Callable[[Lab, ExitStack], str]


def plain(*options: LiteralString) -> SetUp:
    return lambda lab, stack: stack.enter_context(login(lab, "bad", *options))


def owner(*, forced: bool) -> SetUp:
    def set_up(lab: Lab, stack: ExitStack) -> str:
        url = stack.enter_context(login(lab, "bad"))
        name = sql.Identifier(user_of(url))
        with psycopg.connect(lab.local.admin_url, autocommit=True) as admin:
            admin.execute("create table lab.owned (org_id uuid)")
            stack.callback(lab.tell, "drop table lab.owned")
            admin.execute(sql.SQL("alter table lab.owned owner to {}").format(name))
            admin.execute("alter table lab.owned enable row level security")
            if forced:
                admin.execute("alter table lab.owned force row level security")
            admin.execute("grant select on lab.owned to authenticated")
        return url

    return set_up


def member(option: LiteralString, *, steps: int = 1) -> SetUp:
    """Of a role that has the power, over so many steps."""

    def set_up(lab: Lab, stack: ExitStack) -> str:
        url = stack.enter_context(login(lab, "bad"))
        admin = stack.enter_context(psycopg.connect(lab.local.admin_url, autocommit=True))
        below = user_of(url)
        for step in range(steps):
            power = f"power_{step}_{below[-12:]}"
            last = sql.SQL(option if step == steps - 1 else "nologin")
            admin.execute(sql.SQL("create role {} {}").format(sql.Identifier(power), last))
            stack.callback(drop_role, admin, power)
            admin.execute(
                sql.SQL("grant {} to {} with inherit false").format(sql.Identifier(power), sql.Identifier(below))
            )
            below = power
        return url

    return set_up


def inherits(lab: Lab, stack: ExitStack) -> str:
    url = stack.enter_context(login(lab, "bad"))
    with psycopg.connect(lab.local.admin_url, autocommit=True) as admin:
        grant = sql.SQL("grant authenticated to {} with inherit true")
        admin.execute(grant.format(sql.Identifier(user_of(url))))
    return url


def reaches(role: LiteralString) -> SetUp:
    return lambda lab, stack: stack.enter_context(login(lab, "bad", becomes=(*BECOMES, role)))


BAD: dict[str, tuple[SetUp, str]] = {
    "owner, no FORCE": (owner(forced=False), "reassign owned by"),
    "owner": (owner(forced=True), "reassign owned by"),
    "superuser": (plain("superuser"), "log in as app_login"),
    "BYPASSRLS": (plain("bypassrls"), "nobypassrls"),
    "member of a superuser": (member("superuser"), "nosuperuser"),
    "member of BYPASSRLS": (member("bypassrls"), "nobypassrls"),
    "member of a member of BYPASSRLS": (member("bypassrls", steps=2), "nobypassrls"),
    "INHERIT membership": (inherits, "with inherit false"),
    "may become the service": (reaches("app_service"), "revoke app_service from"),
    "may become who sees past policies": (reaches("app_rules"), "revoke app_rules from"),
    "may read what all may": (reaches("pg_read_all_data"), "revoke pg_read_all_data from"),
}


@pytest.fixture
def serve(bench: Bench, make_bench: Callable[[Source], Bench]) -> Callable[[str], Bench]:
    """A bench for somebody else's login, without the proxy."""
    return lambda url: make_bench(Single(bench.lab.through(url)))


@pytest.mark.parametrize("name", BAD)
def test_bad_login_is_not_served(
    name: str, lab: Lab, serve: Callable[[str], Bench], report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    set_up, fix = BAD[name]
    with ExitStack() as stack, report.case(RUN):
        url = set_up(lab, stack)
        bench = serve(url)
        stack.callback(bench.source.close)

        with caplog.at_level(logging.CRITICAL):
            for seen in (bench.read(), bench.write(), bench.read()):
                assert (seen.status, seen.code, seen.value) == (500, "misconfigured", None), seen
        assert fix in caplog.text
        assert lab.notes() == []
        found = check_database(url)
        assert any(fix in fault for fault in found), found
        if name == "owner, no FORCE":
            assert any("lab.owned force row level security" in fault for fault in found), found


@pytest.mark.parametrize("sql", ["select 1", "select 1 / 0"])
def test_savepoint_does_not_heal_what_the_guard_refused(
    sql: LiteralString, lab: Lab, serve: Callable[[str], Bench], report: Report
) -> None:
    with ExitStack() as stack, report.case(RUN):
        bench = serve(BAD["may become the service"][0](lab, stack))
        stack.callback(bench.source.close)
        tx = open_transaction(bench.database, PUBLIC, None, {}, Deadline.after(10))
        for _ in range(2):
            with suppress(OrgError), tx.savepoint():
                tx.run(sql, rows=None)

        with pytest.raises(OrgError):
            tx.run("select 1", rows=None)
        with pytest.raises(OrgError):
            tx.commit()


@pytest.mark.parametrize("version", [140019, 150013, 160009, 170005])
def test_old_server_is_not_served(version: int, report: Report) -> None:
    """Faked: no such server is at hand."""
    with report.case(RUN):
        result = cast("PGresult", Faked(str(version).encode()))
        with pytest.raises(OrgError) as raised:
            Guard().judge(result)
        assert raised.value.code == "misconfigured"
        assert isinstance(raised.value.__cause__, Misconfigured)
        assert "update to" in str(raised.value.__cause__)


@pytest.mark.parametrize("version", [150014, 160010, 170006, 180000])
def test_new_server_is_served(version: int) -> None:
    assert faults(version, []) == []


class Faked:
    """A result of the guard's statement, of a server that has neither roles nor tables."""

    def __init__(self, version: bytes) -> None:
        self._row: tuple[Any, ...] = (version, b"[]", b"[]")

    def get_value(self, row: int, column: int) -> bytes:
        return bytes(self._row[column])


def test_good_login_is_served(lab: Lab, serve: Callable[[str], Bench]) -> None:
    with login(lab, "good") as url:
        bench = serve(url)
        assert bench.read().status == 200
        assert bench.write().status == 200
        # The lab has tables that leave something to be desired.
        assert check_database(url) == check_database(lab.local.login_url)
        bench.source.close()


def test_role_of_which_nothing_is_known_is_told_and_served(
    lab: Lab, serve: Callable[[str], Bench], caplog: pytest.LogCaptureFixture
) -> None:
    """A mark of the platform's, say; in CI `org-common db guard` wants to be told of it."""
    with ExitStack() as stack:
        url = member("nologin")(lab, stack)
        bench = serve(url)
        stack.callback(bench.source.close)

        assert [bench.read().status, bench.write().status] == [200, 200]
        assert [record.levelname for record in caplog.records if "can become power_0_" in record.message] == ["WARNING"]
        assert any("which no request runs as" in fault for fault in check_database(url))


def test_environment_that_has_refused_serves_as_soon_as_the_fault_is_mended(
    lab: Lab, serve: Callable[[str], Bench]
) -> None:
    with ExitStack() as stack:
        url = plain("bypassrls")(lab, stack)
        bench = serve(url)
        stack.callback(bench.source.close)
        assert bench.read().status == 500

        with psycopg.connect(lab.local.admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("alter role {} nobypassrls").format(sql.Identifier(user_of(url))))

        assert bench.read().status == 200


# What makes it, what takes it away, what is said.
Canary = tuple[LiteralString, LiteralString, str]
CANARIES: dict[str, Canary] = {
    "table without RLS": (
        "create table lab.canary (id int)",
        "drop table lab.canary",
        "alter table lab.canary enable row level security",
    ),
    "table without FORCE": (
        "create table lab.canary (id int); alter table lab.canary enable row level security",
        "drop table lab.canary",
        "alter table lab.canary force row level security",
    ),
    "view that reads as its owner": (
        "create view lab.canary as select * from lab.hidden",
        "drop view lab.canary",
        "alter view lab.canary set (security_invoker = true)",
    ),
    "materialized view": (
        "create materialized view lab.canary as select * from lab.hidden",
        "drop materialized view lab.canary",
        "lab.canary, and materialized views have no row-level security: revoke",
    ),
    "partition read past its parent": (
        """create table lab.parent (id int) partition by list (id);
        alter table lab.parent enable row level security, force row level security;
        create table lab.canary partition of lab.parent for values in (1)""",
        "drop table lab.parent",
        "alter table lab.canary enable row level security",
    ),
}


@contextmanager
def canary(lab: Lab, make: LiteralString, remove: LiteralString, role: LiteralString) -> Iterator[None]:
    lab.tell(make)
    try:
        lab.tell("grant select on lab.canary to " + role)
        yield
    finally:
        lab.tell(remove)


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize("name", CANARIES)
def test_canary(name: str, role: LiteralString, lab: Lab, report: Report) -> None:
    make, remove, said = CANARIES[name]
    before = check_database(lab.local.login_url)

    with report.case(CANARY), canary(lab, make, remove, role):
        found = check_database(lab.local.login_url)

        assert any(said in fault for fault in found if fault not in before), found


def user_of(url: str) -> str:
    return str(conninfo_to_dict(url)["user"])
