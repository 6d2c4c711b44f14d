"""What organizations have used, and what the database is doing."""

from datetime import date

from org_common import Model


class Usage(Model):
    """What an organization used of one module on one day, UTC."""

    day: date
    module: str
    calls: int
    """Requests of its members."""
    errors: int
    """Those with a status of 500 or more."""
    duration_ms: int
    """The time of all of them."""
    cold_starts: int
    """Those that waited for the start of an environment."""


class Application(Model):
    """The connections of one application, which is the name of a function."""

    name: str
    connections: int
    active: int
    """Running a statement now."""
    idle_in_transaction: int
    """Between two statements of a transaction."""


class Wait(Model):
    """What running statements wait for, as PostgreSQL names it: `Lock transactionid`."""

    event: str
    connections: int


class RunningStatement(Model):
    """A statement that is running now."""

    application: str
    running_ms: int
    statement: str
    """Its first 300 characters, with placeholders for values."""


class DatabaseActivity(Model):
    """The connections of the database."""

    max_connections: int
    """The server's limit, without those reserved for superusers."""
    connections: int
    """Connections to all databases of the server: they share the limit."""
    is_detailed: bool
    """False if states, waits and statements are hidden: app_rules is not a member of pg_read_all_stats."""
    applications: list[Application]
    """By connections, most first."""
    waits: list[Wait]
    statements: list[RunningStatement]
    """The 10 that have run longest."""
