"""A request that comes twice has one effect and one answer, for one caller, under today's rights."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import psycopg
import pytest

from org_common import SIGNED_IN, TOKEN, App, Check, Reader, Transaction
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.events import http_api as gateway
from org_common.testing.client import Answer, Client
from org_common.values.isolation import Isolation
from org_common.values.types import LocalContext
from tests.org_common.db.notes import ALICE, NOTES, REPLAYED, alices, app, held, post
from tests.support.lab import Lab, until
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

LOCKS: LiteralString = """
    select count(*) from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())"""


@pytest.fixture
def client(lab: Lab) -> Iterator[Client]:
    with alices(lab) as client:
        yield client


def test_the_second_gets_the_answer_of_the_first(lab: Lab, client: Client) -> None:
    first, second, third = (post(client, "k") for _ in range(3))

    assert (first.status, second.status, third.status) == (201, 201, 201)
    assert first.body == second.body == third.body
    assert REPLAYED not in first.headers
    assert {**first.headers, REPLAYED: "true"} == second.headers == third.headers
    assert second.headers["location"] == f"{NOTES}/{second.json()['id']}"
    assert len(lab.notes()) == 1


@pytest.mark.parametrize("path", ["/nothing", "/silent", "/file"])
def test_whatever_the_answer_is(lab: Lab, client: Client, path: str) -> None:
    first, second = post(client, "k", path=path), post(client, "k", path=path)

    assert first.status in (202, 203, 204)
    assert (first.status, first.body) == (second.status, second.body)
    assert {**first.headers, REPLAYED: "true"} == second.headers
    assert len(lab.notes()) == (path != "/silent")


def test_cookies_come_again(client: Client) -> None:
    event = gateway.event("POST", "/cookies", headers={"idempotency-key": "k"}, claims=ALICE.claims())

    first, second = (app(event, LocalContext("test", 29)) for _ in range(2))

    assert second["headers"][REPLAYED] == "true"
    assert len(first["cookies"]) == 2
    assert (first["body"], first["cookies"]) == (second["body"], second["cookies"])
    assert not [name for name in second["headers"] if "cookie" in name]


def test_without_a_key_each_has_its_effect(lab: Lab, client: Client) -> None:
    answers = [client.post(NOTES, {"body": "x"}) for _ in range(2)]

    assert answers[0].json()["id"] != answers[1].json()["id"]
    assert lab.ask("select count(*) from app.answers") == 0


def test_a_route_that_does_not_declare_it_knows_no_keys(lab: Lab, client: Client) -> None:
    answers = [post(client, key, path="/plain") for key in ("k", "k", "\n")]

    assert [answer.status for answer in answers] == [201, 201, 201]
    assert len(lab.notes()) == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [(NOTES, {"body": "y"}), (NOTES, {"body": "x", "then": ""}), (f"{NOTES}?kind=b", {"body": "x"})],
    ids=["value", "text", "query"],
)
def test_another_request_under_the_same_key_is_refused(lab: Lab, client: Client, path: str, body: object) -> None:
    post(client, "k")
    path, _, query = path.partition("?")

    answer = client.send("POST", path, body=body, query=query, headers={"idempotency-key": "k"})

    assert (answer.status, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert len(lab.notes()) == 1
    assert post(client, "k").headers[REPLAYED] == "true"


def test_while_the_first_is_in_progress_the_second_is_told(lab: Lab, client: Client) -> None:
    other = Database(lab.settings)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, client, "k", {"body": "x", "then": "wait"})
        assert held.entered.wait(10)
        app.use(other)
        second = post(client, "k", {"body": "x", "then": "wait"})
        elsewhere = post(client, "k2")
        held.let_go.set()
    third = post(client, "k", {"body": "x", "then": "wait"})
    other.close()

    assert (second.status, second.json()["code"]) == (409, "idempotency_in_progress")
    assert elsewhere.status == 201
    assert first.result().status == 201
    assert third.body == first.result().body
    assert third.headers[REPLAYED] == "true"


def test_all_at_once_have_one_effect(lab: Lab, client: Client) -> None:
    def deliver(_: int) -> Answer:
        for _ in range(1000):
            answer = post(client, "k")
            if answer.status != 409:
                break
        return answer

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(deliver, range(16)))

    assert {answer.status for answer in answers} == {201}
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert len({answer.body for answer in answers}) == 1
    assert len(lab.notes()) == 1


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_an_answer_that_a_snapshot_hides_is_found(lab: Lab, client: Client, isolation: Isolation) -> None:
    """The second has its snapshot while the first is at work, and asks for its key when that is done."""
    ran: list[int] = []
    slow = App("slow")

    @slow.post("/", allow=Check("pg_sleep(0.4) is not null"), idempotent=True, retry=True, isolation=isolation)
    def write(tx: Transaction) -> int:
        tx.run("insert into lab.notes (id, body) select 1 + count(*), 'x' from lab.notes", rows=1)
        ran.append(1)
        return 1

    database = Database(lab.settings, Pooled(lab.settings, size=2))
    slow.use(database)

    def later(pause_s: float) -> Answer:
        time.sleep(pause_s)
        return post(Client(slow, person=ALICE), "k", path="/")

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(later, (0, 0.2)))

    assert [(answer.status, REPLAYED in answer.headers) for answer in answers] == [(200, False), (200, True)]
    assert (ran, lab.notes(), database.counters.rerun) == ([1], [1], 1)
    assert lab.ask("select count(*) from app.answers") == 1
    database.close()


def test_an_answer_that_has_expired_is_forgotten(lab: Lab, client: Client) -> None:
    first = post(client, "k")
    lab.tell("update app.answers set expires_at = now() - interval '1 second'")

    second, third = post(client, "k"), post(client, "k")
    other = post(client, "k", {"body": "y"})

    assert second.json()["id"] != first.json()["id"]
    assert REPLAYED not in second.headers
    assert third.body == second.body
    assert other.status == 422
    assert len(lab.notes()) == 2


def test_an_answer_is_kept_for_a_day(lab: Lab, client: Client) -> None:
    post(client, "k")

    kept_s = lab.ask("select extract(epoch from expires_at - now())::int from app.answers")
    assert 23 * 3600 < kept_s <= 24 * 3600


@pytest.mark.parametrize(
    ("path", "then", "status"),
    [(NOTES, "break", 500), (NOTES, "refuse", 409), (NOTES, "collide", 409), ("/unwritable", "", 500)],
    ids=["exception", "error", "sql", "render"],
)
def test_what_failed_may_be_tried_again(lab: Lab, client: Client, path: str, then: str, status: int) -> None:
    answers = [post(client, "k", {"body": "x", "then": then}, path) for _ in range(2)]

    assert [answer.status for answer in answers] == [status, status]
    assert not any(REPLAYED in answer.headers for answer in answers)
    assert lab.ask("select count(*) from app.answers") == 0
    # Nothing of it is left, so the key is free for any request.
    assert post(client, "k").status == 201
    assert len(lab.notes()) == 1


def test_an_invalid_body_uses_no_key(lab: Lab, client: Client) -> None:
    assert post(client, "k", {"body": 3}).status == 422
    assert post(client, "k").status == 201


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_commit_and_a_second_try_are_one_effect(lab: Lab, client: Client, proxy: Proxy, when: str) -> None:
    database = Database(lab.through(proxy.url(lab.local.login_url)))
    app.use(database)
    assert client.post("/silent").status == 202
    proxy.cut(when="before" if when == "before" else "after", text="commit")

    first = post(client, "k")
    second = post(client, "k")
    database.close()

    assert first.status == (503 if when == "before" else 201)
    assert second.status == 201
    assert (REPLAYED in second.headers) == (when == "after")
    assert len(lab.notes()) == 1


def test_an_unknown_commit_is_known_to_the_second_try(lab: Lab, client: Client, proxy: Proxy) -> None:
    """Short of time there is nobody left to ask; the key asks for him."""
    database = Database(lab.through(proxy.url(lab.local.login_url)))
    app.use(database)
    assert client.post("/silent").status == 202
    proxy.cut(when="after", text="commit")
    with ThreadPoolExecutor(1) as pool:
        impatient = Client(app, person=ALICE, timeout_s=2)
        first = pool.submit(post, impatient, "k", {"body": "x", "then": "wait"})
        assert held.entered.wait(10)
        proxy.refuse()
        held.let_go.set()
    unknown = first.result()
    proxy.restore()
    second = post(client, "k", {"body": "x", "then": "wait"})
    database.close()

    assert (unknown.status, unknown.json()["code"]) == (503, "commit_unknown")
    assert second.headers[REPLAYED] == "true"
    assert len(lab.notes()) == 1


def test_it_costs_no_round_trip(lab: Lab, client: Client, proxy: Proxy) -> None:
    database = Database(lab.through(proxy.url(lab.local.login_url)))
    app.use(database)
    assert client.post("/silent").status == 202
    proxy.reset()

    post(client, "k")
    first = proxy.round_trips()
    proxy.reset()
    post(client, "k")
    again = proxy.round_trips()
    database.close()

    # One statement and COMMIT; then the claim that finds the answer, ROLLBACK, and the answer itself.
    assert (first, again) == (2, 3)


def test_the_service_purges_what_has_expired(lab: Lab, client: Client) -> None:
    post(client, "old")
    lab.tell("update app.answers set expires_at = now() - interval '1 second'")
    post(client, "new")

    with psycopg.connect(lab.local.service_url, autocommit=True) as conn:
        assert conn.execute("delete from app.answers").rowcount == 1

    assert lab.ask("select key from app.answers") == "new"


def test_a_route_without_a_transaction_cannot_be_idempotent() -> None:
    wrong = App("wrong")

    def reads(db: Reader) -> int:
        return 1

    def neither() -> int:
        return 1

    for handler in (reads, neither):
        with pytest.raises(TypeError, match="idempotent= needs a transaction"):
            wrong.post("/things", allow=SIGNED_IN, idempotent=True)(handler)


def test_the_connection_is_quiet_after_all_of_it(lab: Lab, client: Client) -> None:
    for key, then in [("k", ""), ("k", ""), ("k", "break"), ("l", "break"), ("l", "")]:
        post(client, key, {"body": "x", "then": then})

    assert lab.is_quiet()
    assert until(lambda: lab.ask(LOCKS) == 0)


# regression: the key was claimed with the first statement, so what stood before it ran for each repetition.
def test_a_key_has_one_effect_outside_of_the_database_too(lab: Lab, db: Database) -> None:
    charged: list[str] = []
    shop = App("shop")

    @shop.post("/payments", allow=SIGNED_IN, status=201, idempotent=True)
    def pay(tx: Transaction) -> dict[str, int]:
        charged.append("card")
        return {"n": tx.value("select 1")}

    shop.use(db)
    answers = [post(Client(shop, person=ALICE), "k-77", path="/payments") for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 201, 201]
    assert [REPLAYED in answer.headers for answer in answers] == [False, True, True]
    assert charged == ["card"]


def test_two_at_once_have_one_effect(lab: Lab, db: Database) -> None:
    charged: list[str] = []
    entered, leave = threading.Event(), threading.Event()
    shop = App("shop")

    @shop.post("/payments", allow=TOKEN, idempotent=True)
    def pay(tx: Transaction) -> None:
        charged.append("card")
        entered.set()
        assert leave.wait(10)
        tx.run("select 1", rows=None)

    database = Database(lab.settings, Pooled(lab.settings))
    shop.use(database)
    client = Client(shop, person=ALICE)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, client, "k-78", path="/payments")
        assert entered.wait(10)
        second = post(client, "k-78", path="/payments")
        leave.set()

    database.close()

    assert (first.result().status, second.status) == (204, 409)
    assert charged == ["card"]
