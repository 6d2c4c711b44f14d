"""The purge of deleted bases and documents that are past their retention, and of the files of all that are gone."""

from org_common import Database, Deadline, service_transaction

from cora_modules.kb import storage
from cora_modules.kb.queries.purge import FORGET_FILES, PURGE, REMOVED_FILES
from cora_modules.ws.purge import SPARE_S, purge_in_batches

FILES = 1000
"""Files in one call of S3: its limit."""


def purge_expired(deadline: Deadline, *, database: Database | None = None) -> int:
    """Delete expired bases and documents, then their files in S3. Returns how many rows and files were deleted.

    In batches, until nothing is left or the deadline is near; after a crash, the next purge continues. Raises
    `Unavailable` if S3 fails.
    """
    rows = purge_in_batches(PURGE, "purge documents past their retention", deadline, database=database)
    return rows + _remove_files(deadline, database)


def _remove_files(deadline: Deadline, database: Database | None) -> int:
    """Delete files in S3, and then their rows: after a crash in between, S3 is asked to delete them again."""
    removed = 0
    while deadline.left_s() > SPARE_S:
        with service_transaction(reason="find the files of purged documents", database=database) as tx:
            keys: list[str] = tx.value(REMOVED_FILES, {"batch": FILES})
        if not keys:
            break
        storage.remove(keys)
        with service_transaction(reason="forget the files of purged documents", database=database) as tx:
            tx.value(FORGET_FILES, {"storage_keys": keys})
        removed += len(keys)
    return removed
