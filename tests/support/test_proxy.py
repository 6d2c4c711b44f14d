"""The proxy counts round trips exactly and each fault does what it says, with a real server."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from threading import Timer
from typing import Any

import psycopg
import pytest

from org_common.tools.database.postgres import EmbeddedPostgres
from tests.support.proxy import Proxy

Connection = psycopg.Connection[Any]
pytestmark = [pytest.mark.db, pytest.mark.fault]

GSS_REQUEST = bytes.fromhex("00000008 04d21630")
SSL_REQUEST = bytes.fromhex("00000008 04d2162f")
MB = 1_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(durable=False) as running:
        yield running


@pytest.fixture
def proxy(server: EmbeddedPostgres) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", server.port) as running:
        yield running


@pytest.fixture
def direct(server: EmbeddedPostgres) -> Iterator[Connection]:
    """Around the proxy, with a fresh table and sequence."""
    with closing(psycopg.connect(server.url, autocommit=True)) as conn:
        conn.execute("drop table if exists notes")
        conn.execute("create table notes (id serial, note text)")
        yield conn


@pytest.fixture
def conn(proxy: Proxy, server: EmbeddedPostgres) -> Iterator[Connection]:
    """Through the proxy, counters at zero."""
    with closing(through(proxy, server)) as connection:
        proxy.reset()
        yield connection


def through(proxy: Proxy, server: EmbeddedPostgres) -> Connection:
    return psycopg.connect(proxy.url(server.url), autocommit=True, prepare_threshold=None, connect_timeout=5)


def notes(direct: Connection) -> list[str]:
    return [row[0] for row in direct.execute("select note from notes order by id")]


def ten_selects(conn: Connection) -> None:
    for _ in range(10):
        conn.execute("select 1")


def pipeline_of_four(conn: Connection) -> None:
    with conn.pipeline():
        for number in range(4):
            conn.execute("select %s::int", (number,))


def pipeline_with_two_fetches_inside(conn: Connection) -> None:
    with conn.pipeline():
        conn.execute("select 1").fetchall()
        conn.execute("select 2").fetchall()


def pipeline_with_an_error(conn: Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        conn.cursor().executemany("select 1 / %s::int", [(1,), (0,), (1,)])


def pipeline_of_8_mb_both_ways(conn: Connection) -> None:
    with conn.pipeline():
        for _ in range(16):
            conn.execute("select %s", ("x" * (MB // 2),))


def transaction_of_three(conn: Connection) -> None:
    with conn.transaction():
        conn.execute("select 1")
        conn.execute("select 2")
        conn.execute("select 3")


def parameter_of_3_mb(conn: Connection) -> None:
    conn.execute("select length(%s)", ("x" * 3 * MB,))


def result_of_5_mb(conn: Connection) -> None:
    conn.execute("select repeat('x', 5000000)")


def result_of_100_000_rows(conn: Connection) -> None:
    conn.execute("select repeat('x', 50) from generate_series(1, 100000)")


def copy_in(conn: Connection) -> None:
    conn.execute("create temporary table numbers (n int)")
    with conn.cursor().copy("copy numbers from stdin") as copy:
        copy.write("1\n2\n")


def copy_in_that_fails(conn: Connection) -> None:
    conn.execute("create temporary table numbers (n int)")
    with (
        pytest.raises(psycopg.errors.InvalidTextRepresentation),
        conn.cursor().copy("copy numbers from stdin") as copy,
    ):
        copy.write("one\n")


@pytest.mark.parametrize(
    ("work", "round_trips"),
    [
        (ten_selects, 10),
        (pipeline_of_four, 1),
        (pipeline_with_two_fetches_inside, 3),  # each fetch flushes, the Sync comes last
        (pipeline_with_an_error, 1),
        (pipeline_of_8_mb_both_ways, 1),
        (transaction_of_three, 5),
        (parameter_of_3_mb, 1),
        (result_of_5_mb, 1),
        (result_of_100_000_rows, 1),
        (copy_in, 3),  # create table; "copy" and its go-ahead; data and "done"
        (copy_in_that_fails, 3),
    ],
)
def test_round_trips_are_exact(
    conn: Connection, proxy: Proxy, work: Callable[[Connection], None], round_trips: int
) -> None:
    work(conn)
    counted = proxy.round_trips()
    conn.execute("select 1")

    assert (counted, proxy.round_trips()) == (round_trips, round_trips + 1)


@pytest.mark.parametrize("work", [pipeline_of_four, pipeline_with_two_fetches_inside])
def test_round_trips_are_what_latency_is_paid_for(
    conn: Connection, proxy: Proxy, work: Callable[[Connection], None]
) -> None:
    proxy.slow(latency_s=0.05)

    start = time.monotonic()
    work(conn)
    waited_s = time.monotonic() - start

    assert int(waited_s / 0.1) == proxy.round_trips()


def test_start_up_is_counted_apart(proxy: Proxy, server: EmbeddedPostgres) -> None:
    with closing(through(proxy, server)):
        # SSLRequest, start-up packet, two messages of SCRAM
        assert (proxy.round_trips(), proxy.startup_round_trips, proxy.connections) == (0, 4, 1)


def test_refused_encryption_requests_are_start_up(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(GSS_REQUEST)
        gss = client.recv(10)
        client.sendall(SSL_REQUEST)
        ssl = client.recv(10)

    assert (gss, ssl, proxy.startup_round_trips) == (b"N", b"N", 2)
    assert [message.kind for message in proxy.messages()] == ["gss", "ssl"]


@pytest.mark.parametrize(
    ("opening", "answer"),
    [(SSL_REQUEST, b"S and a handshake"), (b"\x16 a handshake at once", b"\x16 another")],
)
def test_round_trips_under_tls_are_an_error_not_zero(opening: bytes, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream, ExitStack() as stack:
        proxy = stack.enter_context(Proxy(*upstream.getsockname()))
        client = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
        server = stack.enter_context(upstream.accept()[0])

        client.sendall(opening)
        server.recv(100)
        server.sendall(answer)
        client.recv(10)

        with pytest.raises(RuntimeError, match="sslmode=disable"):
            proxy.round_trips()


def test_two_hundred_connections_add_up(proxy: Proxy, server: EmbeddedPostgres) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        opened = [pool.submit(through, proxy, server) for _ in range(200)]
        conns = [stack.enter_context(closing(future.result())) for future in opened]
        proxy.reset()
        list(pool.map(ten_selects, conns))

        assert proxy.round_trips() == 2000


def test_messages_show_the_sql(conn: Connection, proxy: Proxy) -> None:
    conn.execute("select 1")
    conn.execute("select %s::text", ("secret",))

    shown = [(message.kind, message.text) for message in proxy.messages()]
    extended = [("P", "select $1::text"), ("B", ""), ("D", ""), ("E", ""), ("S", "")]
    assert shown == [("Q", "select 1"), *extended]
    assert proxy.statements() == ["select 1", "select $1::text"]


def test_bytes_are_counted(conn: Connection, proxy: Proxy) -> None:
    result_of_5_mb(conn)

    assert (proxy.sent_bytes, proxy.received_bytes) == (33, 5_000_063)


def test_reset_zeroes_everything(conn: Connection, proxy: Proxy) -> None:
    ten_selects(conn)

    proxy.reset()

    assert (proxy.round_trips(), proxy.connections, proxy.sent_bytes, proxy.messages()) == (0, 0, 0, [])


@pytest.mark.parametrize("reset", [False, True])
def test_drop_breaks_a_running_query(conn: Connection, proxy: Proxy, reset: bool) -> None:
    dropping = Timer(0.1, proxy.drop, kwargs={"reset": reset})
    dropping.start()

    with pytest.raises(psycopg.OperationalError):
        conn.execute("select pg_sleep(2)")

    assert conn.broken
    dropping.join()


def test_drop_sends_fin(proxy: Proxy) -> None:
    with negotiating(proxy) as client:
        proxy.drop()

        assert client.recv(1) == b""


def test_drop_sends_rst_when_asked(proxy: Proxy) -> None:
    with negotiating(proxy) as client:
        proxy.drop(reset=True)

        with pytest.raises(ConnectionResetError):
            client.recv(1)


def negotiating(proxy: Proxy) -> socket.socket:
    """Return a client's socket, for libpq says the same of FIN and RST."""
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    client.sendall(GSS_REQUEST)
    client.recv(1)
    return client


def test_refuse_is_for_new_connections(conn: Connection, proxy: Proxy, server: EmbeddedPostgres) -> None:
    proxy.refuse()

    with pytest.raises(psycopg.OperationalError):
        through(proxy, server)

    conn.execute("select 1")
    proxy.restore()
    through(proxy, server).close()


def test_freeze_holds_a_query_until_thaw(conn: Connection, proxy: Proxy) -> None:
    proxy.freeze()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: conn.execute("select 7").fetchone())
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.2)

        proxy.thaw()

        assert answer.result(timeout=5) == (7,)


def test_freeze_holds_a_connect_until_thaw(proxy: Proxy, server: EmbeddedPostgres) -> None:
    proxy.freeze()
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(through, proxy, server)
        with pytest.raises(TimeoutError):
            opening.result(timeout=0.2)

        proxy.thaw()

        opening.result(timeout=5).close()


def insert_in_statements(conn: Connection) -> None:
    with conn.transaction():
        conn.execute("insert into notes (note) values ('kept?')")


def insert_in_one_batch(conn: Connection) -> None:
    with conn.pipeline():
        conn.execute("begin")
        conn.execute("insert into notes (note) values (left(%s, 5))", ("kept?" * MB,))
        conn.execute("COMMIT")


@pytest.mark.parametrize("insert", [insert_in_statements, insert_in_one_batch])
@pytest.mark.parametrize("reset", [False, True])
def test_cut_before_commit_leaves_no_row(
    conn: Connection,
    proxy: Proxy,
    direct: Connection,
    insert: Callable[[Connection], None],
    reset: bool,
) -> None:
    proxy.cut(when="before", text="commit", reset=reset)

    with pytest.raises(psycopg.OperationalError):
        insert(conn)

    assert notes(direct) == []


@pytest.mark.parametrize("insert", [insert_in_statements, insert_in_one_batch])
@pytest.mark.parametrize("reset", [False, True])
def test_cut_after_commit_leaves_the_row(
    conn: Connection,
    proxy: Proxy,
    direct: Connection,
    insert: Callable[[Connection], None],
    reset: bool,
) -> None:
    proxy.cut(when="after", text="commit", reset=reset)

    with pytest.raises(psycopg.OperationalError):
        insert(conn)

    assert notes(direct) == ["kept?"]


def test_cut_before_keeps_the_whole_batch_back(conn: Connection, proxy: Proxy, direct: Connection) -> None:
    proxy.cut(when="before", text="commit")

    with pytest.raises(psycopg.OperationalError):
        insert_in_one_batch(conn)

    # A sequence does not roll back: it shows that the server never saw the insert.
    assert direct.execute("select is_called from notes_id_seq").fetchone() == (False,)


def test_cut_fires_once(conn: Connection, proxy: Proxy, server: EmbeddedPostgres, direct: Connection) -> None:
    proxy.cut(when="before", text="commit")
    with pytest.raises(psycopg.OperationalError):
        insert_in_statements(conn)

    with closing(through(proxy, server)) as second:
        insert_in_statements(second)

    assert notes(direct) == ["kept?"]


def test_cut_waits_for_its_text(conn: Connection, proxy: Proxy, direct: Connection) -> None:
    proxy.cut(when="before", text="delete from notes")

    insert_in_one_batch(conn)

    assert notes(direct) == ["kept?"]


def test_cut_after_bytes_breaks_a_result(conn: Connection, proxy: Proxy) -> None:
    proxy.cut_after_bytes(MB)

    with pytest.raises(psycopg.OperationalError):
        result_of_5_mb(conn)

    assert proxy.received_bytes == MB


def test_cut_after_bytes_breaks_a_request(conn: Connection, proxy: Proxy, direct: Connection) -> None:
    proxy.cut_after_bytes(MB, direction="sent")

    with pytest.raises(psycopg.OperationalError):
        insert_in_one_batch(conn)

    assert notes(direct) == []


def test_bandwidth_is_limited(conn: Connection, proxy: Proxy) -> None:
    proxy.slow(bandwidth_bytes_s=MB)

    start = time.monotonic()
    conn.execute("select repeat('x', 300000)")

    assert time.monotonic() - start >= 0.3


def test_order_survives_jitter(conn: Connection, proxy: Proxy) -> None:
    proxy.slow(jitter_s=0.01, bandwidth_bytes_s=10 * MB)

    rows = conn.execute("select n from generate_series(1, 20000) n").fetchall()

    assert rows == [(n,) for n in range(1, 20001)]


def test_restore_lifts_every_fault(conn: Connection, proxy: Proxy, server: EmbeddedPostgres) -> None:
    proxy.slow(latency_s=60)
    proxy.freeze()
    proxy.refuse()
    proxy.cut(when="before", text="select")
    proxy.cut_after_bytes(0)

    proxy.restore()

    ten_selects(conn)
    through(proxy, server).close()


def test_without_a_server_clients_are_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()

    with Proxy(*address) as proxy, pytest.raises(psycopg.OperationalError):
        psycopg.connect(proxy.url("postgresql://app@db.example:6000/app"))
