"""One database: its settings and connections, and the `Reader` or `Transaction` of each request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from org_common.auth.rules import SIGNED_IN, Rule
from org_common.config.settings import Settings
from org_common.db import hooks as lifecycle
from org_common.db.connections.connection import Single, Source, cursor_keys
from org_common.db.connections.profile import PROFILES
from org_common.db.cursors import ensure_keys
from org_common.db.idempotency import IdempotencyKey
from org_common.db.protocol.counters import Counters
from org_common.db.reader import Reader
from org_common.db.scope import ReadScope, WriteScope
from org_common.db.session_setup import SessionSetup
from org_common.db.transaction import Transaction
from org_common.values.identity import Identity
from org_common.values.isolation import DEFAULT_ISOLATION, Isolation
from org_common.values.types import Deadline

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.db.inbox import Received, RecordScope, Refused

# Outside a route there is no request deadline.
DEFAULT_DEADLINE_S = 30.0


class Database:
    """Opens a `Reader` or a `Transaction` for each request. Connects at the first statement.

    The code that creates a `Database` closes it.
    """

    def __init__(self, settings: Settings, source: Source | None = None) -> None:
        """`source` provides connections; by default it is the one connection of a Lambda environment."""
        self._settings = settings
        self._profile = PROFILES[settings.database_profile]
        self._source = source or Single(settings)
        self._cursor_keys = cursor_keys(settings)

    @property
    def counters(self) -> Counters:
        """What happened to its connections and transactions so far."""
        return self._source.counters

    def open_reader(
        self, rule: Rule, identity: Identity | None, path: Mapping[str, Any], deadline: Deadline
    ) -> tuple[ReadScope, Reader]:
        """A `Reader` for one request, under its route's access rule over the path parameters.

        The caller keeps the scope: it authorizes, and closes when the request is over.
        """
        setup = self._session_setup(rule, identity, path, deadline)
        scope = ReadScope(self._source, setup, identity=identity, cursor_keys=self._cursor_keys)
        return scope, Reader(scope)

    def open_transaction(
        self,
        rule: Rule,
        identity: Identity | None,
        path: Mapping[str, Any],
        deadline: Deadline,
        *,
        isolation: Isolation = DEFAULT_ISOLATION,
        key: IdempotencyKey | None = None,
    ) -> tuple[WriteScope, Transaction]:
        """A `Transaction` for one request, under its route's access rule over the path parameters.

        The caller keeps the scope: it commits or rolls back, and closes. With a `key` the first statement raises
        `Replay` when a response to the request is stored.
        """
        setup = self._session_setup(rule, identity, path, deadline)
        scope = WriteScope(
            self._source, setup, identity=identity, cursor_keys=self._cursor_keys, isolation=isolation, key=key
        )
        return scope, Transaction(scope)

    def open_record(
        self, rule: Rule, received: Received, values: Mapping[str, Any], deadline: Deadline
    ) -> tuple[RecordScope, Transaction]:
        """A `Transaction` for one message, under its trigger's access rule over `values` of the message.

        The first statement claims the message, and raises `Replay` when this consumer has handled it.
        """
        from org_common.db.inbox import ReceivingSetup, RecordScope

        profile, path = self._profile, self._settings.search_path
        setup = ReceivingSetup(
            rule, received, values, deadline, path, set_local=profile.set_local, reset=profile.resets
        )
        scope = RecordScope(self._source, setup)
        return scope, Transaction(scope)

    def store_refusal(self, rule: Rule, refused: Refused, deadline: Deadline) -> None:
        """Store why a record was refused, in a short transaction as the role of its trigger's access rule."""
        from org_common.db.inbox import STORE_S, RefusingSetup, store_refusal

        profile, path = self._profile, self._settings.search_path
        setup = RefusingSetup(
            rule.role,
            Deadline.after(min(STORE_S, deadline.left_s())),
            path,
            set_local=profile.set_local,
            reset=profile.resets,
        )
        store_refusal(self._source, setup, refused)

    def _session_setup(
        self, rule: Rule, identity: Identity | None, path: Mapping[str, Any], deadline: Deadline
    ) -> SessionSetup:
        profile = self._profile
        search_path = self._settings.search_path
        return SessionSetup(
            rule, identity, path, deadline, search_path, set_local=profile.set_local, reset=profile.resets
        )

    def close(self) -> None:
        """Close all connections. A later statement opens a new one."""
        self._source.close()


lifecycle.prepare()
_default: Database | None = None


def default(*, pages: bool = False) -> Database:
    """The database of the environment's settings, created at first use and kept for the life of the process.

    Raises `SettingsError` when the app returns `pages` and no key is set to sign their cursors.
    """
    global _default  # noqa: PLW0603 - one environment, one connection
    if _default is None:
        settings = Settings.from_env()
        if pages and settings.cursor_keys_secret is None:
            ensure_keys(settings.cursor_keys)
        _default = Database(settings)
        lifecycle.register_hooks(_default)
    return _default


def use(database: Database | None) -> None:
    """Use this database where none is named; with None, that of the environment. Closes the one before."""
    global _default  # noqa: PLW0603 - as above
    if _default is not None:
        _default.close()
    _default = database


@contextmanager
def reader(
    identity: Identity, *, database: Database | None = None, timeout_s: float = DEFAULT_DEADLINE_S
) -> Iterator[Reader]:
    """A `Reader` outside a route, for a known user, until the end of the block."""
    scope, handle = (database or default()).open_reader(SIGNED_IN, identity, {}, Deadline.after(timeout_s))
    try:
        yield handle
    finally:
        scope.close()


@contextmanager
def transaction(
    identity: Identity, *, database: Database | None = None, timeout_s: float = DEFAULT_DEADLINE_S
) -> Iterator[Transaction]:
    """A `Transaction` outside a route, for a known user.

    Commits at the end of the block; rolls back when an exception leaves it.
    """
    scope, handle = (database or default()).open_transaction(SIGNED_IN, identity, {}, Deadline.after(timeout_s))
    with committing(scope):
        yield handle


@contextmanager
def committing(scope: WriteScope) -> Iterator[None]:
    """Commit at the end of the block, roll back when an exception leaves it, and close the scope."""
    try:
        yield
        scope.commit()
    except BaseException:
        scope.rollback()
        raise
    finally:
        scope.close()
