from collections.abc import Callable

import pytest

from org_common.tools.deploy.checks import violations
from org_common.tools.deploy.plan import Plan
from tests.org_common.tools.deploy.faults import FAULTS, Json
from tests.org_common.tools.deploy.planned import PLACE, manifest, plan


def test_plan_as_declared_is_accepted() -> None:
    assert violations(Plan(plan()), manifest(), PLACE) == []


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_fault_is_found(change: Callable[[Json], None], words: str) -> None:
    changed = plan()
    change(changed)

    assert [each for each in violations(Plan(changed), manifest(), PLACE) if words in each]


def test_function_url_of_another_app_is_found() -> None:
    changed = plan()
    url = {"authorization_type": "NONE", "function_name": "prod-depot"}
    resource = {"address": "aws_lambda_function_url.depot", "type": "aws_lambda_function_url", "values": url}
    changed["planned_values"]["root_module"]["resources"].append(resource)

    assert violations(Plan(changed), manifest(), PLACE) == [
        "aws_lambda_function_url.depot opens a function whose app does not accept Function URLs"
    ]


def test_app_that_verifies_tokens_has_open_routes() -> None:
    changed, described = plan(), manifest()
    described["functions"]["depot"]["identity"] = "app"
    for resource in changed["planned_values"]["root_module"]["resources"]:
        if resource["type"] == "aws_apigatewayv2_route":
            resource["values"]["authorization_type"] = "NONE"

    assert violations(Plan(changed), described, PLACE) == []
