"""The escape: a transaction of the platform itself, on the login `app_service`, which says why."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from org_common.auth.rules import Rule
from org_common.config.settings import Settings
from org_common.db import hooks as lifecycle
from org_common.db.connections.connection import Single, Url, fixed
from org_common.db.database import DEFAULT_DEADLINE_S, Database, committed
from org_common.db.transaction import Transaction
from org_common.values.types import Deadline

logger = logging.getLogger(__name__)

# Of no route: the login of requests cannot become app_service.
_SERVICE = Rule("SERVICE", "anyone", "app_service")


def service_url(settings: Settings) -> Url:
    """The URL of app_service: a secret, or that of the settings."""
    if settings.service_database_secret is None:
        return fixed(settings.service_database_url, "ORG_COMMON_SERVICE_DATABASE", "app_service")
    from org_common.secrets import login

    return login.url(settings, service=True)


def service_database(settings: Settings) -> Database:
    """A database on the login app_service. Whoever made it closes it."""
    return Database(settings, Single(settings, service_url(settings)))


_default: Database | None = None


def default() -> Database:
    """The database of the environment's settings on the other login, made at first use."""
    global _default  # noqa: PLW0603 - one environment, one connection
    if _default is None:
        _default = service_database(Settings.from_env())
        lifecycle.register_hooks(_default)
    return _default


@contextmanager
def service_transaction(
    *, reason: str, database: Database | None = None, timeout_s: float = DEFAULT_DEADLINE_S
) -> Iterator[Transaction]:
    """A `Transaction` for nobody: purges, schedules, repairs. It is logged, with its reason.

    It runs as `app_service`, under that role's own policies, on a connection of its own; a function that uses it names
    that login in its settings. Committed at the end of the block, rolled back on any exception.
    """
    if not reason.strip():
        raise TypeError('service_transaction() needs a reason for the log. Example: reason="purge answers past 24 h"')
    logger.warning("service transaction: %s", reason, extra={"reason": reason})
    handle = (database or default()).transaction(_SERVICE, None, {}, Deadline.after(timeout_s))
    with committed(handle):
        yield handle
