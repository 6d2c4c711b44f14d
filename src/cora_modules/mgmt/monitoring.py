"""Monitoring: how the functions run, what the database is doing, and what organizations use."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from org_common import (
    App,
    AsService,
    Deadline,
    FunctionMonitor,
    FunctionStats,
    Needs,
    OrgCheck,
    Page,
    PageRequest,
    Reader,
    SysCheck,
)

from cora_modules.mgmt.aws import client, prefix
from cora_modules.mgmt.daily import aggregate_day
from cora_modules.mgmt.function_stats import read_stats
from cora_modules.mgmt.models.monitoring import DatabaseActivity, Usage
from cora_modules.mgmt.queries import monitoring as queries

app = App(
    "mgmt-monitoring",
    needs=Needs(actions=["cloudwatch:GetMetricData", "lambda:ListFunctions", "logs:FilterLogEvents"]),
)

ORG_ADMIN = OrgCheck("org_admin")
SYS_ADMIN = SysCheck("sys_admin")


@app.get("/admin/sys/monitoring/functions", allow=SYS_ADMIN)
def list_function_stats(deadline: Deadline, since: datetime | None = None) -> Page[FunctionStats]:
    """List how each function has run since a time, by default for 24 hours. 14 days at most."""
    stats = read_stats(FunctionMonitor(client, prefix=prefix(), deadline=deadline), since)
    return Page(stats, None)


@app.get("/admin/sys/monitoring/database", allow=SYS_ADMIN)
def get_database_activity(db: Reader) -> DatabaseActivity:
    """Return the connections by function against the limit, waits, and the statements that have run longest."""
    return db.one(DatabaseActivity, queries.DATABASE_ACTIVITY)


# No transaction while it reads logs for minutes: aggregate_day opens one for what it has read, and can be repeated.
@app.schedule("cron(0 1 * * ? *)", allow=AsService("adds up the usage of all organizations"))
def aggregate_yesterday() -> None:
    """Record the usage and the cold starts of the day before, UTC."""
    aggregate_day(datetime.now(UTC).date() - timedelta(days=1))


@app.get("/orgs/{org_id}/usage", allow=ORG_ADMIN)
def list_usage(db: Reader, org_id: UUID, page: PageRequest) -> Page[Usage]:
    """List what the organization has used by day and module, newest first."""
    return db.page(Usage, queries.LIST_USAGE, {"org_id": org_id}, page=page, by=("-day", "module"))
