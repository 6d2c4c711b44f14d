"""The secrets of one environment: each fetched once, believed for a while, and longer while nobody can be asked."""

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
from org_common.secrets.counters import Counters
from org_common.secrets.extension import Extension
from org_common.secrets.source import Environment, Failed, Refused, SecretError, Source, jittered
from org_common.telemetry.metrics import collect
from org_common.telemetry.trace import span
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Reference, Secret

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.lifecycle.clock import Moment

# One secret: all sources and tries together, and the wait for another thread's.
FETCH_S = 6.0
# For this long a failure is not asked about again, while there is an old value to go on with.
PAUSE_S = 30.0
# And a reader who must have a new one waits at least this long after a failure.
FORCED_PAUSE_S = 1.0
TTL_JITTER = 0.1


class _Kept:
    """One secret as it was fetched last.

    `fetches` and `forced` count those that brought it, all and past every cache, so that two threads fetch once.
    `failure` is set anew by each that did not.
    """

    __slots__ = ("failed_at", "failure", "fetched_at", "fetches", "forced", "lock", "ttl_s", "whole")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.whole: Secret | None = None
        self.fetched_at: Moment = (0.0, 0.0)
        self.failed_at: Moment | None = None
        self.failure: _Failure | None = None
        self.ttl_s = 0.0
        self.fetches = 0
        self.forced = 0

    def count(self, *, forced: bool) -> int:
        return self.forced if forced else self.fetches


class _Failure:
    """What a fetch came to that had so much time. Not the error itself: its traceback grows with each raise."""

    __slots__ = ("had_s", "kind", "text")

    def __init__(self, error: SecretError, had_s: float) -> None:
        self.kind = type(error)
        self.text = str(error)
        self.had_s = had_s


class Store:
    """Fetches secrets and keeps them in memory.

    Safe in threads. A child process, and an environment that was restored from a snapshot, begin with nothing.
    Age is by the clock that went further: Lambda freezes an environment, and the monotonic clock may stand still in it.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        counters: Counters,
        *,
        ttl_s: float = 300,
        stale_s: float = 3600,
        clock: Callable[[], Moment] = clocks.now,
    ) -> None:
        """`sources` are asked in their order, and in the opposite one for what must be new."""
        self.counters = counters
        self._sources = sources
        self._environment = Environment()
        self._ttl_s = ttl_s
        self._stale_s = stale_s
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[object, _Kept] = {}
        self._clears: list[Callable[[], None]] = []
        reset_in_child(self._reset_in_child)

    def get(self, reference: Reference, *, force_refresh: bool = False, deadline_s: float = math.inf) -> Secret:
        """The secret, its key picked; with `force_refresh` from the store itself, past every cache.

        It takes six seconds at the most, and ends at `deadline_s`, on the monotonic clock, if that is sooner.
        `Unavailable` while nobody can be asked, `OrgError` (500) for one that is not there or not ours; `SecretError`
        is the cause, for the log.
        """
        try:
            return self.read(reference, force_refresh=force_refresh, deadline_s=deadline_s)
        except Refused as error:
            raise OrgError(code="misconfigured") from error
        except SecretError as error:
            raise Unavailable from error

    def read(self, reference: Reference, *, force_refresh: bool = False, deadline_s: float = math.inf) -> Secret:
        """As `get`, with `Refused` and `Failed` as they are."""
        return _picked(self._whole(reference, deadline_s, force_refresh=force_refresh), reference)

    def clear(self) -> None:
        """Keep nothing, neither secrets nor connections."""
        with self._lock:
            self._kept = {}
        for source in self._sources:
            source.forget()
        for clear in self._clears:
            clear()

    def at_clear(self, clear: Callable[[], None]) -> None:
        """Called with each `clear`, for whoever keeps something of a secret beside the store."""
        self._clears.append(clear)

    def _whole(self, reference: Reference, deadline_s: float, *, force_refresh: bool) -> Secret:
        kept = self._entry(reference)
        whole = kept.whole
        if whole is not None and not force_refresh and self._is_fresh(kept):
            self.counters.hits += 1
            return whole
        deadline_s = min(deadline_s, time.monotonic() + FETCH_S)
        seen, failure = kept.count(forced=force_refresh), kept.failure
        if not kept.lock.acquire(blocking=False):
            self.counters.waits += 1
            if not kept.lock.acquire(timeout=max(deadline_s - time.monotonic(), 0)):
                return self._old(kept, Failed(f"{reference}: no time left to wait for another thread's fetch"))
        try:
            # Another thread has fetched it in the meantime, and what was to be new did not come from a cache.
            is_new = kept.count(forced=force_refresh) != seen or (not force_refresh and self._is_fresh(kept))
            if kept.whole is not None and is_new:
                self.counters.hits += 1
                return kept.whole
            failed = kept.failure if kept.failure is not failure else None
            # Or it could not, and neither could this one, which has no more time for it.
            if failed is not None and not self._is_usable(kept) and deadline_s - time.monotonic() <= failed.had_s:
                raise failed.kind(failed.text)
            return self._fetched(kept, reference, deadline_s, force_refresh=force_refresh)
        finally:
            kept.lock.release()

    def _fetched(self, kept: _Kept, reference: Reference, deadline_s: float, *, force_refresh: bool) -> Secret:
        if kept.whole is not None and kept.failed_at is not None and self._is_usable(kept):
            pause_s = FORCED_PAUSE_S if force_refresh else PAUSE_S
            if self._since(kept.failed_at) < pause_s:
                self.counters.stale += 1
                return kept.whole
        self.counters.refreshed += force_refresh
        had_s = deadline_s - time.monotonic()
        try:
            whole = self._ask(reference, deadline_s, force_refresh=force_refresh)
        except SecretError as error:
            kept.failed_at, kept.failure = self._clock(), _Failure(error, had_s)
            return self._old(kept, error)
        kept.whole, kept.fetched_at, kept.failed_at = whole, self._clock(), None
        kept.ttl_s = jittered(self._ttl_s, TTL_JITTER)
        kept.fetches += 1
        kept.forced += force_refresh
        return whole

    def _old(self, kept: _Kept, error: SecretError) -> Secret:
        """What there is to go on with; the error without any."""
        if kept.whole is None or not self._is_usable(kept):
            raise error
        self.counters.stale += 1
        return kept.whole

    def _ask(self, reference: Reference, deadline_s: float, *, force_refresh: bool) -> Secret:
        sources: Sequence[Source] = self._sources[::-1] if force_refresh else self._sources
        if reference.service == "env":
            sources = [self._environment]
        said: list[str] = []
        worst: type[SecretError] = Refused
        for source in sources:
            try:
                return self._from(source, reference, deadline_s)
            except SecretError as error:
                said.append(str(error))
                if isinstance(error, Failed):
                    worst = Failed
                elif source.name == "aws":
                    # The store itself has spoken.
                    worst = Refused
                    break
        raise worst(f"{reference}: {'; '.join(said) or 'there is nobody to ask'}")

    def _from(self, source: Source, reference: Reference, deadline_s: float) -> Secret:
        try:
            with span("secret fetch", {"source": source.name}, kind="client"):
                whole = source.fetch(reference, deadline_s)
        except SecretError:
            self.counters.failed[source.name] += 1
            raise
        self.counters.fetched[source.name] += 1
        return whole

    def _entry(self, reference: Reference) -> _Kept:
        with self._lock:
            return self._kept.setdefault(reference.whole, _Kept())

    def _is_usable(self, kept: _Kept) -> bool:
        return kept.whole is not None and self._since(kept.fetched_at) <= kept.ttl_s + self._stale_s

    def _is_fresh(self, kept: _Kept) -> bool:
        return self._since(kept.fetched_at) < kept.ttl_s

    def _since(self, moment: Moment) -> float:
        return clocks.elapsed_s(moment, self._clock())

    def _reset_in_child(self) -> None:
        self._lock = threading.Lock()
        self.clear()


def _picked(whole: Secret, reference: Reference) -> Secret:
    if reference.key is None:
        return whole
    found = as_object(whole).get(reference.key)
    if isinstance(found, bool) or not isinstance(found, str | int):
        # Not which keys there are: whoever has put the secret there may have mixed up names and values.
        raise Refused(f"{reference}: the secret is no JSON object with a text under this key")
    return Secret(str(found))


def as_object(whole: Secret) -> dict[str, object]:
    """The JSON object that a secret is; empty when it is none."""
    try:
        found = orjson.loads(whole.reveal())
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


_default: Store | None = None
_making = threading.Lock()


def default(settings: Settings | None = None) -> Store:
    """The environment's store, made at first use and kept for the life of the process.

    Whoever comes first says how long secrets are believed: `settings`, or the environment's.
    """
    global _default  # noqa: PLW0603 - one environment, one store
    with _making:
        if _default is None:
            settings = settings or Settings.from_env()
            counters = Counters()
            extension = Extension.found(os.environ, counters)
            sources: list[Source] = [Aws(counters)] if extension is None else [extension, Aws(counters)]
            _default = Store(sources, counters, ttl_s=settings.secrets_ttl_s, stale_s=settings.secrets_stale_s)
            collect(counters.as_metrics)
            _register_hooks(_default)
        return _default


def get_secret(reference: str | Reference, *, force_refresh: bool = False) -> Secret:
    """The secret that a reference names, from the environment's store: `get_secret("prod/openai#key").reveal()`.

    It is fetched once and believed for five minutes (ORG_COMMON_SECRETS_TTL_S): call this each time the secret is
    needed, and keep it nowhere. `Unavailable` while nobody can be asked, `OrgError` for one that is not there.
    """
    given = Reference.parse(reference) if isinstance(reference, str) else reference
    return default().get(given, force_refresh=force_refresh)


def _register_hooks(store: Store) -> None:
    """Clear the store before a snapshot and after a restore: no snapshot holds a secret, and a restore fetches anew."""
    if startup.initialization_type() == startup.SNAP_START:
        startup.before_snapshot(store.clear)
        startup.after_restore(store.clear)
