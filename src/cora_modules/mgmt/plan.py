"""The difference between what is wanted of a function and what is deployed. No calls: a dry run is this."""

from collections.abc import Iterator
from datetime import datetime

from cora_modules.mgmt.models.lambda_config import Change, DeployedFunction, FunctionState, LambdaSetting
from cora_modules.mgmt.schedule import ACTION_PREFIX, actions, capacity_at, next_change


def plan(wanted: LambdaSetting | None, deployed: DeployedFunction, now: datetime) -> list[Change]:
    """What a sync would change. Empty if the function is as wanted."""
    if wanted is None:
        return []
    return [*_memory(wanted, deployed), *_provisioned(wanted, deployed, now), *_schedule(wanted, deployed)]


def state(wanted: LambdaSetting | None, deployed: DeployedFunction, now: datetime) -> FunctionState:
    """The function as deployed and as wanted, with the difference."""
    at = None if wanted is None else next_change(wanted.schedule, wanted.provisioned or 0, now)
    return FunctionState(deployed=deployed, wanted=wanted, drift=plan(wanted, deployed, now), next_change_at=at)


def wanted_actions(wanted: LambdaSetting) -> dict[str, tuple[str, str, int]]:
    """The scheduled actions by name, as `DeployedFunction.actions` has them."""
    return {
        action.name: (action.cron, action.timezone, action.capacity)
        for action in actions(wanted.schedule, wanted.provisioned or 0)
    }


def own_actions(deployed: DeployedFunction) -> dict[str, tuple[str, str, int]]:
    """Those that a sync has made: others stay as they are."""
    return {name: action for name, action in deployed.actions.items() if name.startswith(ACTION_PREFIX)}


def _memory(wanted: LambdaSetting, deployed: DeployedFunction) -> Iterator[Change]:
    if wanted.memory_mb not in (None, deployed.memory_mb):
        yield _change(wanted, "memoryMb", deployed.memory_mb, wanted.memory_mb)


def _provisioned(wanted: LambdaSetting, deployed: DeployedFunction, now: datetime) -> Iterator[Change]:
    if wanted.provisioned is None and wanted.schedule is None:
        return
    capacity = capacity_at(wanted.schedule, wanted.provisioned or 0, now)
    if wanted.schedule is not None:
        # Application Auto Scaling sets it within the limits of its target.
        if deployed.scaling != (capacity, capacity):
            before = None if deployed.scaling is None else deployed.scaling[0]
            yield _change(wanted, "provisioned", before, capacity)
        return
    before = deployed.provisioned.requested if deployed.provisioned else 0
    # A target that is left from a schedule would set it back.
    if before != capacity or (deployed.scaling is not None and own_actions(deployed)):
        yield _change(wanted, "provisioned", before, capacity)


def _schedule(wanted: LambdaSetting, deployed: DeployedFunction) -> Iterator[Change]:
    before, after = own_actions(deployed), wanted_actions(wanted)
    # Without a schedule, the change of `provisioned` removes the target and its actions.
    if before != after and (wanted.schedule is not None or (wanted.provisioned is None and before)):
        yield _change(wanted, "schedule", _words(before), _words(after))


def _change(wanted: LambdaSetting, field: str, before: object, after: object) -> Change:
    values = {name: None if value is None else str(value) for name, value in (("before", before), ("after", after))}
    return Change.model_validate({"function": wanted.function, "field": field, **values})


def _words(actions: dict[str, tuple[str, str, int]]) -> str | None:
    """The actions as one string: the diff of a schedule."""
    lines = sorted(f"{cron} {timezone} -> {capacity}" for cron, timezone, capacity in actions.values())
    return "; ".join(lines) or None
