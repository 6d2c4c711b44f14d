"""What is shown: the histories of the functions, in time slots too, and the connections of the database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from org_common.telemetry.monitoring.function_monitor import FunctionHistory, FunctionMonitor, percentile
from org_common.tools.database.schema import session
from org_common.tools.project.project import ToolError

APPLICATIONS = """
select coalesce(nullif(application_name, ''), 'unknown') as name, count(*),
  count(*) filter (where state = 'active'), count(*) filter (where state like 'idle in transaction%')
from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
group by 1 order by 2 desc, 1"""
LIMIT = """
select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
  (select count(*) from pg_stat_activity where datid is not null and pid <> pg_backend_pid())"""
STATEMENTS = """
select coalesce(nullif(application_name, ''), 'unknown'),
  (extract(epoch from clock_timestamp() - query_start) * 1000)::bigint as running_ms,
  coalesce(wait_event_type || ' ' || wait_event, ''), left(query, 200)
from pg_stat_activity
where datname = current_database() and state = 'active' and pid <> pg_backend_pid()
order by running_ms desc limit 10"""


@dataclass(frozen=True)
class Slot:
    """What a function did in a part of the time."""

    invocations: int
    cold_starts: int
    p95_ms: float | None


@dataclass(frozen=True)
class Activity:
    """The connections of a database server."""

    limit: int
    """Without those reserved for superusers."""
    connections: int
    """To all databases of the server."""
    applications: Sequence[tuple[str, int, int, int]]
    """Name, connections, active ones, and those idle in a transaction; most connections first."""
    statements: Sequence[tuple[str, int, str, str]]
    """Running now: application, milliseconds so far, what it waits for, SQL; longest first."""


@dataclass(frozen=True)
class Snapshot:
    """What was read."""

    since: datetime
    until: datetime
    histories: Sequence[FunctionHistory]
    """Sorted by name; empty if AWS was not asked."""
    activity: Activity | None
    """None without a database."""

    def document(self) -> dict[str, Any]:
        """What was read, for programs. Times are in milliseconds."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "functions": [history.stats().model_dump() for history in self.histories],
            "database": None if self.activity is None else asdict(self.activity),
        }

    def slots(self, history: FunctionHistory, count: int) -> list[Slot]:
        """What a function did, in this many equal parts of the time."""
        length_s = (self.until - self.since).total_seconds() / count
        parts: list[list[Any]] = [[] for _ in range(count)]
        for at, report in history.reports:
            parts[min(int((at - self.since).total_seconds() / length_s), count - 1)].append(report)
        return [
            Slot(
                len(part),
                sum(report.cold for report in part),
                percentile(sorted(report.duration_ms for report in part), 95),
            )
            for part in parts
        ]


def read_functions(prefix: str, since: datetime, until: datetime) -> list[FunctionHistory]:
    """The histories of the functions, with the AWS credentials of this shell. `ToolError` if AWS refuses."""
    try:
        import botocore.exceptions  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise ToolError("monitor needs boto3: pip install 'org-common[aws]'") from error
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    aws = botocore.session.Session()
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = aws.create_client(service, region_name=region)
        return clients[service]

    try:
        return FunctionMonitor(client, prefix=prefix).histories(since, until)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        # First line only: a response that is not from AWS may be a page of HTML.
        raise ToolError(f"AWS: {str(error).splitlines()[0]}") from None


def read_activity(url: str) -> Activity:
    """The connections of the database. A role without `pg_read_all_stats` sees them without states and statements."""
    with session(url, "monitor") as conn:
        row = conn.execute(LIMIT).fetchone()
        assert row is not None
        limit, connections = row
        return Activity(limit, connections, conn.execute(APPLICATIONS).fetchall(), conn.execute(STATEMENTS).fetchall())
