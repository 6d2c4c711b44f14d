from typing import Any

from org_common.tools.deploy.plan import Loss, Plan

Json = dict[str, Any]


def document(*actions: list[str], type_: str = "aws_sqs_queue") -> Json:
    return {
        "planned_values": {
            "root_module": {
                "resources": [
                    {"address": "a.b", "type": "a", "values": {"name": "b", "none": None, "block": [{"key": 1}]}},
                    {"address": "data.a.c", "type": "a", "mode": "data", "values": {}},
                ],
                "child_modules": [{"child_modules": [{"resources": [{"address": "module.m.a.d", "type": "a"}]}]}],
            }
        },
        "resource_changes": [
            {"address": f"{type_}.{at}", "type": type_, "change": {"actions": each}} for at, each in enumerate(actions)
        ],
    }


def test_resources_of_all_modules_are_read() -> None:
    plan = Plan(document())

    assert [resource.address for resource in plan.of("a")] == ["a.b", "module.m.a.d"]
    assert plan.by("a", "name")["b"].block("block") == {"key": 1}


def test_missing_attribute_has_the_default() -> None:
    [resource, empty] = Plan(document()).of("a")

    assert (resource.get("none", 7), resource.get("other", 7), resource.block("other")) == (7, 7, {})
    assert empty.get("name") is None


def test_what_is_deleted_or_replaced_is_lost() -> None:
    plan = Plan(document(["create"], ["delete"], ["delete", "create"], ["update"]))

    assert plan.losses == [Loss("aws_sqs_queue.1", has_data=True), Loss("aws_sqs_queue.2", has_data=True)]
    assert str(plan.losses[0]) == "aws_sqs_queue.1 is deleted, with what it holds   [data]"


def test_alias_holds_no_data() -> None:
    [loss] = Plan(document(["delete"], type_="aws_lambda_alias")).losses

    assert str(loss) == "aws_lambda_alias.0 is deleted   [removed]"


def test_plan_without_changes_is_empty() -> None:
    assert Plan(document(["no-op"], ["read"])).is_empty
    assert not Plan(document(["no-op"], ["update"])).is_empty
