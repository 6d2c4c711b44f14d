"""Applies the changes of a plan, through Lambda and Application Auto Scaling. Each call can be repeated."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from cora_modules.mgmt.aws import rejections
from cora_modules.mgmt.deployed import ALIAS, DIMENSION, SERVICE, resource
from cora_modules.mgmt.models.lambda_config import Change, DeployedFunction, LambdaSetting
from cora_modules.mgmt.plan import own_actions, wanted_actions
from cora_modules.mgmt.schedule import capacity_at

# Of an update of the configuration, which takes a second or two.
WAIT = {"Delay": 1, "MaxAttempts": 15}


class NotApplicable(Exception):
    """A change that AWS would accept and that would do something else, or that it cannot do. Says why."""


class Applier:
    """Applies changes to one function. `client` creates the client of a service."""

    def __init__(
        self, client: Callable[[str], Any], wanted: LambdaSetting, deployed: DeployedFunction, now: datetime
    ) -> None:
        self._lambda = client("lambda")
        self._scaling = client("application-autoscaling")
        self._wanted = wanted
        self._deployed = deployed
        self._now = now
        self._target = {
            "ServiceNamespace": SERVICE,
            "ResourceId": resource(deployed.function),
            "ScalableDimension": DIMENSION,
        }

    def apply(self, change: Change) -> Change:
        """The change as changed, or as failed with the reason."""
        steps = {"memoryMb": self._memory, "provisioned": self._provisioned, "schedule": self._schedule}
        try:
            steps[change.field]()
        except rejections(NotApplicable) as error:
            return change.model_copy(update={"status": "failed", "reason": str(error).splitlines()[0]})
        return change.model_copy(update={"status": "changed"})

    def _memory(self) -> None:
        """A version is immutable: the alias moves to a new one with the same code and settings."""
        name, released = self._deployed.function, self._deployed.version != "$LATEST"
        if released and not self._deployed.is_released:
            raise NotApplicable(f"$LATEST has code or settings that the alias {ALIAS} does not: release them first")
        updated = self._lambda.update_function_configuration(FunctionName=name, MemorySize=self._wanted.memory_mb)
        self._lambda.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)
        if released:
            # AWS refuses if the code of $LATEST is another one by now.
            version = self._lambda.publish_version(FunctionName=name, CodeSha256=updated["CodeSha256"])["Version"]
            self._lambda.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    def _provisioned(self) -> None:
        name = self._deployed.function
        if self._deployed.version == "$LATEST":
            raise NotApplicable(f"the function has no alias {ALIAS}, which provisioned concurrency needs")
        capacity = capacity_at(self._wanted.schedule, self._wanted.provisioned or 0, self._now)
        if self._wanted.schedule is not None:
            self._scaling.register_scalable_target(**self._target, MinCapacity=capacity, MaxCapacity=capacity)
            return
        self._remove_target()
        if capacity:
            self._lambda.put_provisioned_concurrency_config(
                FunctionName=name, Qualifier=ALIAS, ProvisionedConcurrentExecutions=capacity
            )
        elif self._deployed.provisioned is not None:
            self._lambda.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=ALIAS)

    def _schedule(self) -> None:
        before, after = own_actions(self._deployed), wanted_actions(self._wanted)
        if not after:
            self._remove_target()
            return
        for name, (cron, timezone, capacity) in after.items():
            if before.get(name) != (cron, timezone, capacity):
                self._scaling.put_scheduled_action(
                    **self._target,
                    ScheduledActionName=name,
                    Schedule=cron,
                    Timezone=timezone,
                    ScalableTargetAction={"MinCapacity": capacity, "MaxCapacity": capacity},
                )
        for name in sorted(before.keys() - after.keys()):
            self._scaling.delete_scheduled_action(**self._target, ScheduledActionName=name)

    def _remove_target(self) -> None:
        """Remove the target of a schedule, and with it all its actions. A target of others stays."""
        own = own_actions(self._deployed)
        for name in sorted(own):
            self._scaling.delete_scheduled_action(**self._target, ScheduledActionName=name)
        if own and self._deployed.scaling is not None:
            self._scaling.deregister_scalable_target(**self._target)
