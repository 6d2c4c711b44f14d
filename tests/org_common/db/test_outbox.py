"""Messages leave with their transaction or not at all, at least once, those of a key in their order."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random
from typing import Any, LiteralString
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest

from org_common.auth.rules import PUBLIC, SIGNED_IN, SysCheck
from org_common.config.settings import Settings
from org_common.db.database import Database, transaction
from org_common.db.outbox import MAX_BYTES
from org_common.db.protocol.statement import StatementError
from org_common.db.relay import STOP_S, Message, MessageRefused, PartialDelivery, follow, relay, relay_outbox
from org_common.values.errors import CommitUnknown, Forbidden, OrgError, Unprocessable
from org_common.values.types import Deadline
from tests.support.handles import OwnedTransaction, open_reader, open_transaction
from tests.support.lab import ALICE, BOB, INSERT, ROOT, Lab
from tests.support.pgbouncer import PgBouncer
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db


class Tray:
    """A sink that keeps what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[Message]] = []

    def deliver(self, messages: Sequence[Message]) -> None:
        self.batches.append(list(messages))

    @property
    def numbers(self) -> list[int]:
        return [message.message["n"] for batch in self.batches for message in batch]


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """Nothing in the outbox."""
    lab.tell("truncate app.outbox")
    return lab


def begun(db: Database) -> OwnedTransaction:
    return open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))


def relayed(lab: Lab) -> list[int]:
    tray = Tray()
    relay(lab.local.service_url, tray)
    return tray.numbers


# Sending


def test_what_was_sent_arrives_once_as_it_was_sent(lab: Lab, db: Database) -> None:
    tray = Tray()
    message: dict[str, Any] = {"n": 1, "text": "Grüße \U0001f680", "list": [1.5, None, True], "nested": {"a": {}}}
    with transaction(ALICE, database=db) as tx:
        tx.send("mail", message, key="alice")
        tx.send("sms", {"n": 2})

    assert relay(lab.local.service_url, tray) == 2
    assert relay(lab.local.service_url, tray) == 0

    [[first, second]] = tray.batches
    assert (first.queue, first.message) == ("mail", message)
    assert first.key is not None
    assert first.key.endswith("/alice")
    assert (second.queue, second.key, second.message) == ("sms", None, {"n": 2})
    assert first.id < second.id


def test_values_of_json_columns_of_python_are_taken(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.send("mail", {"n": 1, "id": UUID(int=7)})

    assert lab.ask("select message ->> 'id' from app.outbox") == str(UUID(int=7))


def test_it_is_known_who_sent_it(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.send("mail", {"n": 1})

    assert str(lab.ask("select created_by from app.outbox")) == lab.user_id(ALICE)


def test_nothing_leaves_before_commit_nor_after_a_rollback(lab: Lab, db: Database) -> None:
    with pytest.raises(KeyError), transaction(ALICE, database=db) as tx:
        tx.send("mail", {"n": 1})
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
        tx.send("mail", {"n": 2})
        tx.value("select 1")
        assert relayed(lab) == []
        raise KeyError

    assert relayed(lab) == []


def test_a_savepoint_that_is_undone_takes_its_messages_along(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.send("mail", {"n": 1})
        for number, statement in ((2, False), (3, True)):
            with suppress(KeyError), tx.savepoint():
                tx.send("mail", {"n": number})
                if statement:
                    tx.value("select 1")
                raise KeyError
        with tx.savepoint():
            tx.send("mail", {"n": 4})

    assert relayed(lab) == [1, 4]


def test_a_savepoint_that_is_undone_leaves_the_messages_of_the_one_before(lab: Lab, db: Database) -> None:
    """Neither has sent anything yet when the second is undone, and they have the same name."""
    with transaction(ALICE, database=db) as tx:
        with tx.savepoint():
            tx.send("mail", {"n": 1})
        with suppress(KeyError), tx.savepoint():
            tx.send("mail", {"n": 2})
            raise KeyError

    assert relayed(lab) == [1]


def test_a_lost_commit_of_a_message_is_no_success(lab: Lab, proxied: Database, proxy: Proxy) -> None:
    """The message was written in the round trip that failed, behind it: its transaction id was never answered."""
    tx = begun(proxied)
    tx.send("mail", {"n": 1})
    with suppress(OrgError), tx.savepoint():
        tx.run(INSERT, {"id": 1, "body": None}, rows=1)
    proxy.cut(when="before", text="commit")

    with pytest.raises(OrgError):
        tx.commit()

    assert lab.is_quiet()
    assert relayed(lab) == []


@pytest.mark.parametrize("statements", [0, 1, 3])
def test_messages_cost_no_round_trip(proxied: Database, proxy: Proxy, statements: int) -> None:
    open_reader(proxied, SIGNED_IN, ALICE, {}, Deadline.after(10)).value("select 1")
    proxy.reset()

    with transaction(ALICE, database=proxied) as tx:
        for number in range(statements):
            tx.send("mail", {"n": number}, key="k")
            tx.value("select 1")
        for number in range(3):
            tx.send("mail", {"n": number})

    assert proxy.round_trips() == max(statements, 1) + 1


@pytest.mark.parametrize(
    ("queue", "key", "message"),
    [("", None, {}), ("q" * 81, None, {}), ("q", "", {}), ("q", "k" * 129, {}), ("q", None, {"a": "\0"})],
)
def test_a_message_that_cannot_be_stored_fails_its_transaction(
    lab: Lab, db: Database, queue: str, key: str | None, message: dict[str, Any]
) -> None:
    with pytest.raises(Unprocessable), transaction(ALICE, database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
        tx.send(queue, message, key=key)

    assert lab.notes() == []


def test_a_message_that_is_no_json_is_refused_at_once(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
        with pytest.raises(StatementError):
            tx.send("mail", {"n": object()})

    assert lab.notes() == [1]
    assert relayed(lab) == []


def test_key_of_another_user_is_not_waited_for(lab: Lab, db: Database) -> None:
    """Otherwise a tenant that chooses keys could hold up the messages of all others."""
    other = Database(lab.settings)
    first = begun(db)
    first.send("mail", {"n": 1}, key="daily")
    first.value("select 1")

    with transaction(BOB, database=other, timeout_s=5) as tx:
        tx.send("mail", {"n": 2}, key="daily")
    first.commit()
    other.close()

    assert sorted(relayed(lab)) == [1, 2]


def test_rejected_message_does_not_block_the_key_of_another_user(lab: Lab, db: Database) -> None:
    for number, person in enumerate((ALICE, BOB, ALICE, BOB), start=1):
        with transaction(person, database=db) as tx:
            tx.send("mail", {"n": number}, key="daily")
    tray = Tray()

    class Poisoned(Tray):
        def deliver(self, messages: Sequence[Message]) -> None:
            bad = [message.id for message in messages if message.message["n"] == 1]
            if bad:
                raise MessageRefused("poison", *bad)
            tray.deliver(messages)

    relay(lab.local.service_url, Poisoned())

    assert tray.numbers == [2, 4]


def test_a_key_is_of_one_transaction_at_a_time(lab: Lab, db: Database) -> None:
    """Otherwise the one that was numbered first could be committed second, and be overtaken."""
    other, third = Database(lab.settings), Database(lab.settings)
    first = begun(db)
    first.send("mail", {"n": 1}, key="k")
    first.value("select 1")

    def second() -> None:
        with transaction(ALICE, database=other) as tx:
            tx.send("mail", {"n": 2}, key="k")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        with transaction(ALICE, database=third) as tx:
            tx.send("mail", {"n": 3}, key="l")
            tx.send("sms", {"n": 4}, key="k")
        assert not waiting.done()
        assert relayed(lab) == [3, 4]
        first.commit()
        waiting.result()
    for database in (other, third):
        database.close()

    assert relayed(lab) == [1, 2]


def test_nobody_sends_without_a_role_that_may(lab: Lab, db: Database) -> None:
    with pytest.raises(Forbidden):
        tx = open_transaction(db, PUBLIC, None, {}, Deadline.after(10))
        tx.send("mail", {"n": 1})
        tx.value("select 1")
    tx.rollback()
    root = open_transaction(db, SysCheck("sys_owner"), ROOT, {}, Deadline.after(10))
    root.send("mail", {"n": 2})
    root.commit()

    assert relayed(lab) == [2]


FORBIDDEN: list[LiteralString] = [
    "select count(*) from app.outbox",
    "select message from app.outbox",
    "update app.outbox set queue = 'mine'",
    "delete from app.outbox",
    "insert into app.outbox (id, queue, message) overriding system value values (1, 'mail', '{}')",
    "insert into app.outbox (queue, message, created_by) values ('mail', '{}', null)",
    "insert into app.outbox (queue, message) values ('mail', '{}') returning id",
    "select nextval(pg_get_serial_sequence('app.outbox', 'id'))",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_tenants_put_in_and_see_nothing(lab: Lab, db: Database, text: LiteralString) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.send("mail", {"n": 1})

    with pytest.raises(Forbidden), transaction(ALICE, database=db) as tx:
        tx.run(text, rows=None)

    assert relayed(lab) == [1]


def test_the_service_takes_out_and_puts_nothing_in(lab: Lab) -> None:
    with psycopg.connect(lab.local.service_url, autocommit=True) as conn:
        for text in ("insert into app.outbox (queue, message) values ('a', '{}')", "update app.outbox set queue = 'a'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(text)


# Relaying


def send(db: Database, count: int) -> None:
    with transaction(ALICE, database=db) as tx:
        for number in range(count):
            tx.send("mail", {"n": number}, key=f"k{number % 3}")


def test_many_go_out_in_batches_and_in_order(lab: Lab, db: Database) -> None:
    send(db, 25)
    tray = Tray()

    assert relay(lab.local.service_url, tray, batch=10) == 25

    assert [len(batch) for batch in tray.batches] == [10, 10, 5]
    assert tray.numbers == list(range(25))


def test_what_the_sink_refuses_comes_again(lab: Lab, db: Database) -> None:
    send(db, 3)

    class Broken(Tray):
        def deliver(self, messages: Sequence[Message]) -> None:
            super().deliver(messages)
            raise ConnectionError("no queue today")

    broken, tray = Broken(), Tray()
    with pytest.raises(ConnectionError):
        relay(lab.local.service_url, broken)
    relay(lab.local.service_url, tray)

    assert tray.batches == broken.batches[:1]


class Slow:
    """A sink that waits in its first delivery until it is told to go on."""

    def __init__(self) -> None:
        self.tray = Tray()
        self.entered, self.let_go = threading.Event(), threading.Event()

    def deliver(self, messages: Sequence[Message]) -> None:
        self.tray.deliver(messages)
        self.entered.set()
        assert self.let_go.wait(10)


def test_two_relays_share_the_keys_and_keep_each_in_order(lab: Lab, db: Database) -> None:
    send(db, 6)
    slow, other = Slow(), Tray()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(relay, lab.local.service_url, slow, batch=2)
        assert slow.entered.wait(10)
        # The first relay has k0 and k1.
        found = relay(lab.local.service_url, other, batch=10)
        slow.let_go.set()
        working.result()

    assert (found, other.numbers) == (2, [2, 5])
    assert slow.tray.numbers == [0, 1, 3, 4]


def test_a_second_relay_does_not_overtake_the_first_within_a_key(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.send("mail", {"n": 0}, key="k")
    slow, other = Slow(), Tray()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(relay, lab.local.service_url, slow)
        assert slow.entered.wait(10)
        with transaction(ALICE, database=db) as tx:
            tx.send("mail", {"n": 1}, key="k")
            tx.send("mail", {"n": 2})
        relay(lab.local.service_url, other)
        slow.let_go.set()
        working.result()

    assert other.numbers == [2]
    assert slow.tray.numbers == [0, 1]


def test_messages_without_a_key_go_to_one_relay_each(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        for number in range(4):
            tx.send("mail", {"n": number})
    slow, other = Slow(), Tray()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(relay, lab.local.service_url, slow, batch=2)
        assert slow.entered.wait(10)
        relay(lab.local.service_url, other)
        slow.let_go.set()
        working.result()

    assert slow.tray.numbers == [0, 1]
    assert other.numbers == [2, 3]


class Unsteady:
    """Sinks of several relays, which note each key's messages in one place, and refuse some."""

    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = {}
        self.ids: list[int] = []
        self._lock = threading.Lock()
        self._random = Random(7)

    def deliver(self, messages: Sequence[Message]) -> None:
        accepted: list[int] = []
        refused: dict[int, Exception] = {}
        stopped: set[str | None] = set()
        with self._lock:
            for message in messages:
                if message.key in stopped:
                    continue
                if self._random.random() < 0.1:
                    refused[message.id] = ConnectionError("busy")
                    stopped.add(message.key)
                    continue
                self.lines.setdefault(message.key or "", []).append(message.message["n"])
                accepted.append(message.id)
        self.ids += accepted
        raise PartialDelivery(accepted, refused)


def test_four_relays_deliver_each_message_once_and_each_key_in_order(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        for number in range(300):
            tx.send("mail", {"n": number}, key=f"k{number % 11}")
    sink = Unsteady()

    def work() -> None:
        for _ in range(500):
            with suppress(ConnectionError):
                relay(lab.local.service_url, sink, batch=5)
            # As if the time of the refused ones had come.
            with psycopg.connect(lab.local.service_url, autocommit=True) as conn:
                conn.execute("update app.outbox set retry_at = null, parked_at = null where retry_at is not null")
                if conn.execute("select 1 from app.outbox limit 1").fetchone() is None:
                    break

    with ThreadPoolExecutor(4) as pool:
        for end in [pool.submit(work) for _ in range(4)]:
            end.result()

    assert len(sink.ids) == len(set(sink.ids)) == 300
    assert len(sink.lines) == 11
    assert all(line == sorted(line) for line in sink.lines.values())


def test_following_survives_an_outage(lab: Lab, db: Database) -> None:
    send(db, 2)
    tray = Tray()

    class Recovering:
        def __init__(self) -> None:
            self.calls = 0

        def deliver(self, messages: Sequence[Message]) -> None:
            self.calls += 1
            if self.calls < 4:
                raise ConnectionError("no queue today")
            tray.deliver(messages)
            stop.set()

    stop = threading.Event()
    assert follow(lab.local.service_url, Recovering(), pause_s=0.001, stop=stop) == 2
    assert tray.numbers == [0, 1]


def test_following_stops_between_batches(lab: Lab, db: Database) -> None:
    stop = threading.Event()
    stop.set()

    assert follow(lab.local.service_url, Tray(), stop=stop) == 0


def test_a_run_starts_no_batch_after_its_deadline(lab: Lab, db: Database) -> None:
    send(db, 3)
    tray = Tray()

    assert relay(lab.local.service_url, tray, deadline_s=time.monotonic()) == 0
    assert tray.batches == []


def test_a_scheduled_function_relays_until_shortly_before_its_deadline(lab: Lab, db: Database) -> None:
    send(db, 3)
    settings = Settings(service_database_url=lab.local.service_url)
    late, tray = Tray(), Tray()

    assert relay_outbox(late, deadline=Deadline.after(STOP_S - 1), settings=settings) == 0
    assert relay_outbox(tray, deadline=Deadline.after(STOP_S + 60), settings=settings) == 3
    assert (late.numbers, tray.numbers) == ([], [0, 1, 2])


def test_following_takes_what_comes_until_its_time_is_up(lab: Lab, db: Database) -> None:
    tray = Tray()
    with ThreadPoolExecutor(1) as pool:
        deadline_s = time.monotonic() + 1.0
        following = pool.submit(follow, lab.local.service_url, tray, pause_s=0.01, deadline_s=deadline_s)
        for _ in range(3):
            send(db, 2)
        taken = following.result()

    assert taken == 6
    assert tray.numbers == [0, 1] * 3


@pytest.mark.pooler
def test_a_relay_works_through_a_pooler(lab: Lab, db: Database) -> None:
    send(db, 5)
    url = lab.local.service_url
    tray = Tray()
    with PgBouncer.start(url, users={"app_service": urlsplit(url).password or ""}, pool_size=1) as pooler:
        assert relay(pooler.url(url), tray, batch=2) == 5

    assert tray.numbers == [0, 1, 2, 3, 4]


def test_an_unknown_commit_of_a_message_is_told(lab: Lab, proxied: Database, proxy: Proxy) -> None:
    tx = open_transaction(proxied, SIGNED_IN, ALICE, {}, Deadline.after(1.5))
    tx.value("select 1")
    tx.send("mail", {"n": 1})
    proxy.cut(when="after", text="commit")
    proxy.refuse()

    with pytest.raises(CommitUnknown):
        tx.commit()

    assert lab.is_quiet()
    assert relayed(lab) == [1]


@pytest.mark.parametrize("message", ["text", None, 5, ["a"], b"{}"])
def test_a_message_that_is_not_a_dict_is_a_type_error(db: Database, message: Any) -> None:
    with pytest.raises(TypeError, match="an outbox message must be a dict, got"), transaction(ALICE, database=db) as tx:
        tx.send("mail", message)


BY_HAND = "select app.send('mail', null, jsonb_build_object('n', %(n)s::int, 'text', %(text)s::text))"


def test_a_batch_is_limited_in_bytes_and_delivers_one_message_at_least(lab: Lab, db: Database) -> None:
    random = Random(2)
    with transaction(ALICE, database=db) as tx:
        for number in range(4):
            # It does not compress.
            text = "".join(chr(random.randrange(0x4E00, 0x9FFF)) for _ in range(1_100_000))
            tx.run(BY_HAND, {"n": number, "text": text}, rows=None)
    tray = Tray()

    assert relay(lab.local.service_url, tray) == 4

    assert [len(batch) for batch in tray.batches] == [3, 1]


def test_numbers_reach_the_sink_with_all_their_digits(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.run("select app.send('mail', null, '{\"n\": 1.10, \"big\": 12345678901234567890.123}')", {}, rows=None)
    tray = Tray()

    relay(lab.local.service_url, tray)

    assert tray.batches[0][0].json == '{"n": 1.10, "big": 12345678901234567890.123}'


@pytest.mark.parametrize(("character", "width"), [("x", 1), ("ü", 2), ("😀", 4), ("\n", 2), ("\x01", 6)])
def test_a_message_that_sqs_would_not_take_is_refused_at_once(
    lab: Lab, db: Database, character: str, width: int
) -> None:
    room = MAX_BYTES - len('{"n":1,"text":""}')
    fits = character * (room // width) + "x" * (room % width)

    with transaction(ALICE, database=db) as tx:
        tx.send("mail", {"n": 1, "text": fits})
        with pytest.raises(
            ValueError, match=f"takes {MAX_BYTES + 1:,} bytes as JSON, at most {MAX_BYTES:,} are allowed"
        ):
            tx.send("mail", {"n": 1, "text": fits + "x"})

    assert lab.ask("select count(*) from app.outbox") == 1
