"""Log lines about requests that PostgreSQL refused."""

from __future__ import annotations

import logging

from org_common.telemetry import log
from org_common.telemetry.causes import database_fields, message_of

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from org_common.values.errors import OrgError

# The SDK's own SQLSTATEs, whose message is a code.
_OWN_CODES = "OC"
# A missing grant or policy is most often a bug, and to the caller it looks like any other refusal.
_INSUFFICIENT_PRIVILEGE = "42501"


def log_refusal(logger: logging.Logger, route: str, error: OrgError, failed: Any) -> None:
    """Log why PostgreSQL refused a request: one line, on a terminal with the SQL and the program's frames."""
    handler = log.active()
    level = logging.WARNING if failed.sqlstate == _INSUFFICIENT_PRIVILEGE else logging.INFO
    if handler is not None and handler.text and not failed.origin.is_raised:
        logger.log(level, "%s responded with %d", route, error.status, exc_info=error)
    else:
        fields = database_fields(failed)
        logger.log(level, "%s responded with %d: %s", route, error.status, refusal(failed), extra=fields)


def refusal(failed: Any) -> str:
    """PostgreSQL's sentence about a request that it refused. Of a function of the program only the SQLSTATE."""
    if failed.origin.is_raised and not failed.sqlstate.startswith(_OWN_CODES):
        return f"a function raised SQLSTATE {failed.sqlstate}"
    return message_of(failed)
