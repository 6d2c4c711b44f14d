"""Reads functions as they are deployed, from Lambda and Application Auto Scaling. Reads only, and to the last page."""

from collections.abc import Callable, Container, Mapping
from typing import Any

from org_common import Deadline, GatewayTimeout

from cora_modules.mgmt.models.lambda_config import DeployedFunction, LayerVersion, ProvisionedConcurrency

ALIAS = "live"
"""The alias that callers use. Provisioned concurrency belongs to an alias or a version, never to `$LATEST`."""
SERVICE = "lambda"
DIMENSION = "lambda:function:ProvisionedConcurrency"
# What a new version takes from `$LATEST`, in addition to the memory. Others are ids and states.
RELEASED = ("CodeSha256", "Environment", "Handler", "Layers", "Role", "Runtime", "Timeout", "VpcConfig")
# Stop when the request has less time than this left.
MARGIN_S = 2.0


class Account:
    """The functions of an account whose names start with `prefix`. `client` creates the client of a service.

    Raises `GatewayTimeout` when there is no time left to read the next function.
    """

    def __init__(self, client: Callable[[str], Any], prefix: str, deadline: Deadline) -> None:
        self._lambda = client("lambda")
        self._scaling = client("application-autoscaling")
        self._prefix = prefix
        self._deadline = deadline
        self._newest: dict[str, int] = {}

    def functions(self, only: Container[str] | None = None) -> list[DeployedFunction]:
        """The functions, sorted by name; only those with these names."""
        found = [
            each
            for page in self._lambda.get_paginator("list_functions").paginate()
            for each in page["Functions"]
            if each["FunctionName"].startswith(self._prefix) and (only is None or each["FunctionName"] in only)
        ]
        if not found:
            return []
        targets, actions = self._targets(), self._actions()
        return [self._function(each, targets, actions) for each in sorted(found, key=lambda each: each["FunctionName"])]

    def _function(
        self,
        latest: Mapping[str, Any],
        targets: Mapping[str, tuple[int, int]],
        actions: Mapping[str, dict[str, tuple[str, str, int]]],
    ) -> DeployedFunction:
        if self._deadline.left_s() < MARGIN_S:
            raise GatewayTimeout("There are too many functions to read in time: name some of them.")
        name = latest["FunctionName"]
        live = self._live(name)
        current = live or latest
        reserved = self._lambda.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        return DeployedFunction(
            function=name,
            memory_mb=current["MemorySize"],
            timeout_s=current["Timeout"],
            runtime=current.get("Runtime", ""),
            version=current["Version"],
            is_released=all(current.get(name) == latest.get(name) for name in RELEASED),
            layers=[self._layer(layer["Arn"], latest["FunctionArn"]) for layer in current.get("Layers", [])],
            reserved=reserved,
            provisioned=self._provisioned(name) if live else None,
            snap_start=current.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
            scaling=targets.get(resource(name)),
            actions=actions.get(resource(name), {}),
        )

    def _live(self, name: str) -> dict[str, Any] | None:
        """The configuration of the version that the alias points to; None without the alias."""
        try:
            live: dict[str, Any] = self._lambda.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
        except self._lambda.exceptions.ResourceNotFoundException:
            return None
        return live

    def _provisioned(self, name: str) -> ProvisionedConcurrency | None:
        try:
            found = self._lambda.get_provisioned_concurrency_config(FunctionName=name, Qualifier=ALIAS)
        except self._lambda.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return None
        return ProvisionedConcurrency(
            requested=found["RequestedProvisionedConcurrentExecutions"],
            available=found.get("AvailableProvisionedConcurrentExecutions", 0),
            status=found["Status"],
        )

    def _layer(self, arn: str, function_arn: str) -> LayerVersion:
        layer, _, version = arn.rpartition(":")
        name = layer.rpartition(":")[2]
        # Layers of other accounts may be used and not listed.
        if layer not in self._newest and layer.split(":")[4] == function_arn.split(":")[4]:
            pages = self._lambda.get_paginator("list_layer_versions").paginate(LayerName=name)
            self._newest[layer] = max([each["Version"] for page in pages for each in page["LayerVersions"]], default=0)
        # A version that was deleted still works for the functions that have it.
        return LayerVersion(name=name, version=int(version), wanted=max(int(version), self._newest.get(layer, 0)))

    def _targets(self) -> dict[str, tuple[int, int]]:
        """Smallest and largest capacity by resource."""
        pages = self._scaling.get_paginator("describe_scalable_targets").paginate(
            ServiceNamespace=SERVICE, ScalableDimension=DIMENSION
        )
        return {
            each["ResourceId"]: (each["MinCapacity"], each["MaxCapacity"])
            for page in pages
            for each in page["ScalableTargets"]
        }

    def _actions(self) -> dict[str, dict[str, tuple[str, str, int]]]:
        """The scheduled actions by resource and name."""
        found: dict[str, dict[str, tuple[str, str, int]]] = {}
        pages = self._scaling.get_paginator("describe_scheduled_actions").paginate(ServiceNamespace=SERVICE)
        for each in (each for page in pages for each in page["ScheduledActions"]):
            capacity = each.get("ScalableTargetAction", {}).get("MinCapacity", -1)
            action = (each["Schedule"], each.get("Timezone") or "UTC", capacity)
            found.setdefault(each["ResourceId"], {})[each["ScheduledActionName"]] = action
        return found


def resource(function: str) -> str:
    """The function's alias, as Application Auto Scaling names it."""
    return f"function:{function}:{ALIAS}"
