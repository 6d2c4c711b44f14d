"""The configuration of Lambda functions: what is wanted, what is deployed, and what a sync changes."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args

from org_common import Model, Patch
from pydantic import AfterValidator, Field, StringConstraints

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day: `08:30`."""
FunctionName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
Concurrency = Annotated[int, Field(ge=0, le=10_000)]
Memory = Annotated[int, Field(ge=128, le=10_240)]


def _known(timezone: str) -> str:
    # Loaded with the first schedule that is sent.
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(timezone)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError("unknown time zone, expected an IANA name such as Europe/Berlin") from error
    return timezone


TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_known)]


class Window(Model):
    """A stretch of each of its days, with its own provisioned concurrency."""

    days: Annotated[list[Day], Field(min_length=1, max_length=7)]
    """The days on which it starts."""
    start: Clock
    end: Clock
    """On the next day if it is not after `start`."""
    provisioned: Concurrency


class Schedule(Model):
    """Windows in the clocks of one time zone. Where windows overlap, the largest concurrency counts."""

    timezone: TimeZone
    """An IANA name. Windows follow its changes of daylight saving time."""
    windows: Annotated[list[Window], Field(min_length=1, max_length=20)]


class LambdaSetting(Model):
    """What administrators want of a function. None leaves what is deployed as it is."""

    function: str
    memory_mb: int | None
    provisioned: int | None
    """Provisioned concurrency outside of the windows of the schedule."""
    schedule: Schedule | None
    applied_at: datetime | None
    """The last sync that applied everything."""
    updated_at: datetime


class LambdaSettingPatch(Patch):
    """What administrators may want of a function."""

    memory_mb: Memory | None
    provisioned: Concurrency | None
    """Of the alias `live`; 0 removes it."""
    schedule: Schedule | None
    """Replaces the stored schedule; None removes it."""


class LayerVersion(Model):
    """A layer of a function."""

    name: str
    version: int
    wanted: int
    """The newest version of this layer."""


class ProvisionedConcurrency(Model):
    """The provisioned concurrency of the alias `live`."""

    requested: int
    available: int
    status: str
    """AWS's: READY, IN_PROGRESS or FAILED."""


class DeployedFunction(Model):
    """A function as it is deployed."""

    function: str
    memory_mb: int
    """Of the version that the alias `live` points to, or of `$LATEST` without the alias."""
    timeout_s: int
    runtime: str
    version: str
    """The version that the alias `live` points to; `$LATEST` without the alias."""
    is_released: bool
    """Whether `$LATEST` has the code, the layers, the environment and the timeout of that version."""
    layers: list[LayerVersion]
    reserved: int | None
    """Reserved concurrency; None without a limit of its own."""
    provisioned: ProvisionedConcurrency | None
    snap_start: bool
    scaling: tuple[int, int] | None
    """Smallest and largest provisioned concurrency of its scalable target; None without one."""
    actions: dict[str, tuple[str, str, int]]
    """Its scheduled actions by name: cron expression, time zone and capacity."""


class Change(Model):
    """What a sync changes, or would change."""

    function: str
    field: Literal["memoryMb", "provisioned", "schedule", "function"]
    """`function` if there is no such function."""
    before: str | None = None
    after: str | None = None
    status: Literal["planned", "changed", "failed"] = "planned"
    reason: str | None = None
    """Why it failed."""

    @classmethod
    def missing(cls, function: str) -> Self:
        """Settings of a function that is not deployed."""
        return cls(function=function, field="function", status="failed", reason="No function of this name is deployed.")


class FunctionState(Model):
    """A function as deployed and as wanted."""

    deployed: DeployedFunction
    wanted: LambdaSetting | None
    drift: list[Change]
    """What a sync would change now."""
    next_change_at: datetime | None
    """When the schedule wants another concurrency."""


class SyncRequest(Model):
    """What to sync."""

    dry_run: bool = False
    """Only report what would change."""
    functions: Annotated[list[FunctionName], Field(max_length=100)] | None = None
    """Only these functions; None for all that have settings."""

    def includes(self, function: str) -> bool:
        """Whether the function is to be synced."""
        return self.functions is None or function in self.functions


class SyncResult(Model):
    """What a sync has changed."""

    dry_run: bool
    changed: list[Change]
    failed: list[Change]
    planned: list[Change]
    """In a dry run: what a sync would change."""
    functions: list[str]
    """The functions that were compared with their settings."""

    @classmethod
    def of(cls, changes: list[Change], functions: list[str], *, dry_run: bool) -> Self:
        """The result with these changes."""
        by_status: dict[str, list[Change]] = {"changed": [], "failed": [], "planned": []}
        for change in changes:
            by_status[change.status].append(change)
        return cls(dry_run=dry_run, functions=functions, **by_status)

    def failures(self) -> dict[str, Any]:
        """What the database records: the failed changes of each function. Nothing for a dry run."""
        if self.dry_run:
            return {}
        failed = {name: list[Any]() for name in self.functions}
        for change in self.failed:
            failed[change.function].append(change.model_dump(mode="json"))
        return failed
