"""Transactions of the platform itself, without a caller, on the login `app_service`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from org_common.auth.rules import Rule
from org_common.config.settings import Settings
from org_common.db import hooks as lifecycle
from org_common.db.connections.connection import Single, Url, fixed
from org_common.db.database import DEFAULT_DEADLINE_S, Database, committing
from org_common.db.transaction import Transaction
from org_common.values.types import Deadline

logger: logging.Logger = logging.getLogger(__name__)

# For no route: the login of requests cannot become app_service.
_SERVICE = Rule("SERVICE", "anyone", "app_service")


def service_url(settings: Settings) -> Url:
    """The URL of app_service: from its secret, or from the settings."""
    if settings.service_database_secret is None:
        return fixed(settings.service_database_url, "ORG_COMMON_SERVICE_DATABASE", "app_service")
    from org_common.secrets import login

    return login.url(settings, service=True)


def service_database(settings: Settings) -> Database:
    """A database on the login app_service. The caller closes it."""
    return Database(settings, Single(settings, service_url(settings)))


_default: Database | None = None


def default() -> Database:
    """The database of the environment's settings on the login app_service, created at first use."""
    global _default  # noqa: PLW0603 - one environment, one connection
    if _default is None:
        _default = service_database(Settings.from_env())
        lifecycle.register_hooks(_default)
    return _default


def use(database: Database | None) -> None:
    """Use this database in `service_transaction()`; with None, that of the environment. Closes the one before."""
    global _default  # noqa: PLW0603 - as above
    if _default is not None:
        _default.close()
    _default = database


@contextmanager
def service_transaction(
    *, reason: str, database: Database | None = None, timeout_s: float = DEFAULT_DEADLINE_S
) -> Iterator[Transaction]:
    """A `Transaction` without a caller, for purges, scheduled jobs and repairs. It is logged with its reason.

    It runs as `app_service`, under the policies of that role, on a separate connection; the function's settings must
    name that login. Commits at the end of the block; rolls back when an exception leaves it.
    """
    if not reason.strip():
        raise TypeError('service_transaction() needs a reason for the log. Example: reason="purge answers past 24 h"')
    logger.warning("service transaction: %s", reason, extra={"reason": reason})
    scope, handle = (database or default()).open_transaction(_SERVICE, None, {}, Deadline.after(timeout_s))
    with committing(scope):
        yield handle
