"""One database: its settings and its connections, and the handles that requests get."""

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
from org_common.db.session_setup import SessionSetup
from org_common.db.transaction import Isolation, Transaction
from org_common.values.identity import Identity
from org_common.values.types import Deadline

# Outside a route nobody says how long there is.
DEFAULT_DEADLINE_S = 30.0


class Database:
    """Hands out `Reader` and `Transaction`. Opens nothing before the first statement.

    `source` is where connections come from; by default the one connection of a Lambda environment. Whoever made the
    database closes it.
    """

    def __init__(self, settings: Settings, source: Source | None = None) -> None:
        self._settings = settings
        self._profile = PROFILES[settings.database_profile]
        self._source = source or Single(settings)
        self._cursor_keys = cursor_keys(settings)

    @property
    def counters(self) -> Counters:
        """What happened to its connections and units so far."""
        return self._source.counters

    def reader(self, rule: Rule, identity: Identity | None, path: Mapping[str, Any], deadline: Deadline) -> Reader:
        """For one request, under its route's rule over the parameters of its path."""
        prelude = self._prelude(rule, identity, path, deadline)
        return Reader(self._source, prelude, identity=identity, cursor_keys=self._cursor_keys)

    def transaction(
        self,
        rule: Rule,
        identity: Identity | None,
        path: Mapping[str, Any],
        deadline: Deadline,
        *,
        isolation: Isolation = "read committed",
        key: IdempotencyKey | None = None,
    ) -> Transaction:
        """For one request, under its route's rule over the parameters of its path.

        With a `key` its first statement raises `Replay` when the request was answered before.
        """
        prelude = self._prelude(rule, identity, path, deadline)
        return Transaction(
            self._source,
            prelude,
            identity=identity,
            cursor_keys=self._cursor_keys,
            isolation=isolation,
            key=key,
        )

    def _prelude(
        self, rule: Rule, identity: Identity | None, path: Mapping[str, Any], deadline: Deadline
    ) -> SessionSetup:
        profile = self._profile
        return SessionSetup(
            *(rule, identity, path, deadline, self._settings.search_path),
            set_local=profile.set_local,
            reset=profile.resets,
        )

    def close(self) -> None:
        self._source.close()


lifecycle.prepare()
_default: Database | None = None


def default(*, pages: bool = False) -> Database:
    """The database of the environment's settings, made at first use and kept for the life of the process.

    `SettingsError` when `pages` are answered and nothing is there to sign their cursors.
    """
    global _default  # noqa: PLW0603 - one environment, one connection
    if _default is None:
        settings = Settings.from_env()
        if pages and settings.cursor_keys_secret is None:
            ensure_keys(settings.cursor_keys)
        _default = Database(settings)
        lifecycle.register_hooks(_default)
    return _default


@contextmanager
def reader(
    identity: Identity, *, database: Database | None = None, timeout_s: float = DEFAULT_DEADLINE_S
) -> Iterator[Reader]:
    """A `Reader` outside a route, for a known user."""
    handle = (database or default()).reader(SIGNED_IN, identity, {}, Deadline.after(timeout_s))
    try:
        yield handle
    finally:
        handle.close()


@contextmanager
def transaction(
    identity: Identity, *, database: Database | None = None, timeout_s: float = DEFAULT_DEADLINE_S
) -> Iterator[Transaction]:
    """A `Transaction` outside a route, for a known user.

    Committed at the end of the block, rolled back on any exception.
    """
    handle = (database or default()).transaction(SIGNED_IN, identity, {}, Deadline.after(timeout_s))
    with committed(handle):
        yield handle


@contextmanager
def committed(handle: Transaction) -> Iterator[None]:
    """Commit at the end of the block, roll back on whatever leaves it otherwise; the handle is dead then."""
    try:
        yield
        handle.commit()
    except BaseException:
        handle.rollback()
        raise
    finally:
        handle.close()
