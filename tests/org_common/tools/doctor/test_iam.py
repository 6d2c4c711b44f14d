"""Evaluation of IAM policies: allow, deny, patterns, and excess permissions."""

from typing import Any

import pytest

from org_common.tools.doctor.iam import Need, allowed, excess, matches, missing_needs, parse

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/app-AbCdEf"
READ = "secretsmanager:GetSecretValue"
NEEDS = [Need(READ, SECRET, "the secret prod/app")]


def policy(*statements: dict[str, Any]) -> Any:
    return parse("inline", {"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        ("s3:Get*", "s3:GetObject", True),
        ("*", "s3:GetObject", True),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:Get", "s3:GetObject", False),
        ("arn:aws:s3:::a.b/*", "arn:aws:s3:::axb/c", False),
        ("arn:aws:s3:::a.b/*", "arn:aws:s3:::a.b/c\nd", True),
    ],
)
def test_patterns(pattern: str, text: str, answer: bool) -> None:
    assert matches(pattern, text) is answer


@pytest.mark.parametrize(
    "statements",
    [
        [allow(READ, SECRET)],
        [allow([READ], [SECRET])],
        [allow("SecretsManager:getsecretvalue", SECRET)],
        [allow("*", "*")],
        [allow("secretsmanager:Get*", "arn:aws:secretsmanager:*:*:secret:prod/app-??????")],
        [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        [{"Effect": "Allow", "Action": READ, "NotResource": "arn:aws:secretsmanager:*:*:secret:other-*"}],
        [allow(READ, SECRET, Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})],
        [allow(READ, "*"), {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"x": "false"}}}],
    ],
    ids=str,
)
def test_what_is_allowed(statements: list[dict[str, Any]]) -> None:
    assert missing_needs(policy(*statements), NEEDS) == []


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [allow("secretsmanager:DescribeSecret", SECRET)],
        [allow(READ, SECRET.upper())],
        [allow(READ, SECRET.replace("prod", "test"))],
        [allow(READ, SECRET), {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"}],
        [{"Effect": "Allow", "NotAction": "secretsmanager:*", "Resource": "*"}],
        [{"Effect": "Allow", "Action": READ, "NotResource": "*"}],
    ],
    ids=str,
)
def test_what_is_not(statements: list[dict[str, Any]]) -> None:
    assert missing_needs(policy(*statements), NEEDS) == NEEDS
    assert not allowed(policy(*statements), READ, SECRET)


def test_one_statement_may_stand_without_a_list() -> None:
    assert missing_needs(parse("p", {"Statement": allow(READ, SECRET)}), NEEDS) == []


@pytest.mark.parametrize(
    ("statement", "how"),
    [
        (allow("*", "*"), "allows *"),
        (allow("secretsmanager:*", SECRET), "allows secretsmanager:*"),
        (allow([READ, "iam:PassRole"], SECRET), "allows iam:PassRole, which the app does not need"),
        (allow("dynamodb:Get*", "*"), "allows dynamodb:Get*"),
        (allow(READ, "*"), f"allows {READ} on *"),
        (allow(READ, "arn:aws:secretsmanager:*:*:secret:*"), "on arn:aws:secretsmanager:*:*:secret:*"),
        (
            allow(READ, [SECRET, SECRET.replace("prod", "test")]),
            "on arn:aws:secretsmanager:eu-central-1:123456789012:secret:test",
        ),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "allows everything except what it lists"),
    ],
    ids=str,
)
def test_what_is_more_than_needed(statement: dict[str, Any], how: str) -> None:
    [(_, description)] = excess(policy(statement), NEEDS)

    assert how in description


@pytest.mark.parametrize(
    "statement",
    [
        allow(READ, SECRET),
        allow(READ, SECRET.replace("AbCdEf", "??????")),
        allow(READ, SECRET.replace("AbCdEf", "*")),
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
    ],
    ids=str,
)
def test_what_is_just_enough(statement: dict[str, Any]) -> None:
    assert list(excess(policy(statement), NEEDS)) == []


def test_a_need_on_any_resource_makes_none_too_broad() -> None:
    needs = [Need("xray:PutTraceSegments", "*", "usual")]

    assert list(excess(policy(allow("xray:Put*", "*")), needs)) == []
