"""The figures of the functions for a route."""

from datetime import UTC, datetime, timedelta

from org_common import Fault, FunctionMonitor, FunctionStats, Unprocessable

from cora_modules.mgmt.aws import aws_errors

LONGEST = timedelta(days=14)
DEFAULT = timedelta(days=1)


def read_stats(monitor: FunctionMonitor, since: datetime | None) -> list[FunctionStats]:
    """The figures since a time, sorted by name. `Unprocessable` for a time that is too long ago or in the future."""
    until = datetime.now(UTC)
    since = until - DEFAULT if since is None else since
    if since.tzinfo is None or not until - LONGEST <= since < until:
        fault = Fault("query", "#/since", "Use a time with its offset, at most 14 days ago", "since_out_of_range")
        raise Unprocessable(errors=[fault])
    with aws_errors():
        return [history.stats() for history in monitor.histories(since, until)]
