"""What a listener sees of each round trip."""

from collections.abc import Iterator

import pytest

from cora_modules import demo
from org_common import App, Check, Reader, Transaction
from org_common.db.connections import connection
from org_common.db.protocol.wire import exchange
from org_common.testing.client import ISSUER, Client
from org_common.tools.database.local import LocalDatabase
from org_common.tools.database.tap import RoundTrip, Sent, listening

pytestmark = pytest.mark.db

app = App("tapped")
RULES = {"yes": Check("true"), "no": Check("false"), "hidden": Check("null::boolean")}


@app.get("/yes", allow=RULES["yes"])
def read(db: Reader) -> int:
    return int(db.value("select %(secret)s::int\n  + 0", {"secret": 4711}))


@app.get("/no", allow=RULES["no"])
def read_no(db: Reader) -> int:
    return int(db.value("select 1"))


@app.get("/hidden", allow=RULES["hidden"])
def read_hidden(db: Reader) -> int:
    return int(db.value("select 1"))


@app.post("/broken", allow=RULES["yes"])
def write(tx: Transaction) -> None:
    tx.run("delete from access.nothing", rows=1)


@pytest.fixture
def trips(database: LocalDatabase) -> Iterator[list[RoundTrip]]:
    demo.seed(database.admin_url, ISSUER)
    trips: list[RoundTrip] = []
    with database.serve(app), listening(trips.append):
        yield trips


@pytest.fixture
def alice() -> Client:
    return Client(app, person="alice")


def test_statement_is_seen_without_its_values(alice: Client, trips: list[RoundTrip]) -> None:
    assert alice.get("/yes").json() == 4711

    [trip] = trips
    assert trip.sent() == [Sent("select %(secret)s::int + 0", 1)]
    assert (trip.verdict, trip.error, trip.took_ms > 0) == ("allowed", None, True)


@pytest.mark.parametrize(("path", "status", "verdict"), [("/no", 403, "denied: 403"), ("/hidden", 404, "denied: 404")])
def test_verdict_of_a_rule(path: str, status: int, verdict: str, alice: Client, trips: list[RoundTrip]) -> None:
    assert alice.get(path).status == status

    [trip] = trips
    assert (trip.verdict, trip.sent()) == (verdict, [Sent("select 1", None)])


def test_unknown_user_has_a_verdict(alice: Client, trips: list[RoundTrip]) -> None:
    assert alice.as_("stranger").get("/yes").status == 403

    assert [trip.verdict for trip in trips] == ["unknown user: 403"]


def test_failed_statement_has_its_error(alice: Client, trips: list[RoundTrip]) -> None:
    assert alice.post("/broken").status == 500

    first = trips[0]
    assert (first.verdict, first.sent()) == ("allowed", [Sent("delete from access.nothing", None)])
    assert getattr(first.error, "sqlstate", None) == "42P01"


def test_nothing_is_replaced_after_the_block(database: LocalDatabase) -> None:
    with listening(lambda trip: None):
        assert vars(connection)["exchange"] is not exchange

    assert vars(connection)["exchange"] is exchange
