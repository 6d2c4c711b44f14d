"""Why a connection does not open: told apart by what the server says, in any language, and given up within 3 s."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from org_common.db.connections.connect import ConnectFailed, Raw, conninfo
from org_common.db.connections.connection import Single, Source
from org_common.db.connections.pool import Pooled
from org_common.db.connections.retry import TABLE, Action, Phase, Signal
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.faults.bench import GIVEN_UP_S, Bench, without_tls
from tests.faults.child import ROOT, environment
from tests.faults.front import Front, refusal
from tests.faults.logins import PASSWORD, login
from tests.support.lab import Lab
from tests.support.proxy import relocated
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

CLASSES = "classes of connect errors told apart, answered 503 within 3 s"
# The URL of a database that cannot be reached so.
Unreachable = Callable[[Lab, ExitStack], str]


def wrong_password(lab: Lab, stack: ExitStack) -> str:
    return stack.enter_context(login(lab, "wrong")).replace(PASSWORD, "yesterdays-password")


def no_such_login(lab: Lab, stack: ExitStack) -> str:
    """To a stranger the server does not say that there is no such login."""
    return stack.enter_context(login(lab, "absent")).replace("absent_", "absent__")


def no_login(lab: Lab, stack: ExitStack) -> str:
    url = stack.enter_context(login(lab, "nologin"))
    with psycopg.connect(lab.local.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("alter role {} nologin").format(sql.Identifier(str(conninfo_to_dict(url)["user"]))))
    return url


def no_such_database(lab: Lab, stack: ExitStack) -> str:
    return lab.local.login_url.replace(lab.local.name, "nowhere")


def query(value: str) -> Unreachable:
    """A parameter whose value libpq refuses before it connects."""
    return lambda lab, _: lab.local.login_url + ("&" if "?" in lab.local.login_url else "?") + value


def database_full(lab: Lab, stack: ExitStack) -> str:
    name = sql.Identifier(lab.local.name)
    admin = stack.enter_context(psycopg.connect(lab.local.admin_url, autocommit=True))
    admin.execute(sql.SQL("alter database {} connection limit 0").format(name))
    stack.callback(admin.execute, sql.SQL("alter database {} connection limit -1").format(name))
    return lab.local.login_url


def login_full(lab: Lab, stack: ExitStack) -> str:
    return stack.enter_context(login(lab, "full", "connection limit 0"))


def said(sqlstate: str, message: str, severity: str = "FATAL") -> Unreachable:
    def unreachable(lab: Lab, stack: ExitStack) -> str:
        front = stack.enter_context(Front(0, lambda _: refusal(sqlstate, message, severity)))
        return front.url(lab.local.login_url)

    return unreachable


def refused(lab: Lab, stack: ExitStack) -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return relocated(lab.local.login_url, listener.getsockname()[1])


def no_such_host(lab: Lab, stack: ExitStack) -> str:
    return lab.local.login_url.replace("127.0.0.1", "database.invalid")


def silent(lab: Lab, stack: ExitStack) -> str:
    """The kernel accepts; nobody else does."""
    listener = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
    return relocated(lab.local.login_url, listener.getsockname()[1])


GERMAN = "VERHÄNGNISVOLL"
Case = tuple[Unreachable, Signal | None, str | None]
CASES: dict[str, Case] = {
    "28P01 wrong password": (wrong_password, Signal.PASSWORD, "28P01"),
    "28P01 no such login": (no_such_login, Signal.PASSWORD, "28P01"),
    "28000 may not log in": (no_login, Signal.PASSWORD, "28000"),
    "3D000 no such database": (no_such_database, Signal.SETTINGS, "3D000"),
    "53300 too many for the database": (database_full, Signal.FULL, "53300"),
    "53300 too many for the login": (login_full, Signal.FULL, "53300"),
    "57P03 starting up": (said("57P03", "the database system is starting up"), Signal.STARTING, "57P03"),
    "57P01 shut down meanwhile": (said("57P01", "terminating connection"), Signal.LOST, "57P01"),
    "28P01 in German": (
        said("28P01", "Passwort-Authentifizierung für Benutzer »app_login« fehlgeschlagen", GERMAN),
        Signal.PASSWORD,
        "28P01",
    ),
    "3D000 in German": (said("3D000", "Datenbank »nirgends« existiert nicht", GERMAN), Signal.SETTINGS, "3D000"),
    "53300 in German": (said("53300", "tut mir leid, schon zu viele Verbindungen", GERMAN), Signal.FULL, "53300"),
    "57P03 in German": (said("57P03", "das Datenbanksystem startet", GERMAN), Signal.STARTING, "57P03"),
    "sslcertmode": (query("sslcertmode=maybe"), Signal.SETTINGS, None),
    "channel_binding": (query("channel_binding=always"), Signal.SETTINGS, None),
    "target_session_attrs": (query("target_session_attrs=writable"), Signal.SETTINGS, None),
    "load_balance_hosts": (query("load_balance_hosts=yes"), Signal.SETTINGS, None),
    "keepalives_idle": (query("keepalives_idle=soon"), Signal.SETTINGS, None),
    "require_auth": (query("require_auth=magic"), Signal.SETTINGS, None),
    "ssl_min_protocol_version": (query("ssl_min_protocol_version=TLSv9"), Signal.SETTINGS, None),
    "service": (query("service=nowhere"), Signal.SETTINGS, None),
    "port out of range": (query("port=99999"), Signal.SETTINGS, None),
    "hostaddr": (query("hostaddr=127.0.0.1,127.0.0.2"), Signal.SETTINGS, None),
    "refused": (refused, Signal.STARTING, None),
    "no such host": (no_such_host, Signal.STARTING, None),
    "no answer": (silent, Signal.UNRESPONSIVE, None),
}


@pytest.mark.parametrize("name", CASES)
def test_class(name: str, lab: Lab, make_bench: Callable[[Source], Bench], report: Report) -> None:
    unreachable, signal, sqlstate = CASES[name]
    with ExitStack() as stack, report.case(CLASSES):
        url = without_tls(unreachable(lab, stack))
        with pytest.raises(ConnectFailed) as raised:
            Raw.connect(conninfo(url, "faults"), deadline_s=time.monotonic() + 0.5)
        assert (raised.value.signal, raised.value.sqlstate) == (signal, sqlstate), raised.value

        bench = make_bench(Single(lab.through(url)))
        seen = bench.send("GET", "/notes", timeout_s=29)
        report.sample(CLASSES, "answered after, s", seen.took_s)
        if signal is Signal.SETTINGS:
            assert (seen.status, seen.code) == (500, "internal_error"), seen
            assert "retry-after" not in seen.headers
        else:
            assert (seen.status, seen.code) == (503, "unavailable"), seen
            assert int(seen.headers["retry-after"]) > 0
        assert seen.took_s <= GIVEN_UP_S


def test_through_the_pool(lab: Lab, make_bench: Callable[[Source], Bench], report: Report) -> None:
    """The pool only says that it timed out; the cause is found all the same."""
    run = "final connect errors through the pool: answered 503 at once"
    with ExitStack() as stack, report.case(run):
        url = without_tls(wrong_password(lab, stack))
        source = Pooled(lab.through(url), size=1, wait_s=25)
        seen = make_bench(source).send("GET", "/notes", timeout_s=29)
        report.sample(run, "answered after, s", seen.took_s)
        assert (seen.status, seen.code) == (503, "unavailable"), seen
        # Not when its patience has ended: the server has said that no other try mends it.
        assert seen.took_s < GIVEN_UP_S
        # No answer is a cause that the pool itself can give.
        cause = source._failure.__cause__ if source._failure else None
        assert isinstance(cause, ConnectFailed), "the cause is lost"
        assert cause.sqlstate == "28P01"


def test_each_failure_around_a_restart_is_worth_another_try(durable_server: EmbeddedPostgres, report: Report) -> None:
    """Going down, down, starting up: real ones, as they come."""
    run = "connect errors around `pg restart -m immediate` that the table tries again"
    url = conninfo(without_tls(durable_server.url), "faults")
    failures: list[ConnectFailed] = []
    ended = threading.Event()

    def knock() -> None:
        while not ended.is_set():
            try:
                # With time enough that no slow machine looks like an unresponsive server.
                Raw.connect(url, time.monotonic() + GIVEN_UP_S).close()
            except ConnectFailed as failed:
                failures.append(failed)
            time.sleep(0.001)

    with ThreadPoolExecutor(2) as pool:
        knocking = [pool.submit(knock) for _ in range(2)]
        durable_server.restart(immediate=True)
        durable_server.restart()
        ended.set()
        for each in knocking:
            each.result()

    report.run(run).facts["seen"] = dict(Counter(str(failed.sqlstate) for failed in failures))
    for failed in failures:
        with report.case(run):
            assert failed.signal is not None, failed
            assert TABLE[failed.signal, Phase.CONNECT] is Action.BACK_OFF
    assert len(failures) > 10


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a resolver of its own")
def test_mute_resolver(tmp_path: Path, report: Report) -> None:
    """The name server does not answer: libpq waits for the system's resolver, which has a patience of its own."""
    limit_s = 3
    run = "names that nobody resolves: answered before the limit"
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.77\n")
    url = "postgresql://app_login:x@database.example.com/app"
    program = f"mount --bind {resolver} /etc/resolv.conf && exec {sys.executable} -m tests.faults.child once {limit_s}"
    with (
        report.case(run),
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as mute,
    ):
        mute.bind(("127.0.0.77", 53))
        ended = subprocess.run(
            ["unshare", "--mount", "sh", "-c", program],
            cwd=ROOT,
            env=environment(url),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        told = json.loads(ended.stdout.splitlines()[-1])
        report.sample(run, f"answered after, s, of {limit_s}", told["took_ms"] / 1000)
        assert told["status"] == 503
        assert told["took_ms"] / 1000 < limit_s
