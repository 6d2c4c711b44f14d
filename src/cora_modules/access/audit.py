"""The audit trail of administrators' reads: a GET runs read-only, so it writes a log line and not a row."""

import logging
from uuid import UUID

from org_common import Identity

logger = logging.getLogger("cora_modules.audit")


def log_sys_read(identity: Identity, resource: str, resource_id: UUID | None = None) -> None:
    """Log one structured line: who read which resource. Call it after the read has succeeded.

    `resource` is a noun, plural for a list. `resource_id` is None for a list.
    """
    read = {
        "what": resource,
        "id": None if resource_id is None else str(resource_id),
        "iss": identity.issuer,
        "sub": identity.subject,
    }
    logger.info("sys_read", extra={"sys_read": read})
