"""The secrets of the database: the URL of a login, fetched before each connection, and the keys that sign cursors."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, overload
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from org_common.config.settings import Settings, SettingsError
from org_common.config.settings_reader import CURSOR_KEY_LENGTH
from org_common.secrets.aws import Aws
from org_common.secrets.counters import SecretCounters
from org_common.secrets.source import Failed, Refused, SecretError
from org_common.secrets.store import FETCH_S, Store, as_object, default
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Reference, Secret

SCHEMES = ("postgresql://", "postgres://")
# An RDS token is valid for 15 minutes.
TOKEN_S = 600.0


class Url(Protocol):
    """See `db.connections.connection.Url`."""

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        """The URL of the login."""
        ...


def url(settings: Settings, *, service: bool = False, store: Store | None = None) -> Url:
    """The URL of app_login, or of app_service, whose password is a secret or an RDS token.

    `store` is by default that of the environment.
    """
    plain = settings.service_database_url if service else settings.database_url
    reference = settings.service_database_secret if service else settings.database_secret
    if reference is not None:
        return SecretUrl(reference, plain, store or default(settings))
    if plain is None:
        raise OrgError from SettingsError(
            "ORG_COMMON_DATABASE_AUTH is iam, but ORG_COMMON_DATABASE_URL is not set. "
            "Example: postgresql://app_login@db.example.com:5432/app"
        )
    return IamUrl(plain)


def cursor_keys(reference: Reference, settings: Settings, *, store: Store | None = None) -> CursorKeys:
    """The cursor keys in a stored secret. `store` is by default that of the environment."""
    return CursorKeys(reference, store or default(settings))


class SecretUrl:
    """The URL of a login whose password, or the complete URL, is a secret.

    `base` is the part that is not secret, if any: a libpq URL without a password. Its host, port and database take
    precedence over those of the secret; the secret's user takes precedence over that of `base`, as a rotation may
    alternate between two users. The secret is a libpq URL, a JSON object as RDS creates it (`username`, `password`, and
    `host`, `port`, `dbname` where `base` has none), or, if the reference has a key, only the password.
    """

    def __init__(self, reference: Reference, base: Secret | None, store: Store) -> None:
        self._reference = reference
        self._base = base
        self._store = store
        # The secret that each thread used last.
        self._last = threading.local()
        # The current secret, which the server refused, and the pending one that replaces it.
        self._replacement: tuple[Secret, Secret] | None = None
        store.at_clear(self._forget)

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        """The URL; with `force_refresh` another one than this thread got before, if any source has one."""
        secret = self._renew(deadline_s) if force_refresh else self._current(deadline_s)
        self._last.secret = secret
        return self._compose(secret)

    def _forget(self) -> None:
        self._last, self._replacement = threading.local(), None

    def _current(self, deadline_s: float) -> Secret:
        current = self._store.get(self._reference, deadline_s=deadline_s)
        replacement = self._replacement
        return replacement[1] if replacement is not None and replacement[0] == current else current

    def _renew(self, deadline_s: float) -> Secret:
        """The server has refused this thread's password: it was changed, or a rotation is in progress."""
        refused: Secret | None = getattr(self._last, "secret", None)
        if refused is not None and (known := self._current(deadline_s)) != refused:
            # Another thread has renewed it already.
            return known
        current = self._store.get(self._reference, force_refresh=True, deadline_s=deadline_s)
        if current != refused:
            return current
        pending = self._pending(deadline_s)
        if pending is None or pending == refused:
            return current
        self._replacement = current, pending
        return pending

    def _pending(self, deadline_s: float) -> Secret | None:
        """The password of a rotation in progress: the server gets it before the store makes it the current one."""
        reference = self._reference
        if reference.service != "secretsmanager" or reference.stage or reference.version:
            return None
        try:
            return self._store.read(reference.at_stage("AWSPENDING"), force_refresh=True, deadline_s=deadline_s)
        except SecretError:
            return None

    def _compose(self, secret: Secret) -> str:
        if secret.reveal().startswith(SCHEMES):
            return secret.reveal()
        if self._reference.key is not None:
            fields = {"password": secret.reveal()}
        else:
            fields = {name: str(value) for name, value in as_object(secret).items() if value}
        has_password = "password" in fields
        composed = self._combine(fields) if has_password else None
        # A traceback may be printed with its variables.
        del fields
        if not has_password:
            raise OrgError from Refused(
                f"{self._reference} is neither a URL nor a JSON object with a password. "
                'Example: {"username": "app_login", "password": "…", "host": "db.example.com", "dbname": "app"}'
            )
        if composed is None:
            raise OrgError from SettingsError(
                f"neither the secret {self._reference} nor the URL setting has user, host and database. "
                "Example: postgresql://app_login@db.example.com:6432/app, without a password"
            )
        return composed

    def _combine(self, fields: dict[str, str]) -> str | None:
        """The URL from the secret and `base`; None if user, host or database is missing."""
        base = urlsplit(self._base.reveal() if self._base else "postgresql://")
        user = fields.get("username") or unquote(base.username or "")
        # Not base.hostname, which is in lower case and without the brackets of an IPv6 address.
        address = base.netloc.rpartition("@")[2]
        if not address and fields.get("host"):
            address = fields["host"] + (f":{fields['port']}" if fields.get("port") else "")
        database = unquote(base.path.strip("/")) or fields.get("dbname") or fields.get("database")
        if not user or not address or not database:
            return None
        login = f"{quote(user, safe='')}:{quote(fields['password'], safe='')}"
        return urlunsplit(("postgresql", f"{login}@{address}", f"/{quote(database, safe='')}", base.query, ""))


class IamUrl:
    """The URL with an RDS token as its password. The token is signed locally, without a request."""

    def __init__(self, base: Secret, aws: Aws | None = None, clock: Callable[[], float] = time.time) -> None:
        self._base = base
        self._aws = aws or Aws(SecretCounters())
        self._clock = clock
        self._signed_at_s = -TOKEN_S
        self._token: Secret | None = None

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        """The URL; with `force_refresh` with a new token."""
        base = urlsplit(self._base.reveal())
        user = unquote(base.username or "")
        age_s = self._clock() - self._signed_at_s
        if self._token is None or force_refresh or not 0 <= age_s < TOKEN_S:
            deadline_s = min(deadline_s, time.monotonic() + FETCH_S)
            self._token = self._sign(base.hostname or "", base.port or 5432, user, deadline_s)
            self._signed_at_s = self._clock()
        address = base.netloc.rpartition("@")[2]
        login = f"{quote(user, safe='')}:{quote(self._token.reveal(), safe='')}"
        return urlunsplit(base._replace(netloc=f"{login}@{address}"))

    def _sign(self, host: str, port: int, user: str, deadline_s: float) -> Secret:
        if not host or not user:
            raise OrgError from SettingsError(
                "with ORG_COMMON_DATABASE_AUTH=iam, ORG_COMMON_DATABASE_URL must name user and host. "
                "Example: postgresql://app_login@db.example.com:5432/app"
            )
        try:
            return self._aws.token(host, port, user, deadline_s)
        except Failed as error:
            raise Unavailable from error
        except SecretError as error:
            raise OrgError from error


class CursorKeys(Sequence[str]):
    """The keys that sign cursors, fetched when a page needs them. The secret lists them with commas, newest first."""

    def __init__(self, reference: Reference, store: Store) -> None:
        self._reference = reference
        self._store = store

    def _keys(self) -> list[str]:
        keys = [key.strip() for key in self._store.get(self._reference).reveal().split(",") if key.strip()]
        if not keys or min(map(len, keys)) < CURSOR_KEY_LENGTH:
            del keys
            raise OrgError from SettingsError(
                f"the secret {self._reference} has no cursor key, or one of fewer than {CURSOR_KEY_LENGTH} characters. "
                "Example: the output of `openssl rand -hex 32`"
            )
        return keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._keys()[index]
