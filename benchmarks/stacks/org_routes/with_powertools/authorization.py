"""Transactions for callers with at least a role in the organization of the path."""

from contextlib import contextmanager

from org_routes.authorization import REQUIRE, caller
from org_routes.with_powertools.database import transaction


@contextmanager
def org_transaction(app, org_id, role):
    with transaction(caller(app.current_event.raw_event)) as connection:
        connection.execute(REQUIRE, [org_id, role])
        yield connection
