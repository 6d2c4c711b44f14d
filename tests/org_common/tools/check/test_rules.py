"""A rule with a function that is not there is in test_check.py."""

import pytest

from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db
ROUTE = """
@app.get("/orders/{order_id}", allow=RULE)
def title(order_id: TYPE) -> str:
    return ""
"""


@pytest.mark.parametrize(
    ("rule", "type", "problem"),
    [
        ('Check("%(order_id)s > 1")', "UUID", "GET /orders/{order_id}: operator does not exist: uuid > integer"),
        ('Check("exists (select from shop.secrets)")', "UUID", "permission denied for table secrets"),
        ('Check("%(order_id)s = app.uid()")', "int", "operator does not exist: integer = uuid"),
    ],
)
def test_rule_is_planned_with_the_types_of_the_path(code: Shop, rule: str, type: str, problem: str) -> None:
    found = code.finding(ROUTE.replace("RULE", rule).replace("TYPE", type))

    assert found.id == "rule.invalid"
    assert problem in found.problem


@pytest.mark.parametrize("rule", ["SIGNED_IN", 'OrgCheck("org_user", parameter="order_id")'])
def test_correct_rule_has_no_finding(code: Shop, rule: str) -> None:
    assert code.check(ROUTE.replace("RULE", rule).replace("TYPE", "UUID")).findings == []
