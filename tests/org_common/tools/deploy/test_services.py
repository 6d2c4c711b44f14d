import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from org_common.tools.deploy.plan import Plan
from org_common.tools.deploy.services import violations
from tests.org_common.tools.deploy.faults import SERVICE_FAULTS, resources
from tests.org_common.tools.deploy.planned import KEY, PLACE, SECRET, SQS, manifest, resource

Json = dict[str, Any]
LOGS = "arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/prod-web:log-stream:*"
REPOSITORY = "arn:aws:ecr:eu-central-1:123456789012:repository/shop"
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def role(name: str, *rights: tuple[list[str], list[str]]) -> list[Json]:
    statements = [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in rights]
    return [
        resource(f"module.web.aws_iam_role.{name}", name=f"prod-web-{name}"),
        resource(
            f"module.web.aws_iam_role_policy.{name}",
            role=f"prod-web-{name}",
            policy=json.dumps({"Statement": statements}),
        ),
    ]


def plan() -> Json:
    """The plan of a service with the app depot."""
    container = {
        "name": "app",
        "user": "65532:65532",
        "readonlyRootFilesystem": True,
        "stopTimeout": 60,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
        "logConfiguration": {"options": {"awslogs-group": "/ecs/prod-web"}},
        "environment": [{"name": "ORG_COMMON_DATABASE_SECRET", "value": "prod/database"}],
    }
    served = {**PLACE, "name": "prod-web", "apps": {"depot": manifest()["functions"]["depot"]}}
    at = "module.web"
    made = [
        {
            "address": f"{at}.terraform_data.served",
            "type": "terraform_data",
            "values": {"input": {**served, "repository_arn": REPOSITORY}},
        },
        resource(f"{at}.aws_cloudwatch_log_group.this", name="/ecs/prod-web", retention_in_days=30),
        resource(
            f"{at}.aws_ecs_task_definition.this", family="prod-web", container_definitions=json.dumps([container])
        ),
        resource(f"{at}.aws_lb_target_group.this", health_check=[{"path": "/readyz"}]),
        resource(f"{at}.aws_lb_listener.https", protocol="HTTPS", ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06"),
        resource(
            f"{at}.aws_ecs_service.this",
            deployment_circuit_breaker=[{"rollback": True}],
            network_configuration=[{"assign_public_ip": False}],
        ),
        resource(
            f"{at}.aws_appautoscaling_target.this",
            resource_id="service/prod-web/prod-web",
            scalable_dimension="ecs:service:DesiredCount",
            min_capacity=2,
            max_capacity=10,
        ),
        *role(
            "task",
            (["secretsmanager:GetSecretValue"], [f"{SECRET}prod/database-??????", f"{SECRET}depot/carrier-??????"]),
            (["sqs:SendMessage", "sqs:GetQueueUrl"], [f"{SQS}labels"]),
            (["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::prod-invoices/*"]),
            (["textract:DetectDocumentText", "kms:Sign"], [KEY]),
        ),
        *role(
            "execution",
            (["logs:CreateLogStream", "logs:PutLogEvents"], [LOGS]),
            (PULL, [REPOSITORY]),
            (["ecr:GetAuthorizationToken"], ["*"]),
        ),
    ]
    return {"planned_values": {"root_module": {"child_modules": [{"resources": made}]}}}


def found(document: Json) -> list[str]:
    return violations(Plan(document), manifest())


def test_service_as_declared_is_accepted() -> None:
    assert found(plan()) == []


def test_plan_without_a_service_is_accepted() -> None:
    assert found({"planned_values": {"root_module": {}}}) == []


@pytest.mark.parametrize(("change", "words"), SERVICE_FAULTS)
def test_fault_is_found(change: Callable[[Json], None], words: str) -> None:
    changed = plan()
    change(changed)

    assert [each for each in found(changed) if words in each]


def test_each_statement_of_each_role_is_needed() -> None:
    removed = 0
    for at in range(2):
        [*policies] = resources(plan(), "aws_iam_role_policy")
        for statement in range(len(json.loads(policies[at][1]["values"]["policy"])["Statement"])):
            changed = plan()
            [*copies] = resources(changed, "aws_iam_role_policy")
            values = copies[at][1]["values"]
            policy = json.loads(values["policy"])
            policy["Statement"].pop(statement)
            values["policy"] = json.dumps(policy)

            assert any("does not allow" in each for each in found(changed))
            removed += 1
    assert removed == 7


@pytest.mark.parametrize("role", ["prod-web-task", "prod-web-execution"])
def test_wider_role_is_found(role: str) -> None:
    changed = copy.deepcopy(plan())
    [values] = [
        each["values"] for _, each in resources(changed, "aws_iam_role_policy") if each["values"]["role"] == role
    ]
    policy = json.loads(values["policy"])
    policy["Statement"].append(
        {"Effect": "Allow", "Action": ["sqs:ReceiveMessage"], "Resource": [f"{SQS}parcels.fifo"]}
    )
    values["policy"] = json.dumps(policy)

    [violation] = found(changed)

    assert violation.startswith(f"the role {role}: ")


def test_managed_policy_is_found() -> None:
    changed = plan()
    changed["planned_values"]["root_module"]["child_modules"][0]["resources"].append(
        resource("module.web.aws_iam_role_policy_attachment.x")
    )

    [violation] = found(changed)

    assert "a managed policy" in violation
