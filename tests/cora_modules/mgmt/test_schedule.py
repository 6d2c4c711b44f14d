"""Schedule windows through both changes of daylight saving time, in four zones."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cora_modules.mgmt.models.lambda_config import DAYS, Schedule, Window
from cora_modules.mgmt.schedule import actions, capacity_at, next_change, stretch, to_utc

MINUTE = timedelta(minutes=1)
# Zone, the date on which clocks go forward and the times that they skip, the date on which they go back and the times
# that they show twice. Lord Howe moves its clocks by half an hour, and Adelaide is half an hour off the full hour.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29), ("02:00", "03:00"), date(2026, 10, 25), ("02:00", "03:00")),
    ("America/New_York", date(2026, 3, 8), ("02:00", "03:00"), date(2026, 11, 1), ("01:00", "02:00")),
    ("Australia/Lord_Howe", date(2026, 10, 4), ("02:00", "02:30"), date(2026, 4, 5), ("01:30", "02:00")),
    ("Australia/Adelaide", date(2026, 10, 4), ("02:00", "03:00"), date(2026, 4, 5), ("02:00", "03:00")),
]
ZONES = [change[0] for change in CHANGES]
SIZES = st.integers(0, 9)
WINDOWS = st.lists(
    st.tuples(st.integers(0, 143), st.integers(0, 143), st.sampled_from(DAYS), SIZES), min_size=1, max_size=6
)
CLOCKS = [time(minute // 60, minute % 60) for minute in range(0, 24 * 60, 10)]


def window(start: str, end: str, *, days: str = "mon tue wed thu fri sat sun", provisioned: int = 5) -> Window:
    return Window.model_validate({"days": days.split(), "start": start, "end": end, "provisioned": provisioned})


def schedule(zone: str, *windows: Window) -> Schedule:
    return Schedule(timezone=zone, windows=list(windows))


def shown(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


# --- single times -----------------------------------------------------------------------------


@pytest.mark.parametrize(("zone", "forward", "skipped", "back", "twice"), CHANGES, ids=ZONES)
def test_every_time_of_both_days_is_an_instant_that_shows_it(
    zone: str, forward: date, skipped: tuple[str, str], back: date, twice: tuple[str, str]
) -> None:
    info = ZoneInfo(zone)
    for day, (first, end) in ((forward, skipped), (back, twice)):
        jump = to_utc(day, time.fromisoformat(end), info)
        for clock in CLOCKS:
            early, late = to_utc(day, clock, info), to_utc(day, clock, info, last=True)
            inside = time.fromisoformat(first) <= clock < time.fromisoformat(end)
            if day == forward and inside:
                assert early == late == jump, clock
                continue
            assert shown(early, zone) == shown(late, zone) == f"{day} {clock:%H:%M}"
            assert (early < late) is (day == back and inside), clock


@pytest.mark.parametrize(("zone", "forward", "skipped", "back", "twice"), CHANGES, ids=ZONES)
def test_instants_follow_the_order_of_clocks(
    zone: str, forward: date, skipped: tuple[str, str], back: date, twice: tuple[str, str]
) -> None:
    for day, last in ((forward, False), (forward, True), (back, False), (back, True)):
        instants = [to_utc(day, clock, ZoneInfo(zone), last=last) for clock in CLOCKS]
        assert all(before <= after for before, after in pairwise(instants))


# --- windows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "start", "end", "expected"),
    [
        # Summer time begins: no 02:00-03:00.
        ("2026-03-29", "01:00", "05:00", ("00:00", "03:00", 3)),
        ("2026-03-29", "02:30", "05:00", ("01:00", "03:00", 2)),
        ("2026-03-29", "01:00", "02:30", ("00:00", "01:00", 1)),
        ("2026-03-29", "02:10", "02:50", ("01:00", "01:00", 0)),
        ("2026-03-28", "22:00", "06:00", ("21:00", "04:00", 7)),
        # It ends: 02:00-03:00 twice.
        ("2026-10-25", "01:00", "05:00", ("23:00", "04:00", 5)),
        ("2026-10-25", "02:30", "05:00", ("00:30", "04:00", 3.5)),
        ("2026-10-25", "01:00", "02:30", ("23:00", "01:30", 2.5)),
        ("2026-10-25", "02:10", "02:50", ("00:10", "01:50", 5 / 3)),
        ("2026-10-24", "22:00", "06:00", ("20:00", "05:00", 9)),
        # A day of each half of the year, and a window of a complete day.
        ("2026-01-15", "08:00", "18:00", ("07:00", "17:00", 10)),
        ("2026-07-15", "08:00", "18:00", ("06:00", "16:00", 10)),
        ("2026-03-29", "00:00", "00:00", ("23:00", "22:00", 23)),
        ("2026-10-25", "00:00", "00:00", ("22:00", "23:00", 25)),
    ],
)
def test_window_in_berlin_is_one_stretch(day: str, start: str, end: str, expected: tuple[str, str, float]) -> None:
    first, last = stretch(window(start, end), date.fromisoformat(day), ZoneInfo("Europe/Berlin"))

    assert (f"{first:%H:%M}", f"{last:%H:%M}", (last - first) / timedelta(hours=1)) == pytest.approx(expected)


@pytest.mark.parametrize(("zone", "forward", "skipped", "back", "twice"), CHANGES, ids=ZONES)
@pytest.mark.parametrize(
    ("start", "end"), [("00:30", "04:30"), ("08:00", "18:00"), ("22:00", "06:00"), ("02:15", "02:45")]
)
def test_capacity_changes_at_the_edges_and_nowhere_else(
    zone: str, forward: date, skipped: tuple[str, str], back: date, twice: tuple[str, str], start: str, end: str
) -> None:
    """Two days around each change, in steps of 5 minutes: one stretch a day, and `next_change` finds its edges."""
    plan = schedule(zone, window(start, end))
    for day in (forward, back):
        begin = datetime.combine(day - timedelta(days=1), time(12), ZoneInfo(zone)).astimezone(UTC)
        minutes = [begin + at * 5 * MINUTE for at in range(2 * 24 * 12)]
        capacities = [capacity_at(plan, 1, at) for at in minutes]
        switches = [at for at, (old, new) in zip(minutes[1:], pairwise(capacities), strict=True) if old != new]
        found, at = [], begin
        while (at := next_change(plan, 1, at) or begin) <= minutes[-1]:
            found.append(at)
        assert found == switches
        assert len(switches) <= 4


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(0, 365 * 24 * 60),
    WINDOWS,
)
def test_capacity_is_that_of_the_largest_window(
    zone: str, minute: int, windows: list[tuple[int, int, str, int]]
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + minute * MINUTE
    parts = [
        window(f"{CLOCKS[start]:%H:%M}", f"{CLOCKS[end]:%H:%M}", days=day, provisioned=size)
        for start, end, day, size in windows
    ]

    alone = [capacity_at(schedule(zone, part), -1, at) for part in parts]
    assert capacity_at(schedule(zone, *parts), -1, at) == max(alone)
    change = next_change(schedule(zone, *parts), -1, at)
    assert change is None or change > at


def test_no_schedule_is_the_base_for_ever() -> None:
    now = datetime.now(UTC)

    assert (capacity_at(None, 3, now), next_change(None, 3, now), actions(None, 3)) == (3, None, [])


# --- actions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        (
            [window("08:00", "18:00", days="mon tue wed thu fri")],
            {"cron(0 8 ? * MON,TUE,WED,THU,FRI *)": 5, "cron(0 18 ? * MON,TUE,WED,THU,FRI *)": 1},
        ),
        # Past midnight, and past the end of the week.
        ([window("22:30", "06:00", days="sun")], {"cron(30 22 ? * SUN *)": 5, "cron(0 6 ? * MON *)": 1}),
        # The larger of two windows that overlap, and what remains.
        (
            [window("08:00", "18:00", days="mon"), window("12:00", "14:00", days="mon", provisioned=9)],
            {
                "cron(0 8 ? * MON *)": 5,
                "cron(0 12 ? * MON *)": 9,
                "cron(0 14 ? * MON *)": 5,
                "cron(0 18 ? * MON *)": 1,
            },
        ),
        ([window("00:00", "00:00", days="sat sun")], {"cron(0 0 ? * SAT,SUN *)": 5, "cron(0 0 ? * MON *)": 1}),
    ],
)
def test_actions_have_the_clocks_of_the_zone(windows: list[Window], expected: dict[str, int]) -> None:
    found = actions(schedule("Europe/Berlin", *windows), 1)

    assert {action.cron: action.capacity for action in found} == expected
    assert {action.timezone for action in found} == {"Europe/Berlin"}
    assert len({action.name for action in found}) == len(found)


@given(
    WINDOWS,
    st.integers(0, 7 * 144 - 1),
)
def test_the_last_action_of_each_moment_is_the_wanted_capacity(
    windows: list[tuple[int, int, str, int]], slot: int
) -> None:
    """In a week without a change of clocks, both ways to compute the capacity agree at every moment."""
    plan = schedule(
        "Europe/Berlin",
        *[
            window(f"{CLOCKS[start]:%H:%M}", f"{CLOCKS[end]:%H:%M}", days=day, provisioned=size)
            for start, end, day, size in windows
        ],
    )
    edges = {}
    for action in actions(plan, 2):
        minute, hour, _, _, days, _ = action.cron[5:-1].split()
        for day in days.split(","):
            edges[DAYS.index(day.lower()) * 144 + int(hour) * 6 + int(minute) // 10] = action.capacity
    last = max((at for at in edges if at <= slot), default=max(edges))

    monday = datetime(2026, 6, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert capacity_at(plan, 2, (monday + timedelta(minutes=10 * slot)).astimezone(UTC)) == edges[last]
