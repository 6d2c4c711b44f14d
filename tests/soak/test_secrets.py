"""The login's secret rotates under load, as Secrets Manager does it, with each fourth read throttled."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from urllib.parse import urlsplit

import pytest

from org_common.auth.rules import SIGNED_IN
from org_common.db.connections.connection import Single
from org_common.db.database import Database, transaction
from org_common.secrets.aws import Aws
from org_common.secrets.counters import SecretCounters
from org_common.secrets.login import SecretUrl
from org_common.secrets.store import Store
from org_common.tools.database.bootstrap import set_password
from org_common.values.secret import Reference
from org_common.values.types import Deadline
from tests.soak.figures import Figures
from tests.soak.scale import SEED, scaled
from tests.soak.tenants import Platform
from tests.support.handles import open_reader
from tests.support.store import FakeStore

pytestmark = pytest.mark.db

NAME = "prod/app"
ENVIRONMENTS = scaled(8, 50)
CHANGES = scaled(3, 12)
EACH_S = scaled(0.8, 5.0)
# Between the server's change and the store's, in a rotation as Secrets Manager does it.
GAP_S = scaled(0.3, 1.0)
STAMPEDE = scaled(200, 1000)


class Vault:
    """A fake of Secrets Manager with the login's secret in it."""

    def __init__(self, platform: Platform, store: FakeStore) -> None:
        self._platform = platform
        self._store = store
        parts = urlsplit(platform.local.login_url)
        self._fields = {"username": "app_login", "host": parts.hostname, "port": parts.port, "dbname": parts.path[1:]}
        self._put(NAME, platform.password)

    def at_once(self, password: str) -> None:
        """Whoever reads while it is being changed waits for the new one."""
        with self._store.lock:
            set_password(self._platform.local.migrator_url, "app_login", password)
            self._put(NAME, password)

    def step_by_step(self, password: str) -> None:
        """Pending first, then on the server, then current: in between the current one is wrong."""
        self._put(f"{NAME}?stage=AWSPENDING", password)
        set_password(self._platform.local.migrator_url, "app_login", password)
        time.sleep(GAP_S)
        self._put(NAME, password)

    def _put(self, name: str, password: str) -> None:
        self._store.secrets[name] = json.dumps({**self._fields, "password": password})


class Environment:
    """Answers requests of one tenant, on a connection that is new from time to time, with a store of its own."""

    def __init__(self, platform: Platform, aws: Aws, number: int) -> None:
        self.counters = SecretCounters()
        self.answered = 0
        self.failed: list[str] = []
        url = SecretUrl(Reference.parse(NAME), None, Store([aws], self.counters))
        settings = platform.settings()
        self.database = Database(settings, Single(settings, url))
        self._tenant = platform.tenants[number % len(platform.tenants)]
        self._random = Random(SEED + number)

    def work(self, stop: threading.Event) -> None:
        while not stop.wait(self._random.random() * 0.02):
            for _ in range(4):
                try:
                    self.request()
                except Exception as error:  # noqa: BLE001 - whatever it is, a request has failed
                    self.failed.append(f"{error!r} from {error.__cause__!r}")
                else:
                    self.answered += 1
            # A connection outlives a change of the password; who was frozen for long begins with a new one.
            self.database.close()

    def request(self) -> None:
        if self._random.random() < 0.3:
            with transaction(self._tenant.identity, database=self.database) as tx:
                assert tx.value("select auth.uid()") == self._tenant.user_id
        else:
            reader = open_reader(self.database, SIGNED_IN, self._tenant.identity, {}, Deadline.after(10))
            assert reader.value("select auth.uid()") == self._tenant.user_id


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeStore, Aws]]:
    """The store and a client of it, shared by all: making one takes botocore longer than a change of the password."""
    with FakeStore() as store:
        for name, value in store.environ.items():
            monkeypatch.setenv(name, value)
        yield store, Aws(SecretCounters())


@pytest.mark.parametrize(("way", "most_reads"), [("at_once", 1), ("step_by_step", 2)])
def test_a_rotation_fails_no_request(
    small: Platform, served: tuple[FakeStore, Aws], figures: Figures, way: str, most_reads: int
) -> None:
    store, aws = served
    vault = Vault(small, store)
    rotate: Callable[[str], None] = getattr(vault, way)
    environments = [Environment(small, aws, number) for number in range(ENVIRONMENTS)]
    for environment in environments:
        environment.request()
    assert store.reads == ENVIRONMENTS
    stop = threading.Event()
    store.throttle_each = 4
    with ThreadPoolExecutor(ENVIRONMENTS) as pool:
        ends = [pool.submit(environment.work, stop) for environment in environments]
        try:
            for _ in range(CHANGES):
                time.sleep(EACH_S)
                rotate(secrets.token_urlsafe(24))
            time.sleep(EACH_S)
        finally:
            stop.set()
        for end in ends:
            end.result()
    store.throttle_each = None
    vault.at_once(small.password)

    failed = [text for environment in environments for text in environment.failed]
    answered = sum(environment.answered for environment in environments)
    reads = [environment.counters.fetched["aws"] - 1 for environment in environments]
    figures.note(
        f"rotation through a store, {way}: requests answered",
        answered,
        answered + len(failed),
        environments=ENVIRONMENTS,
        changes=CHANGES,
        reads=sum(reads),
        most_of_one_environment=max(reads),
    )
    assert failed == []
    assert answered > ENVIRONMENTS * CHANGES
    assert max(reads) <= CHANGES * most_reads
    assert min(reads) > 0


def test_a_storm_of_environments_reads_once_each(served: tuple[FakeStore, Aws], figures: Figures) -> None:
    """With eight threads each, and a store that throttles one in ten."""
    store, aws = served
    store.secrets[NAME] = "of the test"
    store.throttle_each = 10
    stores = [Store([aws], SecretCounters()) for _ in range(STAMPEDE)]
    reference = Reference.parse(NAME)

    with ThreadPoolExecutor(32) as pool:
        found = [pool.submit(each.get, reference) for each in stores for _ in range(8)]
        texts = {each.result().reveal() for each in found}

    figures.note("storm: environments that read once", STAMPEDE, STAMPEDE, reads=store.reads)
    assert texts == {"of the test"}
    assert [each.counters.fetched["aws"] for each in stores] == [1] * STAMPEDE
    assert STAMPEDE < store.reads < STAMPEDE * 1.2
