"""Reading functions, roles and secrets from AWS, for which moto stands in."""

import sys

import pytest

from org_common.tools.doctor.deployed import AwsCallFailed, Cloud, Layer
from org_common.tools.project.project import ToolError
from org_common.values.secret import Reference
from tests.org_common.tools.doctor.conftest import Account, sha256, zipped

READ = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
SEND = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}


def test_functions_are_reported_with_all_that_matters(account: Account) -> None:
    content = zipped({"handler.py": "app = None"})
    role = account.role("orders", READ)
    layer = account.layer("org-common-runtime", zipped({"python/x.py": ""}))
    account.function("prod-orders", role, {"TABLE": "orders"}, content=content, layers=(layer,), reserved=5)
    account.function("test-orders", role)

    [function] = Cloud().functions("prod-")

    assert (function.name, function.role, function.runtime) == ("prod-orders", role, "python3.13")
    assert (function.architecture, function.in_vpc, function.reserved) == ("arm64", False, 5)
    assert function.environ == {"TABLE": "orders"}
    assert function.code_sha256 == sha256(content)
    assert [(each.name, each.version) for each in function.layers] == [("org-common-runtime", "1")]
    assert function.place == ("aws", "eu-central-1", "123456789012")
    assert "TABLE" not in repr(function)


def test_layers_are_identified_by_their_content(account: Account) -> None:
    content = zipped({"python/x.py": ""})

    assert Cloud().layer_sha256(Layer(account.layer("runtime", content))) == sha256(content)


def test_policies_of_a_role_are_read_both_ways(account: Account) -> None:
    role = account.role("orders", READ, SEND)

    found = Cloud().statements(role)

    assert sorted(each.actions[0] for each in found) == ["s3:GetObject", "sqs:SendMessage"]
    assert {each.policy for each in found} == {"inline", "orders-attached"}


def test_secrets_are_looked_for_and_not_read(account: Account) -> None:
    account.secrets.create_secret(Name="prod/app", SecretString="x")
    account.parameters.put_parameter(Name="/prod/keys", Value="x", Type="SecureString")
    cloud = Cloud()

    assert cloud.has(Reference.parse("prod/app#password"))
    assert cloud.has(Reference.parse("ssm:/prod/keys"))
    assert not cloud.has(Reference.parse("prod/none"))
    assert not cloud.has(Reference.parse("ssm:/prod/none"))


def test_secrets_are_looked_for_in_the_region_of_their_arn(account: Account) -> None:
    far = account.aws.client("secretsmanager", "us-east-1")
    arn = far.create_secret(Name="rds!cluster-1", SecretString="x")["ARN"]
    parameters = account.aws.client("ssm", "us-east-1")
    parameters.put_parameter(Name="keys", Value="x", Type="SecureString")
    parameters.put_parameter(Name="/prod/keys", Value="x", Type="SecureString")
    cloud = Cloud()

    assert cloud.has(Reference.parse(arn))
    for name in ("keys", "prod/keys"):
        assert cloud.has(Reference.parse(f"arn:aws:ssm:us-east-1:123456789012:parameter/{name}"))
        assert not cloud.has(Reference.parse(f"arn:aws:ssm:eu-west-1:123456789012:parameter/{name}"))
    assert not cloud.has(Reference.parse("rds!cluster-1"))


def test_the_account_has_a_limit(account: Account) -> None:
    """moto does not know it: the tool says so, and goes on."""
    with pytest.raises(AwsCallFailed, match="lambda get_account_settings: ") as raised:
        Cloud().account_concurrency()

    assert len(str(raised.value).splitlines()) == 1


def test_what_aws_refuses_is_reported(account: Account) -> None:
    with pytest.raises(AwsCallFailed, match="iam list_attached_role_policies"):
        Cloud().statements("arn:aws:iam::123456789012:role/none")


def test_without_boto3_it_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)

    with pytest.raises(ToolError, match=r"pip install 'org-common\[aws\]'"):
        Cloud()
