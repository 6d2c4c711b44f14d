"""A `Reader` or a `Transaction` with the controls that a route keeps to itself, for tests below the route."""

from collections.abc import Mapping
from typing import Any

from org_common import Database, Deadline, Identity, Reader, Rule, Transaction
from org_common.db.idempotency import StoredResponse
from org_common.db.scope import ReadScope, WriteScope


class OwnedReader(Reader):
    """A `Reader` whose test is its owner."""

    def __init__(self, scope: ReadScope) -> None:
        super().__init__(scope)
        self.ensure_authorized = scope.ensure_authorized
        self.stored_response = scope.stored_response
        self.close = scope.close


class OwnedTransaction(Transaction):
    """A `Transaction` whose test is its owner."""

    def __init__(self, scope: WriteScope) -> None:
        super().__init__(scope)
        self._owned = scope
        self.ensure_authorized = scope.ensure_authorized
        self.rollback = scope.rollback
        self.close = scope.close

    def commit(self, response: StoredResponse | None = None) -> None:
        self._owned.commit(response)


def open_reader(
    database: Database, rule: Rule, identity: Identity | None, path: Mapping[str, Any], deadline: Deadline
) -> OwnedReader:
    scope, _ = database.open_reader(rule, identity, path, deadline)
    return OwnedReader(scope)


def open_transaction(
    database: Database,
    rule: Rule,
    identity: Identity | None,
    path: Mapping[str, Any],
    deadline: Deadline,
    **options: Any,
) -> OwnedTransaction:
    scope, _ = database.open_transaction(rule, identity, path, deadline, **options)
    return OwnedTransaction(scope)
