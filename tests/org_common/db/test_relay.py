"""What a sink refuses steps aside and holds up nobody but those behind it of its key."""

import socket
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

import pytest
from psycopg import OperationalError
from psycopg.conninfo import make_conninfo

from org_common.db.database import Database, transaction
from org_common.db.delivery import PROBES
from org_common.db.relay import BATCH, REFUSALS, Message, MessageRefused, relay
from tests.support.lab import ALICE, Lab

pytestmark = pytest.mark.db


class Picky:
    """A sink that refuses what it is told to refuse, and keeps the rest."""

    def __init__(self, *bad: int) -> None:
        self.refuses: Callable[[Message], bool] = lambda message: message.message["n"] in bad
        self.error: Callable[[Sequence[Message]], Exception] = lambda messages: ConnectionError("no queue today")
        self.taken: list[Message] = []
        self.asked = 0

    def deliver(self, messages: Sequence[Message]) -> None:
        self.asked += 1
        bad = [message for message in messages if self.refuses(message)]
        if bad:
            raise self.error(bad)
        self.taken += messages

    @property
    def numbers(self) -> list[int]:
        return [message.message["n"] for message in self.taken]


def refused(messages: Sequence[Message]) -> Exception:
    return MessageRefused("too large", *(message.id for message in messages))


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """Nothing in the outbox."""
    lab.tell("truncate app.outbox")
    return lab


def send(db: Database, *messages: tuple[int, str | None], queue: str = "mail") -> None:
    with transaction(ALICE, database=db) as tx:
        for number, key in messages:
            tx.send(queue, {"n": number}, key=key)


def hurry(lab: Lab) -> None:
    """As if its time had come."""
    lab.tell("update app.outbox set retry_at = now() where retry_at is not null")


def state(lab: Lab, number: int) -> tuple[int, bool]:
    refusals = lab.ask("select refusals from app.outbox where message ->> 'n' = %s", str(number))
    return refusals, lab.ask("select parked_at is not null from app.outbox where message ->> 'n' = %s", str(number))


def test_a_refused_message_holds_up_only_its_key(lab: Lab, db: Database) -> None:
    send(db, (1, "a"), (2, "b"), (3, "a"), (4, None), (5, "b"))
    sink = Picky(1)

    assert relay(lab.local.service_url, sink) == 3

    assert sorted(sink.numbers) == [2, 4, 5]
    assert state(lab, 1) == (1, False)
    assert lab.ask("select reason from app.outbox where refusals > 0") == "ConnectionError: no queue today"


def test_it_comes_again_when_its_time_has_come_with_those_behind_it(lab: Lab, db: Database) -> None:
    send(db, (1, "a"), (2, "b"), (3, "a"))
    relay(lab.local.service_url, Picky(1))
    sink = Picky()

    assert relay(lab.local.service_url, sink) == 0
    hurry(lab)
    assert relay(lab.local.service_url, sink) == 2

    assert sink.numbers == [1, 3]
    assert sink.taken[0].refusals == 1


def test_waits_grow(lab: Lab, db: Database) -> None:
    send(db, (1, "a"))
    for number, wait_s in enumerate((2, 8, 32, 128), start=2):
        send(db, (number, None))
        hurry(lab)
        relay(lab.local.service_url, Picky(1))
        assert lab.ask("select extract(epoch from retry_at - updated_at)::int from app.outbox") == wait_s


def test_refused_often_enough_it_is_parked_and_its_key_waits(lab: Lab, db: Database) -> None:
    send(db, (1, "a"), (2, "a"))
    for number in range(REFUSALS):
        send(db, (10 + number, "b"))
        hurry(lab)
        assert relay(lab.local.service_url, Picky(1)) == 1
    sink = Picky()
    hurry(lab)
    send(db, (3, "a"), (4, "b"))

    assert relay(lab.local.service_url, sink) == 1

    assert sink.numbers == [4]
    assert state(lab, 1) == (REFUSALS, True)


def test_a_queue_of_which_nothing_is_taken_is_down_and_counts_against_nobody(
    lab: Lab, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(PROBES + 3):
        send(db, (number, f"k{number}"))
    send(db, (99, None), queue="sms")
    sink = Picky(*range(PROBES + 3))

    with pytest.raises(ConnectionError):
        relay(lab.local.service_url, sink)

    assert sink.numbers == [99], "the other queue was served"
    assert lab.ask("select count(*) from app.outbox where refusals = 0") == PROBES + 3
    first = lab.ask("select min(id) from app.outbox")
    assert f"queue mail accepted nothing, from message {first} on: no queue today" in caplog.text
    # All of them, each queue, and some one by one.
    assert sink.asked == 3 + PROBES


def test_a_down_queue_in_front_does_not_hide_the_others(lab: Lab, db: Database) -> None:
    send(db, *[(number, None) for number in range(10)])
    send(db, (99, None), queue="sms")
    sink = Picky(*range(10))

    with pytest.raises(ConnectionError):
        relay(lab.local.service_url, sink, batch=4)

    assert sink.numbers == [99]


def test_many_bad_ones_in_front_do_not_hide_a_good_one_for_ever(lab: Lab, db: Database) -> None:
    bad = range(PROBES + 2)
    send(db, *[(number, None) for number in bad], (99, None))
    sink = Picky(*bad)

    for _ in range(200):
        try:
            relay(lab.local.service_url, sink)
        except ConnectionError:
            continue
        break

    assert sink.numbers == [99]


def test_what_the_sink_will_never_take_is_parked_at_once(lab: Lab, db: Database) -> None:
    send(db, (1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, None))
    sink = Picky(2)
    sink.error = refused

    assert relay(lab.local.service_url, sink) == 3

    assert sink.numbers == [1, 3, 5]
    assert state(lab, 2) == (1, True)
    assert state(lab, 4) == (0, False)
    assert sink.asked == 2


def test_that_goes_for_the_only_message_as_well(lab: Lab, db: Database) -> None:
    send(db, (1, None))
    sink = Picky(1)
    sink.error = lambda messages: MessageRefused("too large")

    assert relay(lab.local.service_url, sink) == 0

    assert state(lab, 1) == (1, True)


def test_a_refusal_of_what_was_not_delivered_is_a_fault_like_any_other(lab: Lab, db: Database) -> None:
    send(db, (1, None), (2, None))
    sink = Picky(1)
    sink.error = lambda messages: MessageRefused("who?", 0)

    assert relay(lab.local.service_url, sink) == 1

    assert state(lab, 1) == (1, False)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_refused_each_key_keeps_its_order_and_nothing_is_lost(lab: Lab, db: Database, seed: int) -> None:
    random = Random(seed)
    messages = [(number, random.choice(["a", "b", "c", None])) for number in range(60)]
    send(db, *messages)
    sink = Picky()
    sink.refuses = lambda message: random.random() < 0.15
    sink.error = lambda bad: refused(bad) if random.random() < 0.3 else ConnectionError()

    for _ in range(1000):
        with suppress(ConnectionError):
            relay(lab.local.service_url, sink, batch=7)
        # Whoever looks finds nothing wrong, and lets them go again.
        lab.tell("update app.outbox set retry_at = null, parked_at = null")
        if not lab.ask("select count(*) from app.outbox"):
            break

    lines: dict[str | None, list[int]] = defaultdict(list)
    for message in sink.taken:
        lines[message.key].append(message.message["n"])
    assert sorted(sink.numbers) == list(range(60))
    assert all(line == sorted(line) for key, line in lines.items() if key is not None)


def test_a_batch_of_a_hot_key_is_found_behind_a_parked_one(lab: Lab, db: Database) -> None:
    """More of its key wait than a batch has room for."""
    send(db, *[(number, "hot") for number in range(10)], (99, "cold"))
    sink = Picky(0)
    sink.error = refused

    assert relay(lab.local.service_url, sink, batch=4) == 1

    assert sink.numbers == [99]
    assert BATCH > 4


# The way to the database


def test_relay_gives_no_password_to_a_server_without_proof_from_afar(lab: Lab) -> None:
    with pytest.raises(OperationalError, match="SSL"):
        relay(make_conninfo(lab.local.service_url, host="db.example.com", hostaddr="127.0.0.1"), Picky())


@pytest.mark.fault
def test_relay_does_not_wait_for_a_mute_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began_s = time.monotonic()
        with pytest.raises(OperationalError):
            relay(f"postgresql://app_service:x@127.0.0.1:{mute.getsockname()[1]}/app?sslmode=disable", Picky())

    assert time.monotonic() - began_s < 30
