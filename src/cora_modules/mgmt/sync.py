"""Compares the functions with their settings, and makes them agree."""

from collections.abc import Iterable
from datetime import UTC, datetime

from org_common import Deadline

from cora_modules.mgmt.apply import Applier
from cora_modules.mgmt.aws import aws_errors, client, prefix
from cora_modules.mgmt.deployed import Account
from cora_modules.mgmt.models.lambda_config import Change, FunctionState, LambdaSetting, SyncRequest, SyncResult
from cora_modules.mgmt.plan import plan, state


def read_states(settings: Iterable[LambdaSetting], deadline: Deadline) -> list[FunctionState]:
    """Each function as deployed and as wanted, sorted by name."""
    by_name = {setting.function: setting for setting in settings}
    with aws_errors():
        functions = Account(client, prefix(), deadline).functions()
    now = datetime.now(UTC)
    return [state(by_name.get(each.function), each, now) for each in functions]


def sync_functions(settings: Iterable[LambdaSetting], request: SyncRequest, deadline: Deadline) -> SyncResult:
    """Make the functions agree with their settings. A failed change does not prevent the others."""
    wanted = {each.function: each for each in settings if request.includes(each.function)}
    with aws_errors():
        deployed = {each.function: each for each in Account(client, prefix(), deadline).functions(wanted)}
    now, changes = datetime.now(UTC), list[Change]()
    for name, setting in wanted.items():
        if name not in deployed:
            changes.append(Change.missing(name))
            continue
        planned = plan(setting, deployed[name], now)
        applier = None if request.dry_run else Applier(client, setting, deployed[name], now)
        changes += planned if applier is None else [applier.apply(change) for change in planned]
    return SyncResult.of(changes, list(wanted), dry_run=request.dry_run)
