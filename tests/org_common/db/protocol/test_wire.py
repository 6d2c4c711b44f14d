"""One round trip on a raw connection: all or nothing, an end to each wait, and no answer taken for another's."""

import re
import struct
import time
from collections.abc import Iterator
from threading import Timer
from typing import LiteralString

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult

from org_common.db.connections.connect import Raw, conninfo
from org_common.db.protocol.errors import ConnectionLost, StatementFailed
from org_common.db.protocol.plans import Plans
from org_common.db.protocol.statement import Wire, prepare_own
from org_common.db.protocol.wire import exchange
from org_common.values.errors import GatewayTimeout
from tests.support.lab import Lab
from tests.support.proxy import Proxy
from tests.support.scripted import DONE, READY, Scripted, error, notice

pytestmark = pytest.mark.db


def own(text: LiteralString, **params: object) -> Wire:
    return prepare_own(text).bind(params)


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


def values(results: list[PGresult]) -> list[bytes | None]:
    return [result.get_value(0, 0) for result in results]


@pytest.fixture
def raw(lab: Lab) -> Iterator[Raw]:
    raw = Raw.connect(conninfo(lab.local.login_url, "wire"))
    yield raw
    raw.close()


@pytest.fixture
def proxied_raw(lab: Lab, proxy: Proxy) -> Iterator[Raw]:
    raw = Raw.connect(conninfo(proxy.url(lab.local.login_url), "wire"))
    proxy.reset()
    yield raw
    raw.close()


def test_each_statement_has_its_result(raw: Raw) -> None:
    results = exchange(raw.pgconn, [own("select 1"), own("select %(x)s::text", x="ü"), own("values (null)")], soon())

    assert values(results) == [b"1", "ü".encode(), None]
    assert raw.pgconn.transaction_status == TransactionStatus.IDLE


def test_a_thousand_statements_are_one_round_trip(proxied_raw: Raw, proxy: Proxy) -> None:
    results = exchange(proxied_raw.pgconn, [own("select %(n)s::int", n=n) for n in range(1000)], soon())

    assert values(results) == [str(n).encode() for n in range(1000)]
    assert proxy.round_trips() == 1


def test_the_first_failure_is_the_one_that_is_told(raw: Raw) -> None:
    with pytest.raises(StatementFailed) as raised:
        exchange(raw.pgconn, [own("select 1"), own("select 1 / 0"), own("select nonsense")], soon())

    assert raised.value.sqlstate == "22012"
    assert values(raised.value.done) == [b"1"]
    assert raised.value.statement == own("select 1 / 0")
    assert raised.value.origin is not None
    assert raised.value.origin.command == b"select 1 / 0"
    assert raw.pgconn.transaction_status == TransactionStatus.IDLE
    assert values(exchange(raw.pgconn, [own("select 2")], soon())) == [b"2"]


def test_a_failure_of_the_implicit_commit_belongs_to_no_statement(lab: Lab) -> None:
    """A deferred constraint is checked at the Sync, when each statement has its result."""
    raw = Raw.connect(conninfo(lab.local.admin_url, "wire"))
    try:
        exchange(
            raw.pgconn, [own("create temporary table deferred (n int unique deferrable initially deferred)")], soon()
        )
        with pytest.raises(StatementFailed) as raised:
            exchange(
                raw.pgconn, [own("insert into deferred values (1)"), own("insert into deferred values (1)")], soon()
            )
    finally:
        raw.close()

    assert raised.value.sqlstate == "23505"
    assert len(raised.value.done) == 2
    assert raised.value.statement is None
    assert raised.value.origin is not None
    assert raised.value.origin.command is None


def test_a_statement_that_the_server_could_not_parse_is_not_prepared(raw: Raw) -> None:
    plans = Plans()
    good, bad = own("select 1"), own("select from nowhere")

    for _ in range(2):
        with pytest.raises(StatementFailed) as raised:
            exchange(raw.pgconn, [good, bad], soon(), plans)

        # Not 26000, for a prepared statement that does not exist.
        assert raised.value.sqlstate == "42P01"
        assert values(raised.value.done) == [b"1"]
        assert raised.value.statement == bad
        assert (plans.name(good) is None, plans.name(bad)) == (False, None)


def test_a_wrong_number_of_parameters_leaves_the_connection_intact(raw: Raw) -> None:
    """08P01, as a pooler says that it hangs up."""
    with pytest.raises(StatementFailed) as raised:
        exchange(raw.pgconn, [(b"select $1::int", [], (), []), own("select 2")], soon())

    assert raised.value.sqlstate == "08P01"
    assert raw.pgconn.transaction_status == TransactionStatus.IDLE
    assert values(exchange(raw.pgconn, [own("select 2")], soon())) == [b"2"]


def test_without_begin_a_failure_undoes_them_all(raw: Raw) -> None:
    mine: list[Wire] = [own("select set_config('wire.note', 'kept', false)")]
    with pytest.raises(StatementFailed):
        exchange(raw.pgconn, [*mine, own("select 1 / 0")], soon())

    assert values(exchange(raw.pgconn, [own("select current_setting('wire.note', true)")], soon())) in ([None], [b""])


def test_a_failure_within_a_transaction_leaves_it_failed(raw: Raw) -> None:
    with pytest.raises(StatementFailed):
        exchange(raw.pgconn, [own("begin"), own("select 1 / 0")], soon())

    assert raw.pgconn.transaction_status == TransactionStatus.INERROR


def test_notices_and_settings_on_the_way_do_not_matter(raw: Raw) -> None:
    texts: list[LiteralString] = ["set application_name = 'x'", "select 1", "reset all", "commit", "values (1)"]

    results = exchange(raw.pgconn, [own(text) for text in texts], soon())

    assert len(results) == 5


def test_what_is_no_result_is_a_lost_connection(raw: Raw) -> None:
    with pytest.raises((ConnectionLost, StatementFailed)):
        exchange(raw.pgconn, [own("copy (select 1) to stdout")], soon(2))


def test_large_parameters_and_results_pass_each_other(raw: Raw) -> None:
    """More than both sockets hold in both directions: whoever only writes would wait for ever."""
    large = "x" * 12_000_000
    wires = [own("select %(large)s::text", large=large) for _ in range(3)]

    assert [len(value or b"") for value in values(exchange(raw.pgconn, wires, soon(20)))] == [len(large)] * 3


def test_the_wait_has_an_end(raw: Raw) -> None:
    deadline_s = soon(0.2)

    with pytest.raises(GatewayTimeout) as raised:
        exchange(raw.pgconn, [own("select pg_sleep(5)")], deadline_s)

    assert isinstance(raised.value.__cause__, TimeoutError)
    assert raw.pgconn.transaction_status == TransactionStatus.ACTIVE


@pytest.mark.fault
def test_the_wait_to_send_has_an_end_too(proxied_raw: Raw, proxy: Proxy) -> None:
    proxy.freeze()

    with pytest.raises(GatewayTimeout):
        exchange(proxied_raw.pgconn, [own("select %(large)s::text", large="x" * 30_000_000)], soon(0.5))


def test_an_answer_that_is_outstanding_is_never_the_next_ones(raw: Raw) -> None:
    with pytest.raises(GatewayTimeout):
        exchange(raw.pgconn, [own("select 'first' from pg_sleep(0.2)")], soon(0.05))

    with pytest.raises(ConnectionLost):
        exchange(raw.pgconn, [own("select 'second'")], soon())


def test_a_server_that_ends_the_connection_says_why(raw: Raw) -> None:
    with pytest.raises(ConnectionLost, match="57P01") as lost:
        exchange(raw.pgconn, [own("select pg_terminate_backend(pg_backend_pid())")], soon())
    assert lost.value.reason is not None
    assert lost.value.reason.severity == "FATAL"

    with pytest.raises(ConnectionLost):
        exchange(raw.pgconn, [own("select 1")], soon())


@pytest.mark.fault
@pytest.mark.parametrize("size", [1, 5, 20, 60, 120])
def test_a_connection_cut_anywhere_in_an_answer_is_lost(proxied_raw: Raw, proxy: Proxy, size: int) -> None:
    proxy.cut_after_bytes(size)

    with pytest.raises(ConnectionLost):
        exchange(proxied_raw.pgconn, [own("select repeat('x', 200)")], soon())

    with pytest.raises(ConnectionLost) as again:
        exchange(proxied_raw.pgconn, [own("select 1")], soon())
    assert again.value.reason is None
    assert str(again.value)[:4] not in ("None", "")


@pytest.mark.fault
@pytest.mark.parametrize("size", [1, 5, 20, 60])
def test_a_connection_cut_anywhere_in_a_question_is_lost(proxied_raw: Raw, proxy: Proxy, size: int) -> None:
    proxy.cut_after_bytes(size, direction="sent")

    with pytest.raises(ConnectionLost):
        exchange(proxied_raw.pgconn, [own("select repeat('x', 200)")], soon())


# The severity, what a server sends as its translation (None: it sends no other), whether it closes the connection.
SEVERITIES: list[tuple[str, str | None, bool]] = [
    ("FATAL", "FATAL", True),
    ("PANIC", "PANIC", True),
    ("FATAL", "VERHÄNGNISVOLL", True),
    ("FATAL", None, True),
    ("FATAL", None, False),
    ("ERROR", "ERROR", True),
    ("ERROR", None, True),
    ("ERROR", "FEHLER", False),
    ("ERROR", None, False),
]
SQLSTATES = st.sampled_from(["57P01", "57P02", "57P05", "25P03", "25P04", "08P01", "08006", "57014", "XX000", "53200"])


@st.composite
def chunks(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The bytes in pieces, as they may arrive."""
    cuts = sorted(draw(st.sets(st.integers(1, len(data) - 1), max_size=6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(data=st.data(), severity=st.sampled_from(SEVERITIES), sqlstate=SQLSTATES, before=st.integers(0, 3))
def test_the_reason_is_kept_however_it_is_said(
    data: st.DataObject, severity: tuple[str, str | None, bool], sqlstate: str, before: int
) -> None:
    level, localized, closes = severity
    said = DONE * before + error(sqlstate, "so it is", severity=level, localized=localized)
    is_lost = level != "ERROR" or closes
    pieces = data.draw(chunks(said if is_lost else said + READY))
    with Scripted(pieces, stays=not closes) as peer:
        raw = Raw.connect(f"host=127.0.0.1 port={peer.port} user=x sslmode=disable", deadline_s=soon())
        try:
            with pytest.raises(
                ConnectionLost if is_lost else StatementFailed, match=f"so it is .SQLSTATE {sqlstate}"
            ) as raised:
                exchange(raw.pgconn, [own("select")] * (before + 1), soon())
        finally:
            raw.close()

    found = raised.value.reason if isinstance(raised.value, ConnectionLost) else raised.value
    assert isinstance(found, StatementFailed)
    assert (found.sqlstate, found.severity) == (sqlstate, level)


def open_scripted(peer: Scripted) -> Raw:
    return Raw.connect(f"host=127.0.0.1 port={peer.port} user=x sslmode=disable", deadline_s=soon())


@pytest.mark.parametrize("severity", ["ERROR", "FATAL"])
def test_the_reason_is_kept_when_a_statement_cannot_be_sent(severity: str) -> None:
    """The peer hangs up after the first bytes of a large statement, and its reason is not read yet."""
    large = own("select %(large)s::text", large="x" * 20_000_000)
    with Scripted([error("57P01", "so it is", severity=severity)]) as peer:
        raw = open_scripted(peer)
        try:
            with pytest.raises(ConnectionLost, match="^so it is .SQLSTATE 57P01") as lost:
                exchange(raw.pgconn, [large], soon())
        finally:
            raw.close()

    assert lost.value.reason is not None
    assert (lost.value.reason.sqlstate, lost.value.reason.severity) == ("57P01", severity)


def test_the_reason_is_kept_when_the_peer_reads_no_further() -> None:
    """It says FATAL and neither closes the connection nor reads the rest of a large statement."""
    large = own("select %(large)s::text", large="x" * 20_000_000)
    with Scripted([error("57P01", "so it is", severity="FATAL")], deaf=True) as peer:
        raw = open_scripted(peer)
        try:
            with pytest.raises(ConnectionLost, match="^so it is .SQLSTATE 57P01") as lost:
                exchange(raw.pgconn, [large], soon())
        finally:
            raw.close()

    assert lost.value.reason is not None
    assert (lost.value.reason.sqlstate, lost.value.reason.severity) == ("57P01", "FATAL")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        pytest.param(b"C" + struct.pack("!I", 1_000_000), "lost synchronization with server", id="length"),
        pytest.param(b"\x7f" + struct.pack("!I", 4), "unexpected response from server", id="type"),
    ],
)
def test_a_message_that_breaks_the_protocol_ends_the_connection(message: bytes, words: str) -> None:
    """A length that no such message has, at which libpq closes the connection, or an unknown type; the peer stays."""
    with Scripted([DONE, message], stays=True) as peer:
        raw = open_scripted(peer)
        try:
            with pytest.raises(ConnectionLost, match=f"^{words}") as lost:
                exchange(raw.pgconn, [own("select")] * 2, soon())
        finally:
            raw.close()

    # libpq's own error, which has no SQLSTATE and is not the server's reason.
    assert isinstance(lost.value.__cause__, StatementFailed)
    assert lost.value.__cause__.sqlstate == ""
    assert lost.value.reason is None


@pytest.mark.parametrize(
    ("message", "words", "sqlstate"),
    [
        pytest.param(b"\x7f" + struct.pack("!I", 4), "so it is (SQLSTATE 57014); unexpected", "57014", id="type"),
        # libpq replaces an error that is not read yet by its own, and keeps only the text of it.
        pytest.param(b"C" + struct.pack("!I", 1_000_000), "ERROR: so it is lost synchronization", None, id="length"),
    ],
)
def test_the_reason_is_kept_when_a_broken_message_follows_it(message: bytes, words: str, sqlstate: str | None) -> None:
    with Scripted([DONE + error("57014", "so it is") + message], stays=True) as peer:
        raw = open_scripted(peer)
        try:
            with pytest.raises(ConnectionLost, match=f"^{re.escape(words)}") as lost:
                exchange(raw.pgconn, [own("select")] * 2, soon())
        finally:
            raw.close()

    assert (lost.value.reason and lost.value.reason.sqlstate) == sqlstate


@pytest.mark.parametrize("severity", ["ERROR", "FATAL"])
@pytest.mark.parametrize("before", [1, 2, 5])
@pytest.mark.parametrize("earlier", [DONE, error("08P01", "an error before it")], ids=["done", "error"])
def test_the_reason_is_kept_behind_results_when_a_statement_cannot_be_sent(
    severity: str, before: int, earlier: bytes
) -> None:
    """It is not among the first results, and libpq has left its pipeline mode when they are read."""
    large = own("select %(large)s::text", large="x" * 20_000_000)
    pieces = [DONE] * (before - 1) + [earlier, error("57P01", "so it is", severity=severity)]
    with Scripted([b"".join(pieces)]) as peer:
        raw = open_scripted(peer)
        try:
            with pytest.raises(ConnectionLost, match="^so it is .SQLSTATE 57P01") as lost:
                exchange(raw.pgconn, [own("select")] * before + [large], soon())
        finally:
            raw.close()

    assert lost.value.reason is not None
    assert (lost.value.reason.sqlstate, lost.value.reason.severity) == ("57P01", severity)
    # Later notices go to the connection again.
    assert raw.pgconn.notice_handler is raw.last_words


@pytest.mark.parametrize("severity", ["ERROR", "FATAL"])
@pytest.mark.parametrize("earlier", [DONE, error("08P01", "an error before it")], ids=["done", "error"])
def test_the_last_error_is_the_reason_when_the_end_shows_in_a_read(severity: str, earlier: bytes) -> None:
    """The peer stops reading, so the rest of the request waits while the errors are read. Then it closes."""
    large = own("select %(large)s::text", large="x" * 20_000_000)
    with Scripted([earlier + error("57P01", "so it is", severity=severity)], deaf=True) as peer:
        raw = open_scripted(peer)
        ending = Timer(0.2, peer.end)
        ending.start()
        try:
            with pytest.raises(ConnectionLost, match="^so it is .SQLSTATE 57P01") as lost:
                exchange(raw.pgconn, [own("select"), large], soon())
        finally:
            raw.close()
            ending.join()

    assert lost.value.reason is not None
    assert (lost.value.reason.sqlstate, lost.value.reason.severity) == ("57P01", severity)


def test_a_warning_is_not_the_reason_of_a_failed_send() -> None:
    """A crash of another process is a WARNING: it belongs to the last words of the connection."""
    large = own("select %(large)s::text", large="x" * 20_000_000)
    with Scripted([DONE + notice("57P02", "another process crashed", severity="WARNING")]) as peer:
        raw = open_scripted(peer)
        try:
            with pytest.raises(ConnectionLost) as lost:
                exchange(raw.pgconn, [own("select"), large], soon())
        finally:
            raw.close()

    assert lost.value.reason is None
    assert raw.last_words.text == "another process crashed (SQLSTATE 57P02)"


def test_results_that_are_missing_end_the_connection() -> None:
    with Scripted([DONE + READY], stays=True) as peer:
        raw = open_scripted(peer)
        try:
            with pytest.raises(ConnectionLost, match="^1 results for 2 statements"):
                exchange(raw.pgconn, [own("select")] * 2, soon())
        finally:
            raw.close()
