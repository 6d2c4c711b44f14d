from pathlib import Path
from typing import Any

import pytest

from org_common.tools.deploy import recorded
from org_common.tools.deploy.plan import Plan
from org_common.tools.project.project import ToolError
from tests.org_common.tools.deploy import program
from tests.org_common.tools.deploy.planned import PLACE

Json = dict[str, Any]
OLD: Json = {"functions": {}, "version": 1}
NEW: Json = {"functions": {}, "version": 1, "line": "2"}


def test_first_deploy_has_no_manifest_before() -> None:
    stack = recorded.read(Plan(program.plan(NEW)), Path("infra"))

    assert (stack.module, stack.place, stack.before, stack.after) == ("module.stack.", PLACE, None, NEW)


def test_deployed_manifest_is_the_one_before() -> None:
    assert recorded.read(Plan(program.plan(NEW, OLD)), Path("infra")).before == OLD


@pytest.mark.parametrize("number", [0, 2])
def test_one_stack_is_needed(number: int) -> None:
    plan = program.plan(NEW)
    plan["resource_changes"] *= number

    with pytest.raises(ToolError, match=f"the configuration in infra has {number} of org-common's modules stack"):
        recorded.read(Plan(plan), Path("infra"))
