"""What is deployed, as AWS tells it: functions with their environment, layers, concurrency and role."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from org_common.tools.doctor import iam as policies
from org_common.tools.doctor.iam import Statement
from org_common.tools.project.project import ToolError
from org_common.values.secret import Reference


@dataclass(frozen=True)
class Layer:
    """One version of a layer, as a function has it."""

    arn: str

    @property
    def name(self) -> str:
        return self.arn.split(":")[6]

    @property
    def version(self) -> str:
        return self.arn.rpartition(":")[2]


@dataclass(frozen=True)
class Function:
    """One deployed function. `repr` leaves the environment out: it may hold secrets."""

    name: str
    arn: str
    role: str
    runtime: str
    architecture: str
    code_sha256: str
    layers: tuple[Layer, ...]
    in_vpc: bool
    reserved: int | None
    environ: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Function({self.name!r})"

    @property
    def place(self) -> tuple[str, str, str]:
        """Partition, region and account."""
        parts = self.arn.split(":")
        return parts[1], parts[3], parts[4]


class AwsCallFailed(Exception):
    """AWS did not let us look: which call, and what it said."""


class Cloud:
    """Read-only. Credentials and region are found as the AWS command line finds them."""

    def __init__(self) -> None:
        try:
            import botocore.exceptions  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
            import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            raise ToolError("--aws needs boto3: pip install 'org-common[aws]'") from error
        self._session = botocore.session.Session()
        self._errors = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)
        self._clients: dict[str, Any] = {}

    def functions(self, prefix: str) -> list[Function]:
        """All whose name begins like this, in their order."""
        found = []
        for page in self._pages("lambda", "list_functions"):
            found += [self._function(each) for each in page["Functions"] if each["FunctionName"].startswith(prefix)]
        return sorted(found, key=lambda each: each.name)

    def account_concurrency(self) -> int | None:
        limit = self._call("lambda", "get_account_settings")["AccountLimit"]
        found: int | None = limit.get("ConcurrentExecutions")
        return found

    def layer_sha256(self, layer: Layer) -> str | None:
        name, _, version = layer.arn.rpartition(":")
        content = self._call("lambda", "get_layer_version", LayerName=name, VersionNumber=int(version))["Content"]
        found: str | None = content.get("CodeSha256")
        return found

    def statements(self, role: str) -> list[Statement]:
        """Of all policies of a role, given by its ARN."""
        name = role.rpartition("/")[2]
        found: list[Statement] = []
        for page in self._pages("iam", "list_attached_role_policies", RoleName=name):
            for each in page["AttachedPolicies"]:
                policy = self._call("iam", "get_policy", PolicyArn=each["PolicyArn"])["Policy"]
                version = self._call(
                    "iam", "get_policy_version", PolicyArn=each["PolicyArn"], VersionId=policy["DefaultVersionId"]
                )
                found += policies.parse(each["PolicyName"], version["PolicyVersion"]["Document"])
        for page in self._pages("iam", "list_role_policies", RoleName=name):
            for each in page["PolicyNames"]:
                inline = self._call("iam", "get_role_policy", RoleName=name, PolicyName=each)
                found += policies.parse(each, inline["PolicyDocument"])
        return found

    def has(self, reference: Reference) -> bool:
        """There is such a secret. Its value is not asked for."""
        try:
            if reference.service == "ssm":
                name = reference.id.partition(":parameter")[2] or reference.id
                filters = [{"Key": "Name", "Values": [name]}]
                return bool(self._call("ssm", "describe_parameters", ParameterFilters=filters)["Parameters"])
            self._call("secretsmanager", "describe_secret", SecretId=reference.id)
        except AwsCallFailed as error:
            if "ResourceNotFoundException" in str(error):
                return False
            raise
        return True

    def _function(self, given: Mapping[str, Any]) -> Function:
        name = given["FunctionName"]
        reserved = self._call("lambda", "get_function_concurrency", FunctionName=name)
        return Function(
            name=name,
            arn=given["FunctionArn"],
            role=given["Role"],
            runtime=given.get("Runtime", ""),
            architecture=given.get("Architectures", ["x86_64"])[0],
            code_sha256=given["CodeSha256"],
            layers=tuple(Layer(each["Arn"]) for each in given.get("Layers", [])),
            in_vpc=bool(given.get("VpcConfig", {}).get("SubnetIds")),
            reserved=reserved.get("ReservedConcurrentExecutions"),
            environ=given.get("Environment", {}).get("Variables", {}),
        )

    def _pages(self, service: str, operation: str, **asked: Any) -> Iterator[dict[str, Any]]:
        try:
            yield from self._client(service).get_paginator(operation).paginate(**asked)
        except self._errors as error:
            raise _call_failed(service, operation, error) from None

    def _call(self, service: str, operation: str, **asked: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client(service), operation)(**asked)
        except self._errors as error:
            raise _call_failed(service, operation, error) from None
        return answer

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            self._clients[service] = self._session.create_client(service, region_name=region)
        return self._clients[service]


def _call_failed(service: str, operation: str, error: Exception) -> AwsCallFailed:
    # What is no answer of AWS's may be a page of HTML.
    return AwsCallFailed(f"{service} {operation}: {str(error).splitlines()[0]}")
