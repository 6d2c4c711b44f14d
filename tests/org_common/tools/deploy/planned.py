"""A small plan, as `terraform show -json` prints it, without the attributes that nothing reads."""

from __future__ import annotations

import copy
import json
from typing import Any

from org_common.tools.manifest import functions
from org_common.tools.manifest.settings import FunctionSettings, Provisioned, Queue, ScheduledCapacity
from tests.org_common.tools.manifest import depot

Json = dict[str, Any]
PLACE = {"prefix": "prod-", "region": "eu-central-1", "account": "123456789012", "partition": "aws"}
SQS, LOGS = "arn:aws:sqs:eu-central-1:123456789012:prod-", "arn:aws:logs:eu-central-1:123456789012:log-group:"
KEY = "arn:aws:kms:eu-central-1:123456789012:alias/depot"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
BLOCKED = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def manifest() -> Json:
    """An app with everything, one that starts from a snapshot, and an authorizer."""
    settings = FunctionSettings(
        provisioned=Provisioned(2, 5, schedules={"noon": ScheduledCapacity("cron(0 12 * * ? *)", 3, 5)}),
        queues={"parcels": Queue(fifo=True)},
        resources={"*": (KEY,)},
    )
    _, everything = functions.of_app("depot:app", depot.app, settings)
    _, authorizer = functions.of_other("a:app", FunctionSettings(), is_authorizer=True)
    return copy.deepcopy(
        {
            "functions": {
                "depot": everything,
                "mgmt-modules": {**authorizer, "type": "other", "settings": [], "snapstart": True},
                "access-orgs": {**authorizer, "type": "other", "settings": []},
                "access-auth": authorizer,
            }
        }
    )


def plan() -> Json:
    """The plan of that manifest."""
    described = manifest()["functions"]
    children = [
        {"resources": of_function(name, function), "address": f'module.function["{name}"]'}
        for name, function in described.items()
    ]
    root = {"resources": [*_around(described["depot"]), *_roles()], "child_modules": children}
    return {"planned_values": {"root_module": root}, "resource_changes": []}


def resource(address: str, **values: Any) -> Json:
    type_ = next(part for part in address.replace('"', ".").split(".") if part.startswith("aws_"))
    return {"address": address, "type": type_, "mode": "managed", "values": values}


def of_function(name: str, function: Json) -> list[Json]:
    at, full = f'module.stack.module.function["{name}"]', f"prod-{name}"
    variables = {"ORG_COMMON_DATABASE_SECRET": "prod/database"} if "database" in function["settings"] else {}
    made = [
        resource(f"{at}.aws_cloudwatch_log_group.this", name=f"/aws/lambda/{full}", retention_in_days=30),
        resource(
            f"{at}.aws_lambda_function.this",
            function_name=full,
            publish=True,
            source_code_hash="abc",
            tracing_config=[{"mode": "Active"}],
            environment=[{"variables": variables}] if variables else [],
            snap_start=[{"apply_on": "PublishedVersions"}] if function["snapstart"] else [],
            vpc_config=[{"subnet_ids": ["subnet-1"]}] if function["vpc"] else [],
        ),
        resource(f"{at}.aws_lambda_alias.terraform[0]", function_name=full, name="live"),
        _role(f"{at}.aws_iam_role.this", full, "lambda"),
        _policy(
            f"{at}.aws_iam_role_policy.this",
            full,
            (["logs:CreateLogStream", "logs:PutLogEvents"], [f"{LOGS}/aws/lambda/{full}:log-stream:*"]),
            (["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"]),
            *(_rights_of_depot() if name == "depot" else []),
        ),
    ]
    if function["provisioned"]:
        dimension = "lambda:function:ProvisionedConcurrency"
        target = {"resource_id": f"function:{full}:live", "scalable_dimension": dimension}
        made += [
            resource(f"{at}.aws_appautoscaling_target.this[0]", min_capacity=2, max_capacity=5, **target),
            resource(f"{at}.aws_appautoscaling_scheduled_action.this", schedule="rate(1 day)", timezone="UTC"),
        ]
    return made


def _around(function: Json) -> list[Json]:
    target = {"destination_config": [{"on_failure": [{"destination": f"{SQS}depot-failures"}]}]}
    return [
        *(
            resource(
                f'aws_apigatewayv2_route.this["{route["key"]}"]',
                route_key=route["key"],
                authorization_type="NONE" if route["public"] else "CUSTOM",
            )
            for route in function["routes"]
        ),
        resource(
            "aws_apigatewayv2_authorizer.lambda[0]",
            authorizer_type="REQUEST",
            identity_sources=["$request.header.Authorization"],
            authorizer_result_ttl_in_seconds=0,
        ),
        *_queue("parcels", ".fifo"),
        *_queue("return-events", ""),
        resource('aws_sqs_queue.failures["depot"]', name="prod-depot-failures"),
        resource("aws_lambda_function_event_invoke_config.this", function_name="prod-depot", **target),
        resource(
            'aws_scheduler_schedule.this["depot/sweep"]',
            group_name="prod-depot",
            name="sweep",
            schedule_expression="rate(1 day)",
            schedule_expression_timezone="Europe/Berlin",
        ),
        resource('aws_s3_bucket.this["uploads"]', bucket="prod-uploads"),
        resource('aws_s3_bucket_public_access_block.this["uploads"]', **dict.fromkeys(BLOCKED, True)),
        resource("aws_db_proxy.this[0]", auth=[{"secret_arn": f"{SECRET}login-AbCdEf"}]),
    ]


def _queue(name: str, ending: str) -> list[Json]:
    redrive = json.dumps({"deadLetterTargetArn": f"{SQS}{name}-dead{ending}", "maxReceiveCount": 5})
    return [
        resource(f'aws_sqs_queue.dead["{name}"]', name=f"prod-{name}-dead{ending}", redrive_policy=None),
        resource(f'aws_sqs_queue.this["{name}"]', name=f"prod-{name}{ending}", redrive_policy=redrive),
        resource(
            f'aws_lambda_event_source_mapping.this["{name}"]',
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=[{"maximum_concurrency": 5}],
        ),
    ]


def _rights_of_depot() -> list[tuple[list[str], list[str]]]:
    interfaces = [
        f"ec2:{action}NetworkInterface{'s' * (action == 'Describe')}" for action in ("Create", "Delete", "Describe")
    ]
    return [
        (interfaces, ["*"]),
        (["sqs:SendMessage"], [f"{SQS}depot-failures"]),
        (["secretsmanager:GetSecretValue"], [f"{SECRET}prod/database-??????", f"{SECRET}depot/carrier-??????"]),
        (["sqs:SendMessage", "sqs:GetQueueUrl"], [f"{SQS}labels"]),
        (
            ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            [f"{SQS}parcels.fifo", f"{SQS}return-events"],
        ),
        (["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::prod-invoices/*"]),
        (["textract:DetectDocumentText"], [KEY]),
        (["kms:Sign"], [KEY]),
    ]


def _roles() -> list[Json]:
    functions_ = [f"prod-{name}" for name in ("depot", "mgmt-modules", "access-orgs", "access-auth")]
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:"
    return [
        _role("aws_iam_role.scheduler", "prod-depot-scheduler", "scheduler"),
        _policy(
            "aws_iam_role_policy.scheduler",
            "prod-depot-scheduler",
            (["lambda:InvokeFunction"], [f"{arn}prod-depot:live"]),
            (["sqs:SendMessage"], [f"{SQS}depot-failures"]),
        ),
        _role("aws_iam_role.codedeploy", "prod-codedeploy", "codedeploy"),
        _policy(
            "aws_iam_role_policy.codedeploy",
            "prod-codedeploy",
            (
                ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
                [f"{arn}{name}{ending}" for name in functions_ for ending in ("", ":live")],
            ),
            (["cloudwatch:DescribeAlarms"], ["arn:aws:cloudwatch:eu-central-1:123456789012:alarm:prod-*"]),
        ),
        _role("aws_iam_role.proxy", "prod-rds-proxy", "rds"),
        _policy(
            "aws_iam_role_policy.proxy",
            "prod-rds-proxy",
            (["secretsmanager:GetSecretValue"], [f"{SECRET}login-AbCdEf"]),
        ),
    ]


def _role(address: str, name: str, service: str) -> Json:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}}]}
    return resource(address, name=name, assume_role_policy=json.dumps(trust))


def _policy(address: str, role: str, *rights: tuple[list[str], list[str]]) -> Json:
    statements = [{"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in rights]
    return resource(address, role=role, policy=json.dumps({"Statement": statements}))
