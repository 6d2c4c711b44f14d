"""The login's password changes again and again under load: no request notices."""

from __future__ import annotations

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from org_common.auth.rules import SIGNED_IN
from org_common.db.connections.connection import Single
from org_common.db.database import Database, transaction
from org_common.tools.database.bootstrap import set_password
from org_common.values.types import Deadline
from tests.soak.figures import Figures
from tests.soak.scale import SEED, scaled
from tests.soak.tenants import Platform, Tenant
from tests.support.handles import open_reader

pytestmark = pytest.mark.db

ENVIRONMENTS = scaled(8, 50)
CHANGES = scaled(4, 12)
EACH_S = scaled(1.0, 5.0)
# A connection outlives a change of the password; environments that were frozen for long begin with a new one.
REQUESTS_EACH_CONNECTION = 4


class Vault:
    """Where the secret is. Whoever reads it while it is being changed waits for the new one."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = threading.Lock()
        self._url = platform.local.login_url

    def rotate(self, password: str) -> None:
        with self._lock:
            set_password(self._platform.local.migrator_url, "app_login", password)
            parts = urlsplit(self._url)
            host = parts.netloc.rpartition("@")[2]
            self._url = urlunsplit(parts._replace(netloc=f"app_login:{quote(password, safe='')}@{host}"))

    def read(self) -> str:
        with self._lock:
            return self._url


class Cached:
    """The secret as one environment knows it: read once, and again when it is told that it does not hold."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: str | None = None
        self.refreshes = 0

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = 0) -> str:
        if self._known is None or force_refresh:
            self._known = self._vault.read()
            self.refreshes += force_refresh
        return self._known


class Environment:
    """Answers requests of one tenant, on a connection that is new from time to time."""

    def __init__(self, platform: Platform, vault: Vault, number: int) -> None:
        self.url = Cached(vault)
        self.answered = 0
        self.failed: list[str] = []
        self._database = Database(platform.settings(), Single(platform.settings(), self.url))
        self._tenant: Tenant = platform.tenants[number % len(platform.tenants)]
        self._random = Random(SEED + number)

    def work(self, stop: threading.Event) -> None:
        while not stop.wait(self._random.random() * 0.02):
            for _ in range(REQUESTS_EACH_CONNECTION):
                try:
                    self._request()
                except Exception as error:  # noqa: BLE001 - whatever it is, a request has failed
                    self.failed.append(f"{error!r} from {error.__cause__!r}")
                else:
                    self.answered += 1
            self._database.close()

    @property
    def refreshed(self) -> int:
        return self._database.counters.refreshed

    def _request(self) -> None:
        if self._random.random() < 0.3:
            with transaction(self._tenant.identity, database=self._database) as tx:
                assert tx.value("select auth.uid()") == self._tenant.user_id
        else:
            reader = open_reader(self._database, SIGNED_IN, self._tenant.identity, {}, Deadline.after(10))
            assert reader.value("select auth.uid()") == self._tenant.user_id


def test_a_new_password_fails_no_request(small: Platform, figures: Figures) -> None:
    vault = Vault(small)
    environments = [Environment(small, vault, number) for number in range(ENVIRONMENTS)]
    stop = threading.Event()
    with ThreadPoolExecutor(ENVIRONMENTS) as pool:
        ends = [pool.submit(environment.work, stop) for environment in environments]
        try:
            for _ in range(CHANGES):
                time.sleep(EACH_S)
                vault.rotate(secrets.token_urlsafe(24))
            time.sleep(EACH_S)
        finally:
            stop.set()
        for end in ends:
            end.result()
    vault.rotate(small.password)

    failed = [text for environment in environments for text in environment.failed]
    answered = sum(environment.answered for environment in environments)
    refreshes = [environment.url.refreshes for environment in environments]
    figures.note(
        "rotation: requests answered",
        answered,
        answered + len(failed),
        environments=ENVIRONMENTS,
        changes=CHANGES,
        refreshes=sum(refreshes),
        most_of_one_environment=max(refreshes),
    )
    assert failed == []
    assert answered > ENVIRONMENTS * CHANGES
    assert max(refreshes) <= CHANGES
    assert min(refreshes) > 0
    assert [environment.refreshed for environment in environments] == refreshes
