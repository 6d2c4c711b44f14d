"""Who of the platform's admins looked at what: a GET writes nothing, so it leaves a line in the log."""

import logging
from uuid import UUID

from org_common import Identity

logger = logging.getLogger("cora_modules.audit")


def sys_read(identity: Identity, what: str, id: UUID | None = None) -> None:
    """One structured line, after the database has answered."""
    read = {"what": what, "id": None if id is None else str(id), "iss": identity.issuer, "sub": identity.subject}
    logger.info("sys_read", extra={"sys_read": read})
