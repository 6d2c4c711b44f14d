from datetime import UTC, datetime, timedelta, timezone

import pytest

from cora_modules.mgmt.function_stats import DEFAULT, LONGEST, read_stats
from org_common import FunctionHistory, FunctionMonitor, Unprocessable

NOW = datetime.now(UTC)


class Asked(FunctionMonitor):
    def __init__(self) -> None:
        self.since = self.until = NOW

    def histories(self, since: datetime, until: datetime) -> list[FunctionHistory]:
        self.since, self.until = since, until
        return [FunctionHistory("orders")]


def test_a_day_is_read_by_default() -> None:
    (stats,) = read_stats(monitor := Asked(), None)

    assert (stats.function, monitor.until - monitor.since) == ("orders", DEFAULT)


def test_time_of_any_offset_is_read() -> None:
    since = (NOW - timedelta(hours=3)).astimezone(timezone(timedelta(hours=5, minutes=30)))
    read_stats(monitor := Asked(), since)

    assert monitor.since == since


WITHOUT_OFFSET = NOW.replace(tzinfo=None)


@pytest.mark.parametrize(
    "since", [NOW - LONGEST - timedelta(minutes=1), NOW + timedelta(days=1), WITHOUT_OFFSET - timedelta(hours=1)]
)
def test_time_out_of_range_is_refused(since: datetime) -> None:
    with pytest.raises(Unprocessable):
        read_stats(Asked(), since)
