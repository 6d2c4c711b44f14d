"""The purge of deleted workspaces and removed members that are past their retention."""

from typing import LiteralString

from org_common import Database, Deadline, service_transaction

from cora_modules.ws.queries.purge import PURGE

BATCH = 500
"""Rows in one transaction. Other requests wait for none of them: nothing else reads or writes expired rows."""
SPARE_S = 5.0
"""Time left of the deadline for the last batch."""


def purge_expired(deadline: Deadline, *, database: Database | None = None) -> int:
    """Delete expired workspaces and members, as `purge_in_batches` does. Returns how many rows were deleted."""
    return purge_in_batches(PURGE, "purge workspaces past their retention", deadline, database=database)


def purge_in_batches(
    statement: LiteralString, reason: str, deadline: Deadline, *, database: Database | None = None
) -> int:
    """Run a statement that deletes `%(batch)s` rows until none is left or the deadline is near.

    The statement returns how many rows it deleted; their sum is returned. Each batch is a transaction: after a crash,
    the next purge continues. Runs as `app_service`; `database` is on that login, by default the one of the settings.
    """
    purged = 0
    while deadline.left_s() > SPARE_S:
        with service_transaction(reason=reason, database=database) as tx:
            deleted: int = tx.value(statement, {"batch": BATCH})
        if deleted == 0:
            break
        purged += deleted
    return purged
