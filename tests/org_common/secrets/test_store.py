"""How long a secret is believed, who is asked, and what happens when nobody answers. Clocks are handed in."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from org_common import get_secret
from org_common.config.settings import Settings
from org_common.secrets import store as module
from org_common.secrets.aws import Aws
from org_common.secrets.counters import SecretCounters
from org_common.secrets.extension import Extension
from org_common.secrets.source import Failed, Refused, SecretError
from org_common.secrets.store import Store, default, reset_default
from org_common.telemetry import trace
from org_common.telemetry.metrics import merge_pending
from org_common.telemetry.otel import OpenTelemetry
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Reference, Secret
from tests.support.extension import FakeExtension
from tests.support.spans import finished, record
from tests.support.store import FakeStore

APP = Reference.parse("prod/app")
TTL_S, STALE_S = 300.0, 3600.0


class Clock:
    """Two clocks that do not always go together."""

    def __init__(self) -> None:
        self.wall_s, self.monotonic_s = 1_000_000.0, 500.0

    def __call__(self) -> tuple[float, float]:
        return self.wall_s, self.monotonic_s

    def go(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds


class Place:
    """A source that says what the test wants it to."""

    def __init__(self, name: str = "aws", text: str = "first") -> None:
        self.name = name
        self.text = text
        self.error: SecretError | None = None
        self.asked = 0
        self.forgotten = 0
        self.gate: threading.Event | None = None
        self.deadline_s = 0.0
        self.region: str | None = None

    def serves(self, reference: Reference) -> bool:
        return self.region is None or reference.region in (None, self.region)

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        self.asked += 1
        self.deadline_s = deadline_s
        if self.gate is not None:
            self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return Secret(self.text)

    def forget(self) -> None:
        self.forgotten += 1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def store(place: Place, clock: Clock, counters: SecretCounters) -> Store:
    return Store([place], counters, ttl_s=TTL_S, stale_s=STALE_S, clock=clock)


def test_it_is_fetched_once_and_believed(store: Store, place: Place, clock: Clock) -> None:
    for _ in range(5):
        assert store.get(APP).reveal() == "first"
        clock.go(TTL_S / 6)

    assert place.asked == 1
    assert store.counters.as_dict()["hits"] == 4
    assert store.counters.fetched == {"aws": 1}


def test_a_source_that_does_not_serve_the_secret_is_not_asked(clock: Clock, counters: SecretCounters) -> None:
    near, anywhere = Place("extension"), Place("aws", "far")
    near.region = "eu-west-1"
    store = Store([near, anywhere], counters, clock=clock)
    far = "arn:aws:secretsmanager:us-east-1:123456789012:secret:far-AbCdEf"

    for force_refresh in (False, True):
        assert store.get(Reference.parse(far), force_refresh=force_refresh).reveal() == "far"
    assert store.get(APP).reveal() == "first"
    assert (near.asked, anywhere.asked) == (1, 2)
    assert counters.failed == {}


def test_after_its_time_it_is_fetched_again(store: Store, place: Place, clock: Clock) -> None:
    store.get(APP)
    place.text = "second"
    clock.go(TTL_S * 1.2)

    assert store.get(APP).reveal() == "second"


@pytest.mark.parametrize("which", ["wall_s", "monotonic_s"])
def test_age_is_by_the_clock_that_went_further(store: Store, place: Place, clock: Clock, which: str) -> None:
    """A frozen environment's monotonic clock may stand still, and a wall clock may be set back."""
    store.get(APP)
    setattr(clock, which, getattr(clock, which) + TTL_S * 1.2)
    store.get(APP)

    assert place.asked == 2


def test_environments_do_not_expire_together(place: Place, clock: Clock) -> None:
    stores = [Store([place], SecretCounters(), ttl_s=TTL_S, clock=clock) for _ in range(100)]
    for store in stores:
        store.get(APP)
    clock.go(TTL_S)
    for store in stores:
        store.get(APP)

    assert 110 < place.asked < 190


def test_a_value_of_an_object_is_picked_and_fetched_once(store: Store, place: Place) -> None:
    place.text = '{"username": "app", "port": 5432, "flag": true, "nested": {"password": "x"}}'

    assert store.get(Reference.parse("prod/app#username")).reveal() == "app"
    assert store.get(Reference.parse("prod/app#port")).reveal() == "5432"
    assert place.asked == 1


@pytest.mark.parametrize("text", ["no json", '"text"', "[]", '{"user": "x"}', '{"password": true}', '{"password": {}}'])
def test_a_value_that_is_not_there_is_told_without_what_is(store: Store, place: Place, text: str) -> None:
    place.text = text

    with pytest.raises(OrgError) as raised:
        store.get(Reference.parse("prod/app#password"))

    assert raised.value.status == 500
    assert (
        str(raised.value.__cause__) == "prod/app#password: the secret is not a JSON object with a string under this key"
    )
    assert raised.value.__cause__ is not None
    assert raised.value.__cause__.__context__ is None


def test_nobody_can_be_asked_and_nothing_is_known(store: Store, place: Place) -> None:
    place.error = Failed("it was busy")

    with pytest.raises(Unavailable) as raised:
        store.get(APP)

    assert str(raised.value.__cause__) == "prod/app: it was busy"


def test_a_refusal_is_a_fault_of_the_set_up(store: Store, place: Place) -> None:
    place.error = Refused("there is none")

    with pytest.raises(OrgError) as raised:
        store.get(APP)

    assert (raised.value.status, raised.value.code) == (500, "misconfigured")
    assert "prod/app" not in str(raised.value)


@pytest.mark.parametrize("error", [Failed("down"), Refused("denied")], ids=str)
def test_the_store_is_down_for_15_minutes(store: Store, place: Place, clock: Clock, error: SecretError) -> None:
    store.get(APP)
    clock.go(TTL_S)
    place.error = error
    asked = place.asked

    for _ in range(15 * 60):
        assert store.get(APP).reveal() == "first"
        clock.go(1)

    # Not each request is the one that waits for a store which does not answer.
    assert place.asked - asked <= 15 * 60 / module.PAUSE_S + 1
    assert store.counters.stale > 800


def test_back_again_it_is_asked_soon(store: Store, place: Place, clock: Clock) -> None:
    store.get(APP)
    clock.go(TTL_S * 1.2)
    place.error = Failed("down")
    store.get(APP)
    place.error, place.text = None, "second"
    clock.go(module.PAUSE_S + 1)

    assert store.get(APP).reveal() == "second"


def test_an_old_value_is_not_believed_for_ever(store: Store, place: Place, clock: Clock) -> None:
    store.get(APP)
    place.error = Failed("down")
    clock.go(TTL_S * 1.2 + STALE_S)

    with pytest.raises(Unavailable):
        store.get(APP)


def test_a_refresh_asks_whatever_is_known(store: Store, place: Place) -> None:
    store.get(APP)
    place.text = "second"

    assert store.get(APP).reveal() == "first"
    assert store.get(APP, force_refresh=True).reveal() == "second"
    assert store.get(APP).reveal() == "second"
    assert (place.asked, store.counters.refreshed) == (2, 1)


def test_a_refresh_that_fails_leaves_the_old_value_and_is_not_repeated_at_once(
    store: Store, place: Place, clock: Clock
) -> None:
    store.get(APP)
    place.error = Failed("down")
    for _ in range(5):
        assert store.get(APP, force_refresh=True).reveal() == "first"
    assert place.asked == 2

    clock.go(module.FORCED_PAUSE_S + 1)
    place.error, place.text = None, "second"
    assert store.get(APP, force_refresh=True).reveal() == "second"


@pytest.mark.parametrize("force_refresh", [False, True])
def test_threads_that_ask_at_once_are_one_fetch(store: Store, place: Place, *, force_refresh: bool) -> None:
    if force_refresh:
        store.get(APP)
    asked = place.asked
    place.gate = threading.Event()
    with ThreadPoolExecutor(16) as pool:
        found = [pool.submit(store.get, APP, force_refresh=force_refresh) for _ in range(16)]
        deadline_s = time.monotonic() + 10
        while store.counters.waits < 15 and time.monotonic() < deadline_s:
            time.sleep(0.001)
        place.gate.set()
        texts = {each.result().reveal() for each in found}

    assert texts == {"first"}
    assert place.asked - asked == 1


def waited(store: Store, number: int) -> bool:
    deadline_s = time.monotonic() + 10
    while store.counters.waits < number and time.monotonic() < deadline_s:
        time.sleep(0.001)
    return store.counters.waits == number


def test_a_refresh_is_not_content_with_what_another_thread_has_from_a_cache(counters: SecretCounters) -> None:
    """The server has refused that password: the extension has it still, and the store a new one."""
    cache, aws = Place("extension", "cached"), Place("aws", "new")
    cache.gate = threading.Event()
    store = Store([cache, aws], counters)
    with ThreadPoolExecutor(2) as pool:
        unforced = pool.submit(store.get, APP)
        while not cache.asked:
            time.sleep(0.001)
        forced = pool.submit(store.get, APP, force_refresh=True)
        assert waited(store, 1)
        cache.gate.set()

    assert (unforced.result().reveal(), forced.result().reveal()) == ("cached", "new")
    assert (cache.asked, aws.asked) == (1, 1)


@pytest.mark.parametrize("error", [Failed("down"), Refused("denied")], ids=str)
def test_threads_that_wait_for_a_fetch_share_its_failure(store: Store, place: Place, error: SecretError) -> None:
    place.gate, place.error = threading.Event(), error
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(store.read, APP) for _ in range(8)]
        assert waited(store, 7)
        place.gate.set()
        raised = [each.exception() for each in found]

    assert {(type(each), str(each)) for each in raised} == {(type(error), f"prod/app: {error}")}
    assert place.asked == 1
    # Whoever comes later asks himself.
    with pytest.raises(type(error)):
        store.read(APP)
    assert place.asked == 2


def test_who_has_more_time_than_the_one_who_failed_asks_himself(store: Store, place: Place) -> None:
    place.gate, place.error = threading.Event(), Failed("no answer in time")
    with ThreadPoolExecutor(2) as pool:
        short = pool.submit(store.read, APP, deadline_s=time.monotonic() + 0.5)
        while not place.asked:
            time.sleep(0.001)
        long = pool.submit(store.read, APP)
        assert waited(store, 1)
        place.gate.set()

    assert (type(short.exception()), type(long.exception())) == (Failed, Failed)
    assert place.asked == 2


def test_the_wait_for_another_thread_s_fetch_ends_in_time(store: Store, place: Place, clock: Clock) -> None:
    place.gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(store.get, APP)
        while not place.asked:
            time.sleep(0.001)
        # The other fetch goes on: without a deadline this one would wait for it.
        with pytest.raises(Unavailable):
            store.get(APP, deadline_s=time.monotonic() + 0.1)
        assert not other.done()
        place.gate.set()
        other.result()

        # With an old value he goes on.
        clock.go(TTL_S * 1.2)
        place.gate.clear()
        other = pool.submit(store.get, APP)
        while place.asked < 2:
            time.sleep(0.001)
        assert store.get(APP, deadline_s=time.monotonic() + 0.1).reveal() == "first"
        place.gate.set()


@pytest.mark.parametrize("left_s", [2.0, 60.0])
def test_sources_are_told_until_when(store: Store, place: Place, left_s: float) -> None:
    began_s = time.monotonic()
    store.get(APP, deadline_s=began_s + left_s)

    assert place.deadline_s == pytest.approx(began_s + min(left_s, module.FETCH_S), abs=0.5)


def test_the_cheaper_place_is_asked_first_and_the_store_for_what_must_be_new(counters: SecretCounters) -> None:
    cache, aws = Place("extension", "cached"), Place("aws", "new")
    store = Store([cache, aws], counters)

    assert store.get(APP).reveal() == "cached"
    assert store.get(APP, force_refresh=True).reveal() == "new"
    assert counters.fetched == {"extension": 1, "aws": 1}


@pytest.mark.parametrize("error", [Failed("400"), Refused("401")], ids=str)
def test_who_fails_is_followed_by_the_next(counters: SecretCounters, error: SecretError) -> None:
    cache, aws = Place("extension"), Place("aws", "of aws")
    cache.error = error

    assert Store([cache, aws], counters).get(APP).reveal() == "of aws"
    assert (counters.failed, counters.fetched) == ({"extension": 1}, {"aws": 1})


def test_a_refresh_without_the_store_takes_what_the_cache_has(counters: SecretCounters) -> None:
    cache, aws = Place("extension", "cached"), Place("aws")
    aws.error = Failed("down")

    assert Store([cache, aws], counters).get(APP, force_refresh=True).reveal() == "cached"


def test_what_everyone_said_is_told(counters: SecretCounters) -> None:
    cache, aws = Place("extension"), Place("aws")
    cache.error, aws.error = Failed("the extension answered 400"), Refused("there is none")

    with pytest.raises(OrgError) as raised:
        Store([cache, aws], counters).get(APP)

    assert raised.value.status == 500
    assert str(raised.value.__cause__) == "prod/app: the extension answered 400; there is none"


# From Python 3.12 on a fork with threads about is warned of: the child here does nothing that they could hold.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_begins_with_nothing(store: Store, place: Place) -> None:
    store.get(APP)
    child = os.fork()
    if child == 0:
        try:
            store.get(APP)
            os._exit(0 if (place.asked, place.forgotten) == (2, 1) else 1)
        finally:
            os._exit(2)

    assert os.waitpid(child, 0)[1] == 0
    assert (place.asked, place.forgotten) == (1, 0)


# From Python 3.12 on a fork with threads about is warned of: the child here does nothing that they could hold.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_lock_of_the_parent_does_not_hold_the_child(store: Store, place: Place) -> None:
    store.get(APP)
    with store._lock, store._entries[APP.stored].lock:
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if store.get(APP, force_refresh=True).reveal() == "first" else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0


def test_a_snapshot_holds_nothing(store: Store, place: Place) -> None:
    store.get(APP)
    store.clear()

    assert store._entries == {}
    assert place.forgotten == 1
    assert store.get(APP).reveal() == "first"


@pytest.fixture
def fresh_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_INITIALIZATION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    reset_default()
    yield
    reset_default()


def test_secrets_of_the_environment(fresh_default: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_KEY", '{"key": "of-the-test"}')

    assert get_secret("env:OPENAI_KEY#key") == Secret("of-the-test")
    assert get_secret(Reference.parse("env:OPENAI_KEY")).reveal().startswith("{")
    assert default().counters.fetched == {"environment": 1}


@pytest.fixture
def tracer() -> Iterator[None]:
    trace.tracer = OpenTelemetry()
    yield
    trace.tracer = None


@pytest.mark.usefixtures("fresh_default", "tracer")
def test_source_that_answered_is_a_metric_and_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    merge_pending(into={})
    monkeypatch.setenv("APP_PASSWORD", "hunter2")
    record()

    get_secret("env:APP_PASSWORD")

    assert merge_pending(into={}) == {"SecretsFromEnvironment": ("Count", 1)}
    made = finished()["secret fetch"]
    assert dict(made.attributes or {}) == {"source": "environment"}
    assert "hunter2" not in made.to_json()


def test_the_first_settings_say_how_long(fresh_default: None) -> None:
    store = default(Settings(secrets_ttl_s=7, secrets_stale_s=9))

    assert default() is store
    assert (store._ttl_s, store._stale_s) == (7, 9)


def test_before_a_snapshot_it_is_emptied(fresh_default: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import snapshot_restore_py  # type: ignore[import-untyped]

    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    monkeypatch.setenv("SOME_KEY", "of-the-test")
    before, after = (
        list(hooks) for hooks in (snapshot_restore_py.get_before_snapshot(), snapshot_restore_py.get_after_restore())
    )
    get_secret("env:SOME_KEY")

    [hook] = [each for each in snapshot_restore_py.get_before_snapshot() if each not in before]
    [restored] = [each for each in snapshot_restore_py.get_after_restore() if each not in after]
    hook[0](*hook[1], **hook[2])

    assert default()._entries == {}
    assert restored[0] == default().clear


@pytest.mark.parametrize("fault", [None, 400, "slow", "junk", "half", "absent"], ids=str)
def test_a_secret_is_had_whatever_is_wrong_with_the_extension(
    extension: FakeExtension,
    aws_store: FakeStore,
    client_of_store: Aws,
    counters: SecretCounters,
    fault: int | str | None,
) -> None:
    aws_store.secrets["prod/app"] = extension.secrets["prod/app"] = "of the test"
    extension.always = None if fault == "absent" else fault
    port = 1 if fault == "absent" else extension.port
    store = Store([Extension(port, extension.environ, counters, total_s=0.4), client_of_store], counters)

    assert store.get(APP).reveal() == "of the test"
    assert counters.fetched == {"extension" if fault is None else "aws": 1}
    assert aws_store.reads == (0 if fault is None else 1)
