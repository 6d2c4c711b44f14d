"""The order in which a route authorizes, runs, renders and commits, recorded by a fake database."""

import os
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import pytest

from org_common import SIGNED_IN, App, Conflict, Forbidden, Model, OrgCheck, Reader, Response, Transaction
from org_common.testing.client import Answer, Client, Person

if TYPE_CHECKING:
    from org_common import Database

ORG = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"
ORG_USER = OrgCheck("org_user")


class Handle:
    """Scope and `Transaction` in one, which records its calls; `refuses` is raised by the access rule."""

    def __init__(self, steps: list[str], refuses: Exception | None) -> None:
        self._steps = steps
        self._refuses = refuses

    def note(self, step: str) -> None:
        self._steps.append(step)

    def ensure_authorized(self) -> None:
        # Asked once: a second call has nothing to do.
        if "rule" not in self._steps:
            self._steps.append("rule")
        if self._refuses:
            raise self._refuses

    def commit(self, response: tuple[int, Any, bytes, Any]) -> None:
        self._steps.append(f"commit {response[0]}")

    def rollback(self) -> None:
        self._steps.append("rollback")

    def close(self) -> None:
        self._steps.append("close")


class Ledger:
    """A database that records its transactions."""

    def __init__(self, refuses: Exception | None = None) -> None:
        self.steps: list[str] = []
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.options: dict[str, Any] = {}
        self._refuses = refuses

    def open_reader(self, rule: Any, identity: Any, path: dict[str, Any], deadline: Any) -> tuple[Handle, Handle]:
        return self._opened("reader", identity, path)

    def open_transaction(
        self, rule: Any, identity: Any, path: dict[str, Any], deadline: Any, **options: Any
    ) -> tuple[Handle, Handle]:
        self.options = options
        return self._opened("transaction", identity, path)

    def _opened(self, kind: str, identity: Any, path: dict[str, Any]) -> tuple[Handle, Handle]:
        self.steps.append(kind)
        self.asked.append((kind, identity.subject, path))
        handle = Handle(self.steps, self._refuses)
        return handle, handle


class Thing(Model):
    name: str


app = App("units")


@app.get("/orgs/{org_id}", allow=ORG_USER)
def read(db: Reader, org_id: UUID, limit: int = 1) -> dict[str, str]:
    cast("Handle", db).note("handler")
    return {"name": "a"}


@app.get("/rule-only", allow=SIGNED_IN)
def rule_only() -> None:
    raise Conflict("ran")


@app.post("/orgs/{org_id}", allow=ORG_USER)
def write(tx: Transaction, org_id: UUID, how: str = "well") -> Any:
    cast("Handle", tx).note("handler")
    if how == "conflict":
        raise Conflict
    if how == "exit":
        raise SystemExit
    return {"well": {"name": "a"}, "unrenderable": {1: 2}, "nothing": None}[how]


@app.post("/things", allow=SIGNED_IN, idempotent=True, isolation="serializable", retry=True)
def create(tx: Transaction) -> None: ...


@app.post("/large", allow=SIGNED_IN)
def large(tx: Transaction, body: str) -> Response:
    bodies = {"noise": os.urandom(7_000_000), "zeros": b"0" * 7_000_000, "small": b"0" * 200_000}
    return Response(bodies[body], headers={"content-type": "text/plain"})


def sent(ledger: Ledger, method: str, path: str, **more: Any) -> Answer:
    app.use(cast("Database", ledger))
    try:
        return Client(app, person=Person("alice")).send(method, path, **more)
    finally:
        app.use(None)


def test_reading_route_authorizes_before_a_handler_that_may_do_something() -> None:
    ledger = Ledger()

    answer = sent(ledger, "GET", f"/orgs/{ORG}")

    assert answer.status == 200
    assert ledger.steps == ["reader", "rule", "handler", "close"]


def test_route_without_a_reader_asks_the_rule_before_the_handler() -> None:
    ledger = Ledger(refuses=Forbidden())

    answer = sent(ledger, "GET", "/rule-only")

    assert answer.status == 403
    assert ledger.steps == ["reader", "rule", "close"]


def test_route_without_a_reader_runs_after_its_rule() -> None:
    ledger = Ledger()

    answer = sent(ledger, "GET", "/rule-only")

    assert answer.json()["detail"] == "ran"
    assert ledger.steps == ["reader", "rule", "close"]


def test_writing_route_commits_after_the_rule_and_closes() -> None:
    ledger = Ledger()

    answer = sent(ledger, "POST", f"/orgs/{ORG}")

    assert answer.status == 200
    assert ledger.steps == ["transaction", "rule", "handler", "commit 200", "close"]


@pytest.mark.parametrize(("how", "status"), [("conflict", 409), ("unrenderable", 500), ("unknown", 500)])
def test_fault_of_handler_or_rendering_rolls_back(how: str, status: int) -> None:
    ledger = Ledger()

    answer = sent(ledger, "POST", f"/orgs/{ORG}", query=f"how={how}")

    assert answer.status == status
    assert ledger.steps == ["transaction", "rule", "handler", "rollback", "close"]


def test_exit_within_a_handler_rolls_back() -> None:
    ledger = Ledger()

    with pytest.raises(SystemExit):
        sent(ledger, "POST", f"/orgs/{ORG}", query="how=exit")

    assert ledger.steps == ["transaction", "rule", "handler", "rollback", "close"]


def test_refused_write_is_rolled_back() -> None:
    ledger = Ledger(refuses=Forbidden())

    answer = sent(ledger, "POST", f"/orgs/{ORG}")

    assert answer.status == 403
    assert ledger.steps == ["transaction", "rule", "rollback", "close"]


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("body", ["noise", "zeros", "small"])
def test_write_whose_answer_cannot_be_sent_is_rolled_back(
    body: str, coding: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger()
    fits = body == "small" or (body, coding) == ("zeros", "gzip")

    answer = sent(ledger, "POST", "/large", query=f"body={body}", headers={"accept-encoding": coding})

    end = ["commit 200", "close"] if fits else ["rollback", "close"]
    assert (answer.status, ledger.steps) == (200 if fits else 413, ["transaction", "rule", *end])
    assert ["POST /large" in record.message for record in caplog.records] == ([] if fits else [True])


def test_write_that_answers_nothing_is_committed() -> None:
    ledger = Ledger()

    answer = sent(ledger, "POST", f"/orgs/{ORG}", query="how=nothing")

    assert answer.status == 204
    assert "commit 204" in ledger.steps


def test_unit_is_read_committed_and_has_no_key_unless_asked_for() -> None:
    ledger = Ledger()

    sent(ledger, "POST", f"/orgs/{ORG}", headers={"idempotency-key": "k-1"})

    assert ledger.options == {"isolation": "read committed", "key": None}


def test_unit_is_as_its_route_asks() -> None:
    ledger = Ledger()

    sent(ledger, "POST", "/things", headers={"idempotency-key": "k-1"})

    assert ledger.options["isolation"] == "serializable"
    assert ledger.options["key"].key == "k-1"


def test_key_that_is_none_reaches_no_database() -> None:
    ledger = Ledger()

    answer = sent(ledger, "POST", "/things", headers={"idempotency-key": "k" * 256})

    assert (answer.status, answer.json()["code"]) == (400, "invalid_idempotency_key")
    assert ledger.steps == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unit_gets_the_caller_and_the_parsed_path(method: str) -> None:
    ledger = Ledger()

    sent(ledger, method, f"/orgs/{ORG}")

    [(_, subject, path)] = ledger.asked
    assert (subject, path) == ("alice", {"org_id": UUID(ORG)})


@pytest.mark.parametrize(
    ("path", "query"), [("/orgs/me", ""), (f"/orgs/{ORG}", "limit=many"), (f"/orgs/{ORG}", "colour=red")]
)
def test_wrong_input_reaches_no_database(path: str, query: str) -> None:
    ledger = Ledger()

    answer = sent(ledger, "GET", path, query=query)

    assert answer.status == 422
    assert ledger.steps == []


def test_caller_without_a_token_reaches_no_database() -> None:
    ledger = Ledger()
    closed = App("closed")
    closed.get("/", allow=SIGNED_IN)(rule_only)
    closed.use(cast("Database", ledger))

    answer = Client(closed).get("/")

    assert answer.status == 401
    assert ledger.steps == []


def test_given_database_is_the_app_s() -> None:
    own = App("own")
    database = cast("Database", Ledger())

    own.use(database)

    assert own.database() is database
