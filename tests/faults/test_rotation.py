"""The password is changed under a running function: one refresh, and no request fails."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from org_common.db.connections.connection import Single, Source
from tests.faults.bench import Bench, without_tls
from tests.faults.logins import PASSWORD, login
from tests.support.lab import Lab
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

ENVIRONMENTS = 4


class Store:
    """A secret store with a cache in front, one for each environment; `reads` are those of the store itself."""

    def __init__(self, url: str) -> None:
        self.current = url
        self.reads = 0
        self._cached = url
        self._lock = Lock()

    def __call__(self, *, force_refresh: bool = False, deadline_s: float = 0) -> str:
        with self._lock:
            if force_refresh:
                self.reads += 1
                self._cached = self.current
            return self._cached


class Rotation:
    """A login and its password."""

    def __init__(self, lab: Lab, url: str) -> None:
        self._lab = lab
        self._url = url
        self._user = str(conninfo_to_dict(url)["user"])
        self.stores = [Store(without_tls(url)) for _ in range(ENVIRONMENTS)]

    def rotate(self) -> None:
        """A new password; who is connected is thrown out, as the old one may be in wrong hands."""
        password = secrets.token_urlsafe(12)
        with psycopg.connect(self._lab.local.admin_url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("alter role {} password {}").format(sql.Identifier(self._user), sql.Literal(password))
            )
            admin.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = %s", [self._user]
            )
        for store in self.stores:
            store.current = without_tls(self._url.replace(PASSWORD, password))


@pytest.fixture
def rotation(lab: Lab) -> Iterator[Rotation]:
    with login(lab, "rotating") as url:
        yield Rotation(lab, url)


def test_requests_over_rotations(
    lab: Lab, rotation: Rotation, make_bench: Callable[[Source], Bench], report: Report, *, long_form: bool
) -> None:
    run = "requests over password rotations that succeed"
    rotations = 50 if long_form else 3
    benches = [make_bench(Single(lab.settings, store)) for store in rotation.stores]
    with ThreadPoolExecutor(ENVIRONMENTS) as pool:
        for number in range(rotations + 1):
            if number:
                rotation.rotate()
            for seen in pool.map(lambda bench: [bench.read() for _ in range(3)], benches):
                for each in seen:
                    with report.case(run):
                        assert each.status == 200, each

    report.run(run, rotations=rotations, environments=ENVIRONMENTS)
    refreshes = [store.reads for store in rotation.stores]
    report.run("reads of the secret store: one for each environment and rotation").of = ENVIRONMENTS * rotations
    report.run("reads of the secret store: one for each environment and rotation").good = sum(refreshes)
    assert refreshes == [rotations] * ENVIRONMENTS
    assert [bench.source.counters.refreshed for bench in benches] == refreshes
    for bench in benches:
        bench.source.close()


def test_store_that_is_late(lab: Lab, rotation: Rotation, make_bench: Callable[[Source], Bench]) -> None:
    """The secret has not changed: it is said at once, and not tried over and over, which could lock the login."""
    store = rotation.stores[0]
    bench = make_bench(Single(lab.settings, store))
    assert bench.read().status == 200
    late = store.current
    rotation.rotate()
    in_time, store.current = store.current, late

    seen = bench.read()
    assert (seen.status, store.reads, bench.source.counters.refreshed) == (503, 1, 0)

    store.current = in_time
    assert bench.read().status == 200
    assert (store.reads, bench.source.counters.refreshed) == (2, 1)
    bench.source.close()
