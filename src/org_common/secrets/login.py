"""What the database asks for: the URL of a login before each connection, and the keys that sign cursors."""

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
from org_common.secrets.counters import Counters
from org_common.secrets.source import Failed, Refused, SecretError
from org_common.secrets.store import FETCH_S, Store, as_object, default
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Reference, Secret

SCHEMES = ("postgresql://", "postgres://")
# A token of RDS opens connections for 15 minutes.
TOKEN_S = 600.0


class Url(Protocol):
    def __call__(self, *, force_refresh: bool = False, deadline_s: float = math.inf) -> str: ...


def url(settings: Settings, *, service: bool = False) -> Url:
    """That of app_login, or of app_service: where a secret or a token of RDS belongs into it."""
    plain = settings.service_database_url if service else settings.database_url
    reference = settings.service_database_secret if service else settings.database_secret
    if reference is not None:
        return SecretUrl(reference, plain, default(settings))
    if plain is None:
        raise OrgError from SettingsError("ORG_COMMON_DATABASE_AUTH is iam, and there is no URL beside it")
    return IamUrl(plain)


def cursor_keys(reference: Reference, settings: Settings) -> CursorKeys:
    return CursorKeys(reference, default(settings))


class SecretUrl:
    """The URL of a login whose password, or all of it, is a secret.

    `base` is what is not secret, if anything: a libpq URL without a password. It wins over the secret's host, port and
    database; the secret's user wins over it, since a rotation may alternate between two. The secret is a libpq URL, a
    JSON object as RDS makes it (`username`, `password`, and `host`, `port`, `dbname` where `base` has none), or with a
    key in the reference the password alone.
    """

    def __init__(self, reference: Reference, base: Secret | None, store: Store) -> None:
        self._reference = reference
        self._base = base
        self._store = store
        self._mine = threading.local()
        # What the store calls current and the server refuses, and the pending one that is used in its place.
        self._ahead: tuple[Secret, Secret] | None = None
        store.at_clear(self._forget)

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        """With `force_refresh` another URL than this thread got before, if there is one anywhere."""
        whole = self._renewed(deadline_s) if force_refresh else self._held(deadline_s)
        self._mine.whole = whole
        return self._composed(whole)

    def _forget(self) -> None:
        self._mine, self._ahead = threading.local(), None

    def _held(self, deadline_s: float) -> Secret:
        current = self._store.get(self._reference, deadline_s=deadline_s)
        ahead = self._ahead
        return ahead[1] if ahead is not None and ahead[0] == current else current

    def _renewed(self, deadline_s: float) -> Secret:
        """The server has refused the password that this thread has: it was changed, or is being changed just now."""
        refused: Secret | None = getattr(self._mine, "whole", None)
        if refused is not None and (held := self._held(deadline_s)) != refused:
            # Another thread has noticed before us.
            return held
        current = self._store.get(self._reference, force_refresh=True, deadline_s=deadline_s)
        if current != refused:
            return current
        pending = self._pending(deadline_s)
        if pending is None or pending == refused:
            return current
        self._ahead = current, pending
        return pending

    def _pending(self, deadline_s: float) -> Secret | None:
        """A rotation gives the server the new password first, and makes it the current one of the store after that."""
        reference = self._reference
        if reference.service != "secretsmanager" or reference.stage or reference.version:
            return None
        try:
            return self._store.read(reference.at_stage("AWSPENDING"), force_refresh=True, deadline_s=deadline_s)
        except SecretError:
            return None

    def _composed(self, whole: Secret) -> str:
        if whole.reveal().startswith(SCHEMES):
            return whole.reveal()
        if self._reference.key is not None:
            fields = {"password": whole.reveal()}
        else:
            fields = {name: str(value) for name, value in as_object(whole).items() if value}
        has_password = "password" in fields
        composed = self._with(fields) if has_password else None
        # A traceback may be printed with its variables.
        del fields
        if not has_password:
            raise OrgError from Refused(
                f"{self._reference} is neither a URL nor a JSON object with a password. "
                'Example: {"username": "app_login", "password": "…", "host": "db.example.com", "dbname": "app"}'
            )
        if composed is None:
            raise OrgError from SettingsError(
                f"the secret {self._reference} does not say user, host and database, nor does the URL beside it. "
                "Example: postgresql://app_login@db.example.com:6432/app, without a password"
            )
        return composed

    def _with(self, fields: dict[str, str]) -> str | None:
        """None where something is lacking."""
        base = urlsplit(self._base.reveal() if self._base else "postgresql://")
        user = fields.get("username") or unquote(base.username or "")
        # Not base.hostname, which would be in lower case and without the brackets of an IPv6 address.
        address = base.netloc.rpartition("@")[2]
        if not address and fields.get("host"):
            address = fields["host"] + (f":{fields['port']}" if fields.get("port") else "")
        database = unquote(base.path.strip("/")) or fields.get("dbname") or fields.get("database")
        if not user or not address or not database:
            return None
        login = f"{quote(user, safe='')}:{quote(fields['password'], safe='')}"
        return urlunsplit(("postgresql", f"{login}@{address}", f"/{quote(database, safe='')}", base.query, ""))


class IamUrl:
    """The URL with a token of RDS as its password: it is signed here, and nothing is fetched."""

    def __init__(self, base: Secret, aws: Aws | None = None, clock: Callable[[], float] = time.time) -> None:
        self._base = base
        self._aws = aws or Aws(Counters())
        self._clock = clock
        self._made_at = -TOKEN_S
        self._token: Secret | None = None

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = math.inf) -> str:
        base = urlsplit(self._base.reveal())
        user = unquote(base.username or "")
        age_s = self._clock() - self._made_at
        if self._token is None or force_refresh or not 0 <= age_s < TOKEN_S:
            deadline_s = min(deadline_s, time.monotonic() + FETCH_S)
            self._token = self._signed(base.hostname or "", base.port or 5432, user, deadline_s)
            self._made_at = self._clock()
        address = base.netloc.rpartition("@")[2]
        login = f"{quote(user, safe='')}:{quote(self._token.reveal(), safe='')}"
        return urlunsplit(base._replace(netloc=f"{login}@{address}"))

    def _signed(self, host: str, port: int, user: str, deadline_s: float) -> Secret:
        if not host or not user:
            raise OrgError from SettingsError(
                "with ORG_COMMON_DATABASE_AUTH=iam ORG_COMMON_DATABASE_URL names user and host. "
                "Example: postgresql://app_login@db.example.com:5432/app"
            )
        try:
            return self._aws.token(host, port, user, deadline_s)
        except Failed as error:
            raise Unavailable from error
        except SecretError as error:
            raise OrgError from error


class CursorKeys(Sequence[str]):
    """The keys that sign cursors, fetched when a page asks for them: several with commas between, the newest first."""

    def __init__(self, reference: Reference, store: Store) -> None:
        self._reference = reference
        self._store = store

    def _keys(self) -> list[str]:
        keys = [key.strip() for key in self._store.get(self._reference).reveal().split(",") if key.strip()]
        if not keys or min(map(len, keys)) < CURSOR_KEY_LENGTH:
            del keys
            raise OrgError from SettingsError(
                f"{self._reference} has no cursor key, or one of fewer than {CURSOR_KEY_LENGTH} characters. "
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
