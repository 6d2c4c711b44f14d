"""The configuration of the Lambda functions: as deployed, as wanted, and how the one becomes the other."""

from org_common import App, Deadline, Needs, Page, Reader, SysCheck, Transaction, Unavailable

from cora_modules.mgmt.models.lambda_config import (
    FunctionState,
    LambdaSetting,
    LambdaSettingPatch,
    SyncRequest,
    SyncResult,
)
from cora_modules.mgmt.queries import lambda_config as queries
from cora_modules.mgmt.sync import read_states, sync_functions

NEEDS = Needs(
    actions=[
        "application-autoscaling:DeleteScheduledAction",
        "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScheduledActions",
        "application-autoscaling:PutScheduledAction",
        "application-autoscaling:RegisterScalableTarget",
        "lambda:DeleteProvisionedConcurrencyConfig",
        "lambda:GetFunctionConcurrency",
        "lambda:GetFunctionConfiguration",
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:ListFunctions",
        "lambda:ListLayerVersions",
        "lambda:PublishVersion",
        "lambda:PutProvisionedConcurrencyConfig",
        "lambda:UpdateAlias",
        "lambda:UpdateFunctionConfiguration",
    ]
)
app = App("mgmt-lambda-config", needs=NEEDS)

SYS_ADMIN = SysCheck("sys_admin")


@app.get("/admin/sys/lambda-config", allow=SYS_ADMIN, raises=[Unavailable])
def list_functions(db: Reader, deadline: Deadline) -> Page[FunctionState]:
    """List the functions as deployed and as wanted, with the difference."""
    settings = db.all(LambdaSetting, queries.LIST_SETTINGS)
    states = read_states(settings, deadline)
    return Page(states, None)


@app.patch("/admin/sys/lambda-config/{function}", allow=SYS_ADMIN)
def change_setting(tx: Transaction, function: str, body: LambdaSettingPatch) -> LambdaSetting:
    """Change what is wanted of a function: memory, provisioned concurrency, schedule. A sync applies it."""
    return tx.one(LambdaSetting, queries.CHANGE_SETTING, {"function": function, "patch": body})


# The transaction holds a lock: syncs wait for each other. What AWS has accepted stays if the transaction fails, and the
# next sync finds nothing to change.
@app.post("/admin/sys/lambda-config/sync", allow=SYS_ADMIN, raises=[Unavailable])
def sync(tx: Transaction, deadline: Deadline, body: SyncRequest) -> SyncResult:
    """Apply the settings to the deployed functions, or report what would change (`dryRun`)."""
    settings = tx.all(LambdaSetting, queries.BEGIN_SYNC)
    result = sync_functions(settings, body, deadline)
    tx.value(queries.FINISH_SYNC, {"failures": result.failures()})
    return result
