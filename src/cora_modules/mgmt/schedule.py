"""Schedule windows: provisioned concurrency by the clocks of a time zone, through both changes of daylight saving time.

A window begins at the first instant at which clocks show its start, and ends at the last one at which they show its
end. Where clocks skip a time, the instant of the jump replaces it. So a window is one stretch of time on each day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from cora_modules.mgmt.models.lambda_config import DAYS, Schedule, Window

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
ACTION_PREFIX = "cora-"


class Action(NamedTuple):
    """A scheduled action of Application Auto Scaling, which evaluates it in the time zone itself."""

    name: str
    cron: str
    timezone: str
    capacity: int


def to_utc(day: date, at: time, zone: tzinfo, *, last: bool = False) -> datetime:
    """The first or last instant at which clocks show a time; where they skip it, the instant of the jump."""
    local = datetime.combine(day, at, zone)
    before, after = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if before <= after:
        # Equal, unless clocks show the time twice.
        return after if last else before
    # Skipped: `after` is before the jump and `before` is after it. Jumps are at whole minutes.
    low, high, offset = after, before, after.astimezone(zone).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=(high - low) // timedelta(minutes=1) // 2)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high


def stretch(window: Window, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The window that starts on a day, as two instants. Its end is on the next day if it is not after its start."""
    start, end = time.fromisoformat(window.start), time.fromisoformat(window.end)
    last_day = day if start < end else day + timedelta(days=1)
    return to_utc(day, start, zone), to_utc(last_day, end, zone, last=True)


def stretches(schedule: Schedule, around: datetime) -> Iterator[tuple[Window, datetime, datetime]]:
    """The windows from a day before an instant to a week after it."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(schedule.timezone)
    first = around.astimezone(zone).date() - timedelta(days=1)
    for day in (first + timedelta(days=at) for at in range(9)):
        for window in schedule.windows:
            if DAYS[day.weekday()] in window.days:
                yield window, *stretch(window, day, zone)


def capacity_at(schedule: Schedule | None, base: int, at: datetime) -> int:
    """The provisioned concurrency that is wanted at an instant: the largest of all windows, else `base`."""
    if schedule is None:
        return base
    wanted = [window.provisioned for window, start, end in stretches(schedule, at) if start <= at < end]
    return max(wanted, default=base)


def next_change(schedule: Schedule | None, base: int, after: datetime) -> datetime | None:
    """The next instant at which another concurrency is wanted; None if there is none within a week."""
    if schedule is None:
        return None
    now = capacity_at(schedule, base, after)
    edges = sorted({edge for _, *edges in stretches(schedule, after) for edge in edges if edge > after})
    return next((edge for edge in edges if capacity_at(schedule, base, edge) != now), None)


def actions(schedule: Schedule | None, base: int) -> list[Action]:
    """What Application Auto Scaling has to do each week: one action for each time of day and capacity."""
    if schedule is None:
        return []
    days: dict[tuple[int, int], set[int]] = {}
    edges = {edge % WEEK_MINUTES for window in schedule.windows for pair in _weekly(window) for edge in pair}
    for edge in edges:
        day, minute = divmod(edge, DAY_MINUTES)
        days.setdefault((minute, _weekly_capacity(schedule, base, edge)), set()).add(day)
    return [
        Action(
            f"{ACTION_PREFIX}{minute // 60:02}{minute % 60:02}-{capacity}",
            f"cron({minute % 60} {minute // 60} ? * {','.join(DAYS[day].upper() for day in sorted(on))} *)",
            schedule.timezone,
            capacity,
        )
        for (minute, capacity), on in sorted(days.items())
    ]


def _weekly(window: Window) -> Iterator[tuple[int, int]]:
    """Start and end of a window on each of its days, in minutes since Monday 0:00. The end may be in the next week."""
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (window.start, window.end))
    length = (end - start) % DAY_MINUTES or DAY_MINUTES
    for day in window.days:
        first = DAYS.index(day) * DAY_MINUTES + start
        yield first, first + length


def _weekly_capacity(schedule: Schedule, base: int, minute: int) -> int:
    wanted = [
        window.provisioned
        for window in schedule.windows
        for start, end in _weekly(window)
        if start <= minute < end or start <= minute + WEEK_MINUTES < end
    ]
    return max(wanted, default=base)
