"""The purge of deleted workspaces and removed members that are past their retention."""

from cora_modules.ws.queries.purge import PURGE
from org_common import Database, Deadline, service_transaction

BATCH = 500
"""Rows in one transaction. Other requests wait for none of them: nothing else reads or writes expired rows."""
SPARE_S = 5.0
"""Time left of the deadline for the last batch."""


def purge_expired(deadline: Deadline, *, database: Database | None = None) -> int:
    """Delete expired rows in batches until none is left or the deadline is near. Returns how many were deleted.

    Each batch is a transaction: after a crash, the next purge continues. Runs as `app_service`; `database` is on that
    login, by default the one of the settings.
    """
    purged = 0
    while deadline.left_s() > SPARE_S:
        with service_transaction(reason="purge workspaces past their retention", database=database) as tx:
            deleted: int = tx.value(PURGE, {"batch": BATCH})
        if deleted == 0:
            break
        purged += deleted
    return purged
