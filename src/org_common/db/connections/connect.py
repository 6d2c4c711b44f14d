"""Opening a connection, and why it did not open."""

from __future__ import annotations

import os
import re
import select
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, PollingStatus, Trace
from psycopg.pq.abc import PGconn as AnyPGconn

from org_common.config.settings import SettingsError
from org_common.db.connections.retry import Action, Phase, Signal, action, signal
from org_common.values.errors import OrgError

# All four of the TCP settings: with `tcp_user_timeout` alone a path that dies while we wait for the answer still hangs
# at 20 s, with the keepalives it is an error after 2 s (measured with real packet loss).
_ALWAYS: dict[str, str | int] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 2000,
    "keepalives": 1,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "target_session_attrs": "read-write",
    "client_encoding": "UTF8",
    # Asked for by nobody here, and its negotiation costs a round trip.
    "gssencmode": "disable",
}
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
# Where systems keep the authorities that they trust: Amazon Linux (Lambda), Debian, macOS and Alpine. libpq looks into
# the home folder alone, and what `sslrootcert=system` means to the OpenSSL of psycopg's wheel is a folder that nobody
# has (/usr/lib/psycopg-openssl).
_ROOT_FILE = "/.postgresql/root.crt"
AUTHORITIES = ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem")
# Less than `tcp_user_timeout`: or the kernel gives up first now and then (2 of 40), and silence looks like a refusal.
CONNECT_TIMEOUT_S = 1.9
# All tries together.
CONNECTING_S = 2.9

# All of these are compiled when a connection has failed: at import they took a millisecond of each cold start.
_SQLSTATE = rb'ErrorResponse\t.*? C "([0-9A-Z]{5})"'
# What a server says begins with how bad it is, in its language; libpq's own words do not.
_SAID = r"failed: \S+:  "
_UNTRUSTED = r"certificate verify failed|root certificate file|does not match host name|does not support SSL"
# libpq tells no SQLSTATE of a connection that fails, only these texts. PgBouncer, always English, has one for all.
_TEXTS = (
    ("too many clients|remaining connection slots|too many connections|no more connections allowed", "53300"),
    ("password authentication failed|SASL authentication failed", "28P01"),
    ("the database system is (starting up|not yet accepting|shutting down)|is in recovery mode", "57P03"),
    ("terminating connection due to", "57P01"),
    ("database .* does not exist", "3D000"),
    ("role .* (does not exist|is not permitted to log in)", "28000"),
    ("pgbouncer cannot connect|server login|query_wait_timeout|client_login_timeout", "08P01"),
)


class ConnectFailed(Exception):
    """No connection. `signal` says what kind of failure it was, `sqlstate` is the reason of a server that answered."""

    def __init__(self, message: str, sqlstate: str | None, found: Signal | None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.signal = found

    @property
    def is_final(self) -> bool:
        """Another try would fail as well."""
        return action(self.signal, Phase.CONNECT) is not Action.BACK_OFF


class Raw(psycopg.Connection[Any]):
    """A psycopg connection in pipeline mode and autocommit, opened within a deadline. Only its `pgconn` is used."""

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Raw:
        """`ConnectFailed` says why not. `deadline_s` is on the clock of `time.monotonic()`."""
        deadline_s: float = kwargs.get("deadline_s", time.monotonic() + CONNECT_TIMEOUT_S)
        connection = cls(_open(conninfo, deadline_s))
        connection._autocommit = True
        return connection


def conninfo(url: str, application_name: str) -> str:
    """The URL with what is always set; what the URL says itself wins. Never `options`: poolers refuse it.

    Its `connect_timeout` is read by nobody: see `CONNECT_TIMEOUT_S`.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Raised outside of this block: libpq repeats what it could not parse, and that may be the password.
        given = None
    if given is None:
        # A traceback may be printed with its variables.
        del url
        raise OrgError from SettingsError(
            "the database's URL cannot be parsed. Special characters of the password are encoded: @ is %40, / is %2F"
        )
    if given.get("host") not in _LOCAL:
        # Anything weaker accepts whoever answers (libpq documentation, section 34.19.1).
        given.setdefault("sslmode", "verify-full")
        if given["sslmode"] == "verify-full":
            _trust(given)
    return make_conninfo("", **{**_ALWAYS, "application_name": application_name, **given})


def _trust(given: dict[str, Any]) -> None:
    """The system's authorities, unless the URL, libpq's variable or its file say which."""
    exists, home = os.path.exists, os.path.expanduser("~")  # noqa: PTH111 - Path refuses where there is no home
    if "sslrootcert" in given or "PGSSLROOTCERT" in os.environ or exists(home + _ROOT_FILE):
        return
    found = next(filter(exists, AUTHORITIES), None)
    if found is not None:
        given["sslrootcert"] = found


def _open(conninfo: str, deadline_s: float) -> AnyPGconn:
    def open_host(host: str, deadline_s: float) -> AnyPGconn:
        return _first(_addresses(host, deadline_s), _open_address, deadline_s)

    pgconn = _first(_hosts(conninfo), open_host, deadline_s)
    pgconn.nonblocking = 1
    pgconn.enter_pipeline_mode()
    return pgconn


def _first(ways: Sequence[str], open_: Callable[[str, float], AnyPGconn], deadline_s: float) -> AnyPGconn:
    """What opens first. Each gets its share of the time, so that one that drops packets leaves some for the next.

    Left to libpq, all of them have but one deadline: its `connect_timeout` is not for those who poll.
    """
    failure: ConnectFailed | None = None
    for at, way in enumerate(ways):
        now_s = time.monotonic()
        try:
            return open_(way, now_s + (deadline_s - now_s) / (len(ways) - at))
        except ConnectFailed as failed:
            # As libpq: what a server said that is up, another would say too.
            if failed.signal not in (Signal.MUTE, Signal.STARTING):
                raise
            # Of several the one that may be gone in a moment.
            if failure is None or failure.is_final:
                failure = failed
    assert failure is not None
    raise failure


def _open_address(conninfo: str, deadline_s: float) -> AnyPGconn:
    try:
        return _start(conninfo, deadline_s)
    except ConnectFailed as failed:
        if failed.sqlstate or not re.search(_SAID, str(failed)) or sys.platform != "linux":
            raise
    # Said in words that we do not know, those of another language say. Not at each connection: psycopg does not give
    # back the 4.6 kB that a trace takes.
    return _start_traced(conninfo, deadline_s)


def _start(conninfo: str, deadline_s: float, trace: int | None = None) -> AnyPGconn:
    """With `trace`, a file, the SQLSTATE is read from what libpq writes there, whatever the server's language."""
    pgconn = PGconn.connect_start(conninfo.encode())
    if trace is not None:
        pgconn.trace(trace)
        pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
    status = _poll(pgconn, deadline_s)
    if trace is not None:
        pgconn.untrace()
    if status == PollingStatus.OK:
        return pgconn
    message = pgconn.get_error_message().strip()
    sqlstate = _guessed(message) or (_traced(trace) if trace is not None else None)
    pgconn.finish()
    if status is None:
        raise ConnectFailed("no answer in time", sqlstate, Signal.MUTE)
    if sqlstate:
        raise ConnectFailed(message, sqlstate, signal(sqlstate))
    # No server spoke: refused, unknown name, broken off; or not the one that was meant.
    raise ConnectFailed(message, None, Signal.UNTRUSTED if re.search(_UNTRUSTED, message) else Signal.STARTING)


def _start_traced(conninfo: str, deadline_s: float) -> AnyPGconn:
    trace = os.memfd_create("libpq")
    try:
        return _start(conninfo, deadline_s, trace)
    finally:
        os.close(trace)


def _hosts(conninfo: str) -> list[str]:
    """One for each host of a list (`host=writer,reader`), in the order in which libpq would try them."""
    given = conninfo_to_dict(conninfo)
    lists = {name: str(given[name]).split(",") for name in ("host", "hostaddr", "port") if given.get(name)}
    count = max(len(lists.get("host", ())), len(lists.get("hostaddr", ())))
    # Lists that do not match are libpq's to refuse, and those that it walks through twice to walk.
    if (
        count < 2
        or any(len(each) != count and (name != "port" or len(each) > 1) for name, each in lists.items())
        or given.get("target_session_attrs") == "prefer-standby"
    ):
        return [conninfo]
    found = [
        make_conninfo(conninfo, **{name: each[at % len(each)] for name, each in lists.items()}) for at in range(count)
    ]
    if given.get("load_balance_hosts") == "random":
        from random import shuffle

        shuffle(found)
    return found


def _addresses(conninfo: str, deadline_s: float) -> list[str]:
    """One for each address of the host: libpq would wait for the resolver as long as that likes (10 s seen)."""
    given = conninfo_to_dict(conninfo)
    host = str(given.get("host") or "")
    if "hostaddr" in given or not host or "," in host or host.startswith("/") or host in _LOCAL:
        return [conninfo]
    from org_common.lifecycle.timeout import run_with_timeout  # here, as an address or this machine needs none

    try:
        found = run_with_timeout(lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM), deadline_s)
    except TimeoutError:
        raise ConnectFailed("no answer from the resolver in time", None, Signal.MUTE) from None
    except OSError:
        raise ConnectFailed(f"no address of {host}", None, Signal.STARTING) from None
    return [make_conninfo(conninfo, hostaddr=address) for address in dict.fromkeys(str(each[4][0]) for each in found)]


def _poll(pgconn: AnyPGconn, deadline_s: float) -> PollingStatus | None:
    """None when the time was up first."""
    while True:
        status = PollingStatus(pgconn.connect_poll())
        if status in (PollingStatus.OK, PollingStatus.FAILED):
            return status
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN if status == PollingStatus.READING else select.POLLOUT)
        if not poll.poll(max((deadline_s - time.monotonic()) * 1000, 0)):
            return None


def _traced(trace: int) -> str | None:
    os.lseek(trace, 0, os.SEEK_SET)
    codes = re.findall(_SQLSTATE, os.read(trace, 1 << 20))
    return codes[-1].decode() if codes else None


def _guessed(message: str) -> str | None:
    return next((sqlstate for text, sqlstate in _TEXTS if re.search(text, message)), None)
