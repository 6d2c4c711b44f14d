"""An app in front of the lab whose handlers stop at each phase of a unit, so that a fault can be put exactly there."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import LiteralString
from urllib.parse import urlsplit

from org_common import SIGNED_IN, App, Reader, Transaction
from org_common.db.connections.connection import Single, Source
from org_common.db.connections.retry import Phase
from org_common.db.database import Database
from org_common.testing.client import Answer, Client, Person
from org_common.values.isolation import Isolation
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE as LAB_ALICE
from tests.support.lab import INSERT, Lab
from tests.support.proxy import Proxy

ALICE = Person("local|alice")
COUNT: LiteralString = "select count(*) from lab.notes"
PID: LiteralString = "select pg_backend_pid()"
# After 3 s, as the report's figures show. A busy machine adds to that, and the caller would have waited for 29.
GIVEN_UP_S = 15.0

ISOLATIONS: dict[str, Isolation] = {
    "": "read committed",
    "/repeatable": "repeatable read",
    "/serializable": "serializable",
}
Fault = Callable[[], None]


@dataclass(frozen=True)
class Seen:
    """One request as it was seen from outside."""

    status: int
    code: str
    value: object
    runs: int
    took_s: float
    left_s: float
    headers: dict[str, str]


@dataclass
class Bench:
    """The app, its one connection, the proxy it goes through, and the lab that knows what was kept.

    `faults` are called when a handler comes to their phase: `READ` before the Reader's statement, `BEGIN` before a
    transaction's first one, `WRITE` before its second one, `COMMIT` after its last one.
    """

    lab: Lab
    proxy: Proxy
    source: Source
    faults: dict[Phase | str, Fault] = field(default_factory=dict)
    reading: LiteralString = COUNT
    writing: LiteralString = INSERT
    under: str = ""
    runs: int = 0
    startup_bytes: int = 0

    def __post_init__(self) -> None:
        self.database = Database(self.lab.settings, self.source)
        self.app = self._made()
        self.app.use(self.database)

    def _made(self) -> App:
        app = App("bench")

        @app.get("/notes", allow=SIGNED_IN)
        def read(db: Reader) -> dict[str, object]:
            self._enter(Phase.READ)
            return {"value": db.value(self.reading, {"id": 2})}

        def write(tx: Transaction) -> dict[str, object]:
            self._enter("BEGIN")
            tx.run(INSERT, {"id": 1, "body": "first"}, rows=1)
            self._fire(Phase.WRITE)
            tx.run(self.writing, {"id": 2, "body": "second"}, rows=None)
            self._fire(Phase.COMMIT)
            return {"value": 2}

        @app.post("/late", allow=SIGNED_IN)
        def late(tx: Transaction) -> dict[str, object]:
            """Only reads until COMMIT, in whose round trip a message rides."""
            self._enter("BEGIN")
            value = tx.value(COUNT)
            tx.send("queue", {"of": "the bench"})
            self._fire(Phase.COMMIT)
            return {"value": value}

        for under, isolation in ISOLATIONS.items():
            app.post(f"{under}/again", allow=SIGNED_IN, isolation=isolation, retry=True)(write)
        app.post("/notes", allow=SIGNED_IN)(write)
        return app

    def read(self, *, timeout_s: float = 8.0) -> Seen:
        return self.send("GET", "/notes", timeout_s=timeout_s)

    def write(self, path: str = "/notes", *, timeout_s: float = 8.0) -> Seen:
        return self.send("POST", self.under + path, timeout_s=timeout_s)

    def send(self, method: str, path: str, *, timeout_s: float) -> Seen:
        self.runs = 0
        client = Client(self.app, person=ALICE, timeout_s=timeout_s)
        started_s = time.perf_counter()
        answer = client.send(method, path)
        took_s = time.perf_counter() - started_s
        body = _json(answer)
        return Seen(
            status=answer.status,
            code=str(body.get("code", "")),
            value=body.get("value"),
            runs=self.runs,
            took_s=took_s,
            left_s=timeout_s - took_s,
            headers=answer.headers,
        )

    def behind(self, source: Source) -> "Bench":
        """The same on another source; whoever made the source closes it."""
        return Bench(self.lab, self.proxy, source)

    def warm(self) -> None:
        """Connected, the guard passed, nothing counted."""
        seen = self.read()
        assert seen.status == 200, seen
        self.proxy.reset()

    def cold(self) -> None:
        """As `warm`, and then without a connection. `startup_bytes` is what the server says while one is opened."""
        self.warm()
        self.source.close()
        assert self.read().status == 200
        opened_and_read = self.proxy.received_bytes
        self.proxy.reset()
        assert self.read().status == 200
        self.startup_bytes = opened_and_read - self.proxy.received_bytes
        self.source.close()
        self.proxy.reset()

    def ask(self, query: LiteralString, params: Mapping[str, object] | None = None) -> object:
        """Through the SDK, on the connection of the next request, without any fault."""
        handle = open_reader(self.database, SIGNED_IN, LAB_ALICE, {}, Deadline.after(8))
        try:
            return handle.value(query, params)
        finally:
            handle.close()

    def sent(self, text: str) -> int:
        """How often a statement with the text went by."""
        return sum(text in statement for statement in self.proxy.statements())

    def _enter(self, phase: Phase | str) -> None:
        self.runs += 1
        self._fire(phase)

    def _fire(self, phase: Phase | str) -> None:
        fault = self.faults.get(phase)
        if fault:
            fault()


def single(lab: Lab, proxy: Proxy, *, profile: str = "transaction-pooler") -> Single:
    """The one connection of an environment, through the proxy.

    With "direct" a text goes by once for each connection, and then by its name: the proxy's `cut` would not see it.
    """
    return Single(lab.through(without_tls(proxy.url(lab.local.login_url)), profile=profile))


def without_tls(url: str) -> str:
    """The embedded server has none, and asking for it costs a message that would be counted."""
    return with_query(url, "sslmode=disable")


def with_query(url: str, query: str) -> str:
    return url + ("&" if urlsplit(url).query else "?") + query


def add_counters(moved: Counter[str], source: Source) -> None:
    for name, value in source.counters.as_dict().items():
        if isinstance(value, dict):
            moved.update({f"{name} {reason}": count for reason, count in value.items()})
        else:
            moved[name] += value


def _json(answer: Answer) -> dict[str, object]:
    body = answer.json()
    assert isinstance(body, dict)
    return body
