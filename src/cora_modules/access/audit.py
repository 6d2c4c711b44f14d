"""The audit trail of administrators' reads: a GET runs read-only, so it writes a log line and not a row."""

import logging
from uuid import UUID

from org_common import Identity

logger = logging.getLogger("cora_modules.audit")


def log_sys_read(identity: Identity, what: str, id: UUID | None = None) -> None:
    """Log who read what, as one structured line. Call it after the read has succeeded."""
    read = {"what": what, "id": None if id is None else str(id), "iss": identity.issuer, "sub": identity.subject}
    logger.info("sys_read", extra={"sys_read": read})
