"""moto's AWS, with functions deployed to it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest

from tests.support.aws import FakeAws

ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            # Without a date, so that the same files are the same bytes.
            archive.writestr(zipfile.ZipInfo(name), text)
    return content.getvalue()


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


class Account:
    """An account of moto's, and what a test deploys to it."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self._functions, self._iam = aws.client("lambda"), aws.client("iam")
        self.secrets = aws.client("secretsmanager")
        self.parameters = aws.client("ssm")

    def role(self, name: str, inline: dict[str, Any], attached: dict[str, Any] | None = None) -> str:
        arn: str = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ASSUME))["Role"]["Arn"]
        self._iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(inline))
        if attached is not None:
            made = self._iam.create_policy(PolicyName=f"{name}-attached", PolicyDocument=json.dumps(attached))
            self._iam.attach_role_policy(RoleName=name, PolicyArn=made["Policy"]["Arn"])
        return arn

    def layer(self, name: str, content: bytes) -> str:
        arn: str = self._functions.publish_layer_version(LayerName=name, Content={"ZipFile": content})[
            "LayerVersionArn"
        ]
        return arn

    def function(
        self,
        name: str,
        role: str,
        environ: dict[str, str] | None = None,
        *,
        content: bytes | None = None,
        layers: tuple[str, ...] = (),
        reserved: int | None = None,
        subnets: tuple[str, ...] = (),
    ) -> None:
        self._functions.create_function(
            FunctionName=name,
            Role=role,
            Runtime="python3.13",
            Handler="shop.orders.app",
            Code={"ZipFile": content or zipped({"handler.py": ""})},
            Environment={"Variables": environ or {}},
            Layers=list(layers),
            Architectures=["arm64"],
            VpcConfig={"SubnetIds": list(subnets), "SecurityGroupIds": []},
        )
        if reserved is not None:
            self._functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)


@pytest.fixture
def account(aws: FakeAws) -> Account:
    return Account(aws)
