"""Open a connection, and classify why it failed to open."""

from __future__ import annotations

import os
import re
import select
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

from psycopg.errors import Diagnostic
from psycopg.pq import ConnStatus, PGconn, PollingStatus, Trace
from psycopg.pq.abc import PGconn as AnyPGconn
from psycopg.pq.abc import PGresult

from org_common.config.settings import SettingsError
from org_common.db.connections.retry import Action, Phase, Signal, action, signal
from org_common.db.driver.conninfo import parse, write
from org_common.db.protocol.wire import FATAL
from org_common.values.errors import OrgError

# All four TCP settings are needed: with `tcp_user_timeout` alone, a path that dies while we wait for a response still
# hangs after 20 s; with the keepalives it is an error after 2 s (measured with real packet loss).
_ALWAYS: dict[str, str | int] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 2000,
    "keepalives": 1,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "target_session_attrs": "read-write",
    "client_encoding": "UTF8",
    # Negotiating Kerberos encryption, which the SDK does not use, costs a round trip.
    "gssencmode": "disable",
}
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
# The system CA bundles of Amazon Linux (Lambda), Debian, macOS and Alpine. libpq looks only in the home directory, and
# `sslrootcert=system` resolves to a directory that does not exist in the OpenSSL of psycopg's wheel
# (/usr/lib/psycopg-openssl).
_ROOT_FILE = "/.postgresql/root.crt"
AUTHORITIES = ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem")
# Less than `tcp_user_timeout`: otherwise the kernel sometimes gives up first (2 of 40), which looks like a refusal.
CONNECT_TIMEOUT_S = 1.9
# For all attempts together.
CONNECTING_S = 2.9

# The SQLSTATE of a server that stops or has crashed.
_GOING_DOWN = frozenset({"57P01", "57P02"})
# Compiled only after a failed connection; at import they add 1 ms to each cold start.
_SQLSTATE = rb'ErrorResponse\t.*? C "([0-9A-Z]{5})"'
# A server's message begins with its severity, localized; libpq's own messages do not.
_FROM_SERVER = r"failed: \S+:  "
# libpq's own check of the parameters, before it connects.
_WRONG_SETTING = (
    r"^(?:invalid |could not (?:match|parse|read certificate|load private key)|definition of service|service file"
    r"|weak sslmode|sslmode value|require_auth|private key file|Unix-domain socket path)|invalid integer value"
)
_UNTRUSTED = r"certificate verify failed|root certificate file|does not match host name|does not support SSL"
# libpq reports no SQLSTATE for a failed connection, only these messages. PgBouncer's are always English, and all are
# 08P01.
_TEXTS = (
    ("too many clients|remaining connection slots|too many connections|more connections allowed", "53300"),
    ("password authentication failed|SASL authentication failed", "28P01"),
    ("the database system is (starting up|not yet accepting|shutting down)|is in recovery mode", "57P03"),
    ("terminating connection due to", "57P01"),
    ("database .* does not exist|no such database", "3D000"),
    ("role .* (does not exist|is not permitted to log in)", "28000"),
    ("pgbouncer cannot connect|server login|query_wait_timeout|client_login_timeout", "08P01"),
)


class ConnectFailed(Exception):
    """The connection did not open. `signal` classifies the failure; `sqlstate` is set when a server responded."""

    def __init__(self, message: str, sqlstate: str | None, found: Signal | None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.signal = found

    @property
    def is_final(self) -> bool:
        """Another attempt would fail as well."""
        return action(self.signal, Phase.CONNECT) is not Action.BACK_OFF


class LastWords:
    """Why the peer closes a connection, when it says so in a notice or while the connection is idle.

    A server that crashes or is stopped at once sends its reason as a WARNING, not as the error of a statement.
    """

    def __init__(self) -> None:
        self.text: str = ""

    def __call__(self, result: PGresult) -> None:
        notice = Diagnostic(result)
        if (notice.severity_nonlocalized or notice.severity) in FATAL or notice.sqlstate in _GOING_DOWN:
            self.text = f"{notice.message_primary} (SQLSTATE {notice.sqlstate})"


class LibpqConnection(Protocol):
    """What `Connection` needs: `Raw`, or a connection of psycopg's pool."""

    pgconn: AnyPGconn
    last_words: LastWords

    @property
    def closed(self) -> bool:
        """Whether it cannot be used any more, closed from this side or broken."""
        ...

    def close(self) -> None:
        """Close it; a second time does nothing."""
        ...


class Raw:
    """A connection of libpq in pipeline mode, without psycopg's connection around it. Close it, or use it in `with`."""

    __slots__ = ("last_words", "pgconn")

    def __init__(self, pgconn: AnyPGconn) -> None:
        self.pgconn: AnyPGconn = pgconn
        self.last_words: LastWords = LastWords()
        pgconn.notice_handler = self.last_words

    @classmethod
    def connect(cls, conninfo: str, deadline_s: float | None = None) -> Raw:
        """Open a connection. `deadline_s` is a value of `time.monotonic()`. Raises `ConnectFailed`."""
        return cls(open_pgconn(conninfo, time.monotonic() + CONNECT_TIMEOUT_S if deadline_s is None else deadline_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it cannot be used any more, closed from this side or broken."""
        return self.pgconn.status == ConnStatus.BAD

    def close(self) -> None:
        """Close it; a second time does nothing."""
        self.pgconn.finish()


def conninfo(url: str, application_name: str) -> str:
    """The URL with the SDK's settings, which the URL's own override. Never `options`: poolers refuse it.

    `connect_timeout` of the URL has no effect: see `CONNECT_TIMEOUT_S`.
    """
    # Needed once, so its import and its patterns are not part of a start without a connection.
    from org_common.db.connections import database_url

    given = database_url.parse(url)
    if isinstance(given, str):
        # A traceback may be printed with its local variables.
        del url
        raise OrgError from SettingsError(f"the database's URL is not valid: {given}")
    if given.get("host") not in _LOCAL:
        # Anything weaker accepts any server that responds (libpq documentation, section 34.19.1).
        given.setdefault("sslmode", "verify-full")
        if given["sslmode"] == "verify-full":
            _use_system_authorities(given)
    return write({**_ALWAYS, "application_name": application_name, **given})


def _use_system_authorities(given: dict[str, Any]) -> None:
    """Trust the system CA bundle, unless the URL, libpq's variable or its file in the home directory names another."""
    exists, home = os.path.exists, os.path.expanduser("~")  # noqa: PTH111 - Path raises without a home
    if "sslrootcert" in given or "PGSSLROOTCERT" in os.environ or exists(home + _ROOT_FILE):
        return
    found = next(filter(exists, AUTHORITIES), None)
    if found is not None:
        given["sslrootcert"] = found


def open_pgconn(conninfo: str, deadline_s: float) -> AnyPGconn:
    """Open a connection in pipeline mode until `deadline_s`, a value of `time.monotonic()`. Raises `ConnectFailed`."""

    def open_host(host: str, deadline_s: float) -> AnyPGconn:
        return _open_first(_addresses(host, deadline_s), _open_address, deadline_s)

    pgconn = _open_first(_hosts(conninfo), open_host, deadline_s)
    pgconn.nonblocking = 1
    pgconn.enter_pipeline_mode()
    return pgconn


def _open_first(targets: Sequence[str], open_: Callable[[str, float], AnyPGconn], deadline_s: float) -> AnyPGconn:
    """The first target that opens. Each gets a share of the time, so one that drops packets leaves time for the next.

    libpq would give all of them one deadline: its `connect_timeout` does not apply to asynchronous connects.
    """
    failure: ConnectFailed | None = None
    for at, target in enumerate(targets):
        now_s = time.monotonic()
        try:
            return open_(target, now_s + (deadline_s - now_s) / (len(targets) - at))
        except ConnectFailed as failed:
            # As in libpq: a refusal by a running server is final, since another one would refuse as well.
            if failed.signal not in (Signal.UNRESPONSIVE, Signal.STARTING):
                raise
            # Of several failures, report the one that a retry may cure.
            if failure is None or failure.is_final:
                failure = failed
    assert failure is not None
    raise failure


def _open_address(conninfo: str, deadline_s: float) -> AnyPGconn:
    try:
        return _start(conninfo, deadline_s)
    except ConnectFailed as failed:
        if failed.sqlstate or not re.search(_FROM_SERVER, str(failed)) or sys.platform != "linux":
            raise
    # The server's message is localized. Trace only then, since each trace leaks 4.6 kB in psycopg.
    return _start_traced(conninfo, deadline_s)


def _start(conninfo: str, deadline_s: float, trace: int | None = None) -> AnyPGconn:
    """Connect. With `trace`, a file that libpq writes to, the SQLSTATE is read from there, in any language."""
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
    sqlstate = _sqlstate_of(message) or (_sqlstate_in(trace) if trace is not None else None)
    pgconn.finish()
    if status is None:
        raise ConnectFailed("no answer in time", sqlstate, Signal.UNRESPONSIVE)
    if sqlstate:
        raise ConnectFailed(message, sqlstate, signal(sqlstate))
    # Without a server's message: refused, unknown name, connection reset; or a server that failed verification.
    if re.search(_UNTRUSTED, message):
        raise ConnectFailed(message, None, Signal.UNTRUSTED)
    raise ConnectFailed(message, None, Signal.SETTINGS if re.search(_WRONG_SETTING, message) else Signal.STARTING)


def _start_traced(conninfo: str, deadline_s: float) -> AnyPGconn:
    trace = os.memfd_create("libpq")
    try:
        return _start(conninfo, deadline_s, trace)
    finally:
        os.close(trace)


def _hosts(conninfo: str) -> list[str]:
    """One conninfo for each host of a list (`host=writer,reader`), in the order in which libpq would try them."""
    given = parse(conninfo)
    lists = {name: given[name].split(",") for name in ("host", "hostaddr", "port") if given.get(name)}
    count = max(len(lists.get("host", ())), len(lists.get("hostaddr", ())))
    # libpq refuses lists of unequal length, and goes through the hosts twice for prefer-standby: leave both to it.
    if (
        count < 2
        or any(len(values) != count and (name != "port" or len(values) > 1) for name, values in lists.items())
        or given.get("target_session_attrs") == "prefer-standby"
    ):
        return [conninfo]
    hosts = [
        write({**given, **{name: values[at % len(values)] for name, values in lists.items()}}) for at in range(count)
    ]
    if given.get("load_balance_hosts") == "random":
        from random import shuffle

        shuffle(hosts)
    return hosts


def _addresses(conninfo: str, deadline_s: float) -> list[str]:
    """One conninfo for each address of the host. libpq would wait for the resolver without a deadline (10 s seen)."""
    given = parse(conninfo)
    host = given.get("host", "")
    if "hostaddr" in given or not host or "," in host or host.startswith("/") or host in _LOCAL:
        return [conninfo]
    from org_common.lifecycle.timeout import run_with_timeout  # an IP address or localhost does not need it

    try:
        found = run_with_timeout(lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM), deadline_s)
    except TimeoutError:
        raise ConnectFailed("no answer from the resolver in time", None, Signal.UNRESPONSIVE) from None
    except OSError:
        raise ConnectFailed(f"no address of {host}", None, Signal.STARTING) from None
    return [write({**given, "hostaddr": address}) for address in dict.fromkeys(str(info[4][0]) for info in found)]


def _poll(pgconn: AnyPGconn, deadline_s: float) -> PollingStatus | None:
    """The final status, None when the deadline passed first."""
    while True:
        status = PollingStatus(pgconn.connect_poll())
        if status in (PollingStatus.OK, PollingStatus.FAILED):
            return status
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN if status == PollingStatus.READING else select.POLLOUT)
        if not poll.poll(max((deadline_s - time.monotonic()) * 1000, 0)):
            return None


def _sqlstate_in(trace: int) -> str | None:
    os.lseek(trace, 0, os.SEEK_SET)
    codes = re.findall(_SQLSTATE, os.read(trace, 1 << 20))
    return codes[-1].decode() if codes else None


def _sqlstate_of(message: str) -> str | None:
    return next((sqlstate for text, sqlstate in _TEXTS if re.search(text, message)), None)
