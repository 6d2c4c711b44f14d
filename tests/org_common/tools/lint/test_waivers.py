import datetime

import psycopg
import pytest

from org_common.tools.lint.report import Report, lint
from tests.org_common.tools.lint.shop import snapshot

pytestmark = pytest.mark.db

FAULT = "alter table shop.notes no force row level security;"


def comment(text: str, on: str = "table shop.notes") -> str:
    return f"comment on {on} is '{text}';"


def run(conn: psycopg.Connection, sql: str, today: datetime.date = datetime.date(2026, 11, 30)) -> Report:
    return lint(snapshot(conn, sql), today=today)


def test_waiver_accepts_a_finding_until_its_day(conn: psycopg.Connection) -> None:
    text = "Notes of tenants.\norg-common lint: allow rls-not-forced until 2026-12-31: the owner is no login"

    valid = run(conn, FAULT + comment(text), datetime.date(2026, 12, 31))
    expired = run(conn, FAULT + comment(text), datetime.date(2027, 1, 1))

    assert valid.findings == ()
    assert [(finding.rule, waiver.reason) for finding, waiver in valid.waived] == [
        ("rls-not-forced", "the owner is no login")
    ]
    assert [finding.rule for finding in expired.findings] == ["rls-not-forced", "waiver-expired"]
    assert expired.findings[1].severity == "error"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("allow rls-not-forced until 2027-01-01:", "gives no reason"),
        ("allow rls-not-forced until 2027-01-01", "is not of the form"),
        ("allow rls-not-forced: because", "is not of the form"),
        ("allow rls-not-forced until 2027-02-30: because", "2027-02-30 is not a date"),
        ("allow rls-no-force until 2027-01-01: because", "rls-no-force, which is not a rule"),
        ("ignore everything", "is not of the form"),
    ],
)
def test_waiver_without_reason_date_or_rule_is_a_finding(conn: psycopg.Connection, text: str, message: str) -> None:
    report = run(conn, FAULT + comment(f"org-common lint: {text}"))

    assert [finding.rule for finding in report.findings] == ["rls-not-forced", "waiver-invalid"]
    assert message in report.findings[1].message
    assert report.errors == 2


def test_waiver_that_accepts_nothing_is_a_finding(conn: psycopg.Connection) -> None:
    report = run(conn, comment("org-common lint: allow rls-not-forced until 2027-01-01: because"))

    assert [(finding.rule, finding.severity) for finding in report.findings] == [("waiver-unused", "warning")]


@pytest.mark.parametrize(
    ("fault", "object"),
    [
        ("create policy p on shop.notes for select to authenticated using (true);", "policy p on shop.notes"),
        ("create policy p on shop.notes for select to authenticated using (true);", "table shop.notes"),
        ("alter table shop.notes add tenant uuid;", None),
        (
            """create function shop.f() returns int language sql security definer as 'select 1';
            revoke execute on function shop.f() from public;""",
            "function shop.f()",
        ),
        ("grant create on schema shop to anon;", "schema shop"),
        ("alter role anon bypassrls;", "role anon"),
        (
            """create table shop.t (org_id uuid not null, n text unique, primary key (org_id, n));
            grant insert on shop.t to authenticated;
            alter table shop.t enable row level security, force row level security;
            create policy p on shop.t for insert to authenticated with check (org_id is null);""",
            "index shop.t_n_key",
        ),
    ],
)
def test_waiver_stands_on_the_object_or_on_its_table(conn: psycopg.Connection, fault: str, object: str | None) -> None:
    found = [finding for finding in run(conn, fault).findings if finding.object != "role app_login"]
    waivers = "\n".join(f"org-common lint: allow {finding.rule} until 2027-01-01: tested" for finding in found)

    report = run(conn, fault + (comment(waivers, object) if object else ""))

    assert bool(found) is (object is not None)
    assert [finding for finding in report.findings if finding.object != "role app_login"] == []
    assert len(report.waived) == len(found)
