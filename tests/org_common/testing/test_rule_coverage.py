import pytest

from org_common import PUBLIC, App, Check, OrgCheck, Reader
from org_common.db.protocol.statement import Wire
from org_common.testing import rule_coverage
from org_common.testing.rule_coverage import RuleCoverage
from org_common.tools.database.tap import RoundTrip

app = App("shop")
RULE: Wire = (b"select app.require(true)", [], (), [])


@app.get("/orgs/{org_id}/orders", allow=OrgCheck("org_user"))
def list_orders(db: Reader, org_id: str) -> int:
    return 1


@app.delete("/orders", allow=Check("true"))
def clear_orders() -> None: ...


@app.get("/health", allow=PUBLIC)
def health() -> None: ...


class Denied(Exception):
    """An error of the server with this SQLSTATE."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.fixture
def rules() -> RuleCoverage:
    rules = RuleCoverage()
    rules.add_app(app)
    return rules


def visit(rules: RuleCoverage, method: str, path: str, sqlstate: str | None = None) -> None:
    """A request whose rule allows, or denies with this SQLSTATE."""
    with rule_coverage.request(app, method, path):
        rules.saw(RoundTrip([RULE], [] if sqlstate else [object()], Denied(sqlstate) if sqlstate else None, 1.0))


def test_routes_that_no_test_tried_are_listed(rules: RuleCoverage) -> None:
    assert rules.lines() == [
        "DELETE /orders, Check('true'): never allowed and never denied",
        "GET /orgs/{org_id}/orders, OrgCheck('org_user'): never allowed and never denied",
    ]


def test_verdicts_belong_to_the_route_of_the_request(rules: RuleCoverage) -> None:
    visit(rules, "GET", "/orgs/1/orders")
    visit(rules, "GET", "/orgs/2/orders", "OC404")
    visit(rules, "DELETE", "/orders", "OC403")

    assert rules.lines() == ["DELETE /orders, Check('true'): never allowed"]
    assert rules.summary() == "1 of 2 routes with an access rule were allowed and denied at least once"


def test_round_trip_outside_of_a_request_counts_for_none(rules: RuleCoverage) -> None:
    rules.saw(RoundTrip([RULE], [object()], None, 1.0))

    assert len(rules.lines()) == 2


def test_counts_of_processes_add_up(rules: RuleCoverage) -> None:
    other = RuleCoverage()
    other.add_app(app)
    visit(other, "DELETE", "/orders")
    visit(rules, "DELETE", "/orders", "OC403")

    rules.merge([(list(key), counts) for key, counts in other.counts.items()])

    assert [line.partition(",")[0] for line in rules.lines()] == ["GET /orgs/{org_id}/orders"]
