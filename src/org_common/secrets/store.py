"""The secrets of one environment: each is fetched once and cached, and used longer while no source can be reached."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence

import orjson

from org_common.config.settings import Settings
from org_common.lifecycle import clock as clocks
from org_common.lifecycle import startup
from org_common.lifecycle.fork import reset_in_child
from org_common.secrets.aws import Aws
from org_common.secrets.counters import SecretCounters
from org_common.secrets.extension import Extension
from org_common.secrets.source import EnvironmentSource, Failed, Refused, SecretError, SecretSource, jittered
from org_common.telemetry.metrics import collect
from org_common.telemetry.trace import span
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Reference, Secret

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.lifecycle.clock import Moment

# The time for one secret: all sources and attempts together, and waiting for another thread's fetch.
FETCH_S = 6.0
# How long to wait after a failure before the next fetch, while an old value can be used.
PAUSE_S = 30.0
# The same for a forced refresh.
FORCED_PAUSE_S = 1.0
TTL_JITTER = 0.1


class _Entry:
    """The cache entry of one stored secret."""

    __slots__ = ("failed_at", "failure", "fetched_at", "fetches", "forced", "lock", "ttl_s", "value")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        """Held while a thread fetches."""
        self.value: Secret | None = None
        self.fetched_at: Moment = (0.0, 0.0)
        self.failed_at: Moment | None = None
        """When the last fetch failed; None after a success."""
        self.failure: _Failure | None = None
        """A new object for each failed fetch."""
        self.ttl_s = 0.0
        self.fetches = 0
        """Successful fetches: a thread that waited sees by it that another thread has fetched."""
        self.forced = 0
        """Those of them that bypassed every cache."""

    def count(self, *, forced: bool) -> int:
        """The number of fetches, or of those that bypassed every cache."""
        return self.forced if forced else self.fetches


class _Failure:
    """The failure of a fetch, and the time that the fetch had. Not the error, whose traceback grows with each raise."""

    __slots__ = ("had_s", "text", "type")

    def __init__(self, error: SecretError, had_s: float) -> None:
        self.type = type(error)
        self.text = str(error)
        self.had_s = had_s


class Store:
    """Fetches secrets and caches them in memory. Thread-safe.

    A child process, and an environment restored from a snapshot, start with an empty cache. Age is measured on the
    clock that advanced further: see `lifecycle.clock`.
    """

    def __init__(
        self,
        sources: Sequence[SecretSource],
        counters: SecretCounters,
        *,
        ttl_s: float = 300,
        stale_s: float = 3600,
        clock: Callable[[], Moment] = clocks.now,
    ) -> None:
        """`sources` are tried in this order, and in reverse for a forced refresh.

        A secret is cached for `ttl_s`, and used for `stale_s` longer while no source can be reached.
        """
        self.counters = counters
        self._sources = sources
        self._environment = EnvironmentSource()
        self._ttl_s = ttl_s
        self._stale_s = stale_s
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[object, _Entry] = {}
        self._clears: list[Callable[[], None]] = []
        reset_in_child(self._reset_in_child)

    def get(self, reference: Reference, *, force_refresh: bool = False, deadline_s: float = math.inf) -> Secret:
        """The secret, or the value at its key. With `force_refresh` it comes from AWS itself, not from any cache.

        It takes six seconds at most, and ends at `deadline_s`, on the monotonic clock, if that is sooner. Raises
        `Unavailable` while no source can be reached, and `OrgError` (500) for a secret that does not exist or may not
        be read. The cause, for the log, is a `SecretError`.
        """
        try:
            return self.read(reference, force_refresh=force_refresh, deadline_s=deadline_s)
        except Refused as error:
            raise OrgError(code="misconfigured") from error
        except SecretError as error:
            raise Unavailable from error

    def read(self, reference: Reference, *, force_refresh: bool = False, deadline_s: float = math.inf) -> Secret:
        """As `get`, but raises `Refused` and `Failed` themselves."""
        return _select(self._stored(reference, deadline_s, force_refresh=force_refresh), reference)

    def clear(self) -> None:
        """Drop all secrets and connections."""
        with self._lock:
            self._entries = {}
        for source in self._sources:
            source.forget()
        for clear in self._clears:
            clear()

    def at_clear(self, clear: Callable[[], None]) -> None:
        """Call `clear` with each `clear()` of the store, for state derived from a secret."""
        self._clears.append(clear)

    def _stored(self, reference: Reference, deadline_s: float, *, force_refresh: bool) -> Secret:
        entry = self._entry(reference)
        value = entry.value
        if value is not None and not force_refresh and self._is_fresh(entry):
            self.counters.hits += 1
            return value
        deadline_s = min(deadline_s, time.monotonic() + FETCH_S)
        fetches, failure = entry.count(forced=force_refresh), entry.failure
        if not entry.lock.acquire(blocking=False):
            self.counters.waits += 1
            if not entry.lock.acquire(timeout=max(deadline_s - time.monotonic(), 0)):
                return self._stale(entry, Failed(f"{reference}: timed out waiting for another thread's fetch"))
        try:
            # Another thread has fetched in the meantime; for a forced refresh its value must not be from a cache.
            is_new = entry.count(forced=force_refresh) != fetches or (not force_refresh and self._is_fresh(entry))
            if entry.value is not None and is_new:
                self.counters.hits += 1
                return entry.value
            failed = entry.failure if entry.failure is not failure else None
            # Another thread's fetch failed, and this one has at most as much time: fail at once.
            if failed is not None and not self._is_usable(entry) and deadline_s - time.monotonic() <= failed.had_s:
                raise failed.type(failed.text)
            return self._refresh(entry, reference, deadline_s, force_refresh=force_refresh)
        finally:
            entry.lock.release()

    def _refresh(self, entry: _Entry, reference: Reference, deadline_s: float, *, force_refresh: bool) -> Secret:
        if entry.value is not None and entry.failed_at is not None and self._is_usable(entry):
            pause_s = FORCED_PAUSE_S if force_refresh else PAUSE_S
            if self._age_s(entry.failed_at) < pause_s:
                self.counters.stale += 1
                return entry.value
        if force_refresh:
            self.counters.refreshed += 1
        had_s = deadline_s - time.monotonic()
        try:
            value = self._fetch(reference, deadline_s, force_refresh=force_refresh)
        except SecretError as error:
            entry.failed_at, entry.failure = self._clock(), _Failure(error, had_s)
            return self._stale(entry, error)
        entry.value, entry.fetched_at, entry.failed_at = value, self._clock(), None
        entry.ttl_s = jittered(self._ttl_s, TTL_JITTER)
        entry.fetches += 1
        if force_refresh:
            entry.forced += 1
        return value

    def _stale(self, entry: _Entry, error: SecretError) -> Secret:
        """The old value if it may still be used, else raise the error."""
        if entry.value is None or not self._is_usable(entry):
            raise error
        self.counters.stale += 1
        return entry.value

    def _fetch(self, reference: Reference, deadline_s: float, *, force_refresh: bool) -> Secret:
        sources: Sequence[SecretSource] = self._sources[::-1] if force_refresh else self._sources
        if reference.service == "env":
            sources = [self._environment]
        messages: list[str] = []
        error_type: type[SecretError] = Refused
        for source in sources:
            if not source.serves(reference):
                continue
            try:
                return self._fetch_from(source, reference, deadline_s)
            except SecretError as error:
                messages.append(str(error))
                if isinstance(error, Failed):
                    error_type = Failed
                elif source.name == "aws":
                    # A refusal of AWS itself is final.
                    error_type = Refused
                    break
        raise error_type(f"{reference}: {'; '.join(messages) or 'there is no source'}")

    def _fetch_from(self, source: SecretSource, reference: Reference, deadline_s: float) -> Secret:
        try:
            with span("secret fetch", {"source": source.name}, kind="client"):
                value = source.fetch(reference, deadline_s)
        except SecretError:
            self.counters.failed[source.name] += 1
            raise
        self.counters.fetched[source.name] += 1
        return value

    def _entry(self, reference: Reference) -> _Entry:
        with self._lock:
            return self._entries.setdefault(reference.stored, _Entry())

    def _is_usable(self, entry: _Entry) -> bool:
        return entry.value is not None and self._age_s(entry.fetched_at) <= entry.ttl_s + self._stale_s

    def _is_fresh(self, entry: _Entry) -> bool:
        return self._age_s(entry.fetched_at) < entry.ttl_s

    def _age_s(self, moment: Moment) -> float:
        return clocks.elapsed_s(moment, self._clock())

    def _reset_in_child(self) -> None:
        self._lock = threading.Lock()
        self.clear()


def _select(stored: Secret, reference: Reference) -> Secret:
    if reference.key is None:
        return stored
    value = as_object(stored).get(reference.key)
    if isinstance(value, bool) or not isinstance(value, str | int):
        # The message does not list the keys: names and values may have been confused when the secret was stored.
        raise Refused(f"{reference}: the secret is not a JSON object with a string under this key")
    return Secret(str(value))


def as_object(stored: Secret) -> dict[str, object]:
    """The secret parsed as a JSON object; empty if it is not one."""
    try:
        value = orjson.loads(stored.reveal())
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


_default: Store | None = None
_default_lock = threading.Lock()


def default(settings: Settings | None = None) -> Store:
    """The store of the environment, created on first use and kept for the life of the process.

    The first call decides how long secrets are cached: by `settings`, or by the environment's settings.
    """
    global _default  # noqa: PLW0603 - one environment, one store
    with _default_lock:
        if _default is None:
            settings = settings or Settings.from_env()
            counters = SecretCounters()
            extension = Extension.detect(os.environ, counters)
            sources: list[SecretSource] = [Aws(counters)] if extension is None else [extension, Aws(counters)]
            _default = Store(sources, counters, ttl_s=settings.secrets_ttl_s, stale_s=settings.secrets_stale_s)
            collect(counters.as_metrics)
            _register_hooks(_default)
        return _default


def reset_default() -> None:
    """Drop the store of the environment: the next call of `default` creates another. For tests."""
    global _default  # noqa: PLW0603
    _default = None


def get_secret(reference: str | Reference, *, force_refresh: bool = False) -> Secret:
    """Fetch a secret by its reference: `get_secret("prod/openai#key").reveal()`.

    It is cached for five minutes (ORG_COMMON_SECRETS_TTL_S): call this each time you need the secret, and do not store
    it. Raises `Unavailable` while no source can be reached, and `OrgError` for a secret that does not exist.
    """
    parsed = Reference.parse(reference) if isinstance(reference, str) else reference
    return default().get(parsed, force_refresh=force_refresh)


def _register_hooks(store: Store) -> None:
    """Clear the store before a snapshot and after a restore: no snapshot holds a secret, and a restore fetches anew."""
    if startup.initialization_type() == startup.SNAP_START:
        startup.before_snapshot(store.clear)
        startup.after_restore(store.clear)
