"""PgBouncer 1.18 between a function and its server: what it says itself, and what it does when it is restarted."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from threading import Timer
from urllib.parse import urlsplit

import pytest

from org_common.db.connections.connect import CONNECT_TIMEOUT_S, ConnectFailed, Raw, conninfo
from org_common.db.connections.connection import Single, Source
from org_common.db.connections.retry import Phase, Signal
from tests.faults.bench import GIVEN_UP_S, Bench, without_tls
from tests.faults.test_connect import refused
from tests.faults.test_rotation import Store
from tests.support.lab import Lab, until
from tests.support.pgbouncer import PgBouncer
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault, pytest.mark.pooler]


def pooler(lab: Lab, upstream: str = "", **settings: str) -> PgBouncer:
    users = {"app_login": urlsplit(lab.local.login_url).password or ""}
    return PgBouncer.start(upstream or lab.local.login_url, users=users, pool_size=1, settings=settings)


def failure(url: str) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as raised:
        Raw.connect(conninfo(url, "faults"), deadline_s=time.monotonic() + CONNECT_TIMEOUT_S).close()
    return raised.value


def test_wrong_password_is_told_apart(lab: Lab, report: Report) -> None:
    """PgBouncer 1.18 has one SQLSTATE for whatever it says itself, 08P01, and speaks English."""
    with report.case("refusals of PgBouncer told apart"), pooler(lab) as pgbouncer:
        url = without_tls(pgbouncer.url(lab.local.login_url))
        failed = failure(url.replace(str(urlsplit(url).password), "yesterdays-password"))

        assert failed.signal is Signal.PASSWORD, failed


def test_rotation(lab: Lab, make_bench: Callable[[Source], Bench], report: Report) -> None:
    """The secret of the cache is not that of PgBouncer any more."""
    with report.case("password rotations at PgBouncer: one refresh, request answered"), pooler(lab) as pgbouncer:
        url = without_tls(pgbouncer.url(lab.local.login_url))
        store = Store(url.replace(str(urlsplit(url).password), "yesterdays-password"))
        store.current = url
        bench = make_bench(Single(lab.settings, store))
        seen = bench.read()
        bench.source.close()

        assert (seen.status, store.reads, bench.source.counters.refreshed) == (200, 1, 1), seen


def test_too_many_clients_is_worth_another_try(lab: Lab, report: Report) -> None:
    with ExitStack() as stack, report.case("refusals of PgBouncer told apart"):
        pgbouncer = stack.enter_context(pooler(lab, max_client_conn="2"))
        url = conninfo(without_tls(pgbouncer.url(lab.local.login_url)), "faults")
        with pytest.raises(ConnectFailed) as raised:
            for _ in range(3):
                stack.enter_context(closing(Raw.connect(url)))

        assert raised.value.signal in (Signal.FULL, Signal.LOST), raised.value


def test_pooler_without_a_server(lab: Lab, make_bench: Callable[[Source], Bench], report: Report) -> None:
    run = "requests through a PgBouncer whose server is down: 503 within 3 s"
    with ExitStack() as stack, pooler(lab, refused(lab, stack)) as pgbouncer:
        bench = make_bench(Single(lab.through(without_tls(pgbouncer.url(lab.local.login_url)))))
        with report.case(run):
            seen = bench.send("GET", "/notes", timeout_s=29)
            report.sample(run, "answered after, s", seen.took_s)
            assert (seen.status, seen.code) == (503, "unavailable"), seen
            assert seen.took_s <= GIVEN_UP_S
        bench.source.close()


def test_restart_of_the_pooler(lab: Lab, make_bench: Callable[[Source], Bench], report: Report) -> None:
    """Between two requests it is not noticed; within a transaction nothing is kept; at COMMIT it is found out."""
    run = "restarts of PgBouncer: verdict right"
    with pooler(lab) as pgbouncer:
        bench = make_bench(Single(lab.through(without_tls(pgbouncer.url(lab.local.login_url)))))
        assert bench.read().status == 200
        with report.case(run):
            pgbouncer.restart()
            assert bench.read().status == 200
        for phase in (Phase.WRITE, Phase.COMMIT):
            with report.case(run):
                bench.faults = {phase: pgbouncer.restart}
                seen = bench.write()
                assert (seen.status, seen.code) == (503, "concurrent_change"), seen
                assert until(lab.is_quiet)
                assert lab.notes() == []
        bench.source.close()


def test_pause_of_the_pooler(lab: Lab, make_bench: Callable[[Source], Bench], report: Report) -> None:
    """As for a failover behind it: requests wait, as long as they have time."""
    run = "requests over PAUSE and RESUME of PgBouncer: answered, or given up before the limit"
    with pooler(lab) as pgbouncer:
        bench = make_bench(Single(lab.through(without_tls(pgbouncer.url(lab.local.login_url)))))
        assert bench.read().status == 200
        pgbouncer.pause()
        with report.case(run):
            late = bench.read(timeout_s=1)
            assert (late.status, late.code) == (504, "timeout"), late
            assert late.left_s > 0
        Timer(0.3, pgbouncer.resume).start()
        with report.case(run):
            waited = bench.write(timeout_s=8)
            assert waited.status == 200, waited
            assert lab.notes() == [1, 2]
        bench.source.close()
