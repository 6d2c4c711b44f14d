"""Reads deployed functions from AWS, with their environment, layers, concurrency and role."""

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
    """A version of a layer that a function uses."""

    arn: str

    @property
    def name(self) -> str:
        return self.arn.split(":")[6]

    @property
    def version(self) -> str:
        return self.arn.rpartition(":")[2]


@dataclass(frozen=True)
class Function:
    """A deployed function. Its `repr` omits the environment, which may hold secrets."""

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
    """A call to AWS failed. The message names the call and the error."""


class Cloud:
    """Read-only access to an AWS account, with credentials and region from the same sources as the AWS CLI."""

    def __init__(self, region: str | None = None) -> None:
        """`region` takes the place of the one in those sources."""
        try:
            import botocore.exceptions  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
            import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            raise ToolError("--aws needs boto3: pip install 'org-common[aws]'") from error
        self._session = botocore.session.Session()
        self._errors = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)
        self._region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        self._clients: dict[tuple[str, str | None], Any] = {}

    def functions(self, prefix: str) -> list[Function]:
        """The functions whose names start with `prefix`, sorted by name."""
        functions = []
        for page in self._pages("lambda", "list_functions"):
            functions += [
                self._function(function)
                for function in page["Functions"]
                if function["FunctionName"].startswith(prefix)
            ]
        return sorted(functions, key=lambda function: function.name)

    def account_concurrency(self) -> int | None:
        """The account's limit of concurrent executions in this region."""
        limits = self._call("lambda", "get_account_settings")["AccountLimit"]
        concurrency: int | None = limits.get("ConcurrentExecutions")
        return concurrency

    def layer_sha256(self, layer: Layer) -> str | None:
        """The sha256 of the layer's zip, in Base64."""
        name, _, version = layer.arn.rpartition(":")
        content = self._call("lambda", "get_layer_version", LayerName=name, VersionNumber=int(version))["Content"]
        sha256: str | None = content.get("CodeSha256")
        return sha256

    def statements(self, role: str) -> list[Statement]:
        """The statements of all policies of a role, attached and inline. `role` is its ARN."""
        name = role.rpartition("/")[2]
        statements: list[Statement] = []
        for page in self._pages("iam", "list_attached_role_policies", RoleName=name):
            for attached in page["AttachedPolicies"]:
                arn = attached["PolicyArn"]
                policy = self._call("iam", "get_policy", PolicyArn=arn)["Policy"]
                version = self._call("iam", "get_policy_version", PolicyArn=arn, VersionId=policy["DefaultVersionId"])
                statements += policies.parse(attached["PolicyName"], version["PolicyVersion"]["Document"])
        for page in self._pages("iam", "list_role_policies", RoleName=name):
            for policy_name in page["PolicyNames"]:
                inline = self._call("iam", "get_role_policy", RoleName=name, PolicyName=policy_name)
                statements += policies.parse(policy_name, inline["PolicyDocument"])
        return statements

    def has(self, reference: Reference) -> bool:
        """Whether the secret exists. Its value is not read."""
        try:
            if reference.service == "ssm":
                # The ARN of `keys` is `…:parameter/keys`, and so is that of `/keys`.
                name = reference.id.partition(":parameter")[2]
                names = [name, name.removeprefix("/")] if name else [reference.id]
                filters = [{"Key": "Name", "Values": names}]
                found = self._call("ssm", "describe_parameters", reference.region, ParameterFilters=filters)
                return bool(found["Parameters"])
            self._call("secretsmanager", "describe_secret", reference.region, SecretId=reference.id)
        except AwsCallFailed as error:
            if "ResourceNotFoundException" in str(error):
                return False
            raise
        return True

    def _function(self, description: Mapping[str, Any]) -> Function:
        name = description["FunctionName"]
        reserved = self._call("lambda", "get_function_concurrency", FunctionName=name)
        return Function(
            name=name,
            arn=description["FunctionArn"],
            role=description["Role"],
            runtime=description.get("Runtime", ""),
            architecture=description.get("Architectures", ["x86_64"])[0],
            code_sha256=description["CodeSha256"],
            layers=tuple(Layer(layer["Arn"]) for layer in description.get("Layers", [])),
            in_vpc=bool(description.get("VpcConfig", {}).get("SubnetIds")),
            reserved=reserved.get("ReservedConcurrentExecutions"),
            environ=description.get("Environment", {}).get("Variables", {}),
        )

    def _pages(self, service: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        try:
            yield from self._client(service).get_paginator(operation).paginate(**arguments)
        except self._errors as error:
            raise _call_failed(service, operation, error) from None

    def _call(self, service: str, operation: str, region: str | None = None, **arguments: Any) -> dict[str, Any]:
        try:
            response: dict[str, Any] = getattr(self._client(service, region), operation)(**arguments)
        except self._errors as error:
            raise _call_failed(service, operation, error) from None
        return response

    def _client(self, service: str, region: str | None = None) -> Any:
        region = region or self._region
        if (service, region) not in self._clients:
            self._clients[service, region] = self._session.create_client(service, region_name=region)
        return self._clients[service, region]


def _call_failed(service: str, operation: str, error: Exception) -> AwsCallFailed:
    # First line only: a response that is not from AWS may be a page of HTML.
    return AwsCallFailed(f"{service} {operation}: {str(error).splitlines()[0]}")
