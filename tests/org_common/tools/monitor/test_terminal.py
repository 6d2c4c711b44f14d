from datetime import timedelta

import pytest

from org_common.telemetry.monitoring.function_monitor import FunctionHistory
from org_common.tools.monitor.snapshot import Activity, Snapshot
from org_common.tools.monitor.terminal import SLOTS, lines, sparkline
from tests.org_common.tools.monitor.test_snapshot import SINCE, UNTIL, report

WARM, COLD = report(10.0), report(30.0, init_ms=250.0)
ORDERS = FunctionHistory(
    "access-orgs", [(SINCE + timedelta(minutes=at * 12), WARM if at else COLD) for at in range(20)], invocations=20
)
USERS = FunctionHistory("access-users", [(UNTIL - timedelta(minutes=1), COLD)], is_complete=False)
IDLE = FunctionHistory("ws-config")
ACTIVITY = Activity(97, 12, [("access-orgs", 8, 1, 0)], [("access-orgs", 1200, "Lock transactionid", "select\n  $1")])
SNAPSHOT = Snapshot(SINCE, UNTIL, [ORDERS, USERS, IDLE], ACTIVITY)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        ([0, 0], "  "),
        ([1], "█"),
        ([0, 1, 8], " ▁█"),
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([1, 1000], "▁█"),
        ([500, 1000], "▄█"),
    ],
)
def test_sparkline(values: list[float], expected: str) -> None:
    assert sparkline(values) == expected


def test_functions_and_database_are_tables() -> None:
    bars = sparkline([slot.invocations for slot in SNAPSHOT.slots(ORDERS, SLOTS)])

    assert [*lines(SNAPSHOT)] == [
        "2026-11-30 08:00 UTC to 2026-11-30 12:00 UTC",
        "",
        "function        calls  errors  p50 ms  p95 ms  p99 ms  cold      rate  init ms  memory MB  over time",
        f"access-orgs        20       0    10.0    10.0    30.0     1      5.0%    250.0     80/512  {bars}".rstrip(),
        f"access-users *      1       0    30.0    30.0    30.0     1  100.0% !    250.0     80/512  {' ' * 23}█",
        "ws-config           0       0       -       -       -     0      0.0%        -          -",
        "* not all log lines were read: choose a shorter time with --hours",
        "",
        "12 of 97 connections",
        "application  connections  active  idle in transaction",
        "access-orgs            8       1  0",
        "",
        "application  running ms           waits for  statement",
        "access-orgs        1200  Lock transactionid  select $1",
    ]


def test_what_others_wrote_cannot_move_the_cursor() -> None:
    activity = Activity(97, 1, [("a\x1b[2Jb", 1, 0, 0)], [("a", 1, "", "select '\x1b[31m'")])

    assert "\x1b" not in "\n".join(lines(Snapshot(SINCE, UNTIL, [], activity)))
