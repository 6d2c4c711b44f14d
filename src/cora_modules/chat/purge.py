"""The purge of deleted chats that are past their retention, with their messages and their own knowledge bases."""

from org_common import Database, Deadline

from cora_modules.chat.queries.purge import PURGE
from cora_modules.ws.purge import purge_in_batches


def purge_expired(deadline: Deadline, *, database: Database | None = None) -> int:
    """Delete expired chats in batches. Returns how many rows were deleted. The purge of kb deletes their files."""
    return purge_in_batches(PURGE, "purge chats past their retention", deadline, database=database)
