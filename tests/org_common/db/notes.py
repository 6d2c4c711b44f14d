"""An app whose routes answer a repeated request once, over the notes of the lab."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

from cora_modules.demo import ACME
from org_common import SIGNED_IN, TOKEN, App, Model, OrgCheck, Response, Transaction
from org_common.db.database import Database
from org_common.testing.client import Answer, Client, Person
from org_common.values.errors import Conflict
from tests.support.lab import INSERT, Lab, Note

MEMBER = OrgCheck("org_user")
ALICE, BOB, CAROL = (Person(f"local|{name}") for name in ("alice", "bob", "carol"))
STRANGER = Person("local|stranger")
NOTES = f"/orgs/{ACME}/notes"
REPLAYED = "idempotent-replayed"


NUMBER: LiteralString = "(random() * 2000000000)::int"


class Held:
    """Where a handler waits, for the test that asks it to."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()


class NewNote(Model):
    body: str
    then: str = ""


held = Held()
app = App("notes")


def add(tx: Transaction, body: NewNote) -> Note:
    # A new number each time: two effects are two rows.
    made = tx.one(Note, "insert into lab.notes (id, body) values (" + NUMBER + ", %(body)s) returning id, body", body)
    if body.then == "wait":
        held.entered.set()
        assert held.let_go.wait(10)
    if body.then == "break":
        raise ValueError
    if body.then == "refuse":
        raise Conflict
    if body.then == "collide":
        tx.run(INSERT, {"id": made.id, "body": "again"}, rows=1)
    return made


@app.post("/orgs/{org_id}/notes", allow=MEMBER, status=201, idempotent=True)
def post_note(tx: Transaction, org_id: str, body: NewNote, kind: str = "") -> Note:
    return add(tx, body)


@app.put("/orgs/{org_id}/notes", allow=MEMBER, idempotent=True)
def put_note(tx: Transaction, org_id: str, body: NewNote) -> Note:
    return add(tx, body)


@app.post("/orgs/{org_id}/others", allow=MEMBER, status=201, idempotent=True)
def post_other(tx: Transaction, org_id: str, body: NewNote) -> Note:
    return add(tx, body)


@app.post("/plain", allow=SIGNED_IN, status=201)
def post_plain(tx: Transaction, body: NewNote) -> Note:
    return add(tx, body)


@app.post("/nothing", allow=SIGNED_IN, idempotent=True)
def post_nothing(tx: Transaction) -> None:
    tx.run("insert into lab.notes (id, body) values (" + NUMBER + ", 'x')", rows=1)


@app.post("/silent", allow=SIGNED_IN, status=202, idempotent=True)
def post_silent(tx: Transaction) -> dict[str, bool]:
    """Has no statement of its own."""
    return {"done": True}


@app.post("/file", allow=SIGNED_IN, idempotent=True)
def post_file(tx: Transaction) -> Response:
    number = tx.value("select count(*) from lab.notes")
    tx.run(INSERT, {"id": number, "body": "x"}, rows=1)
    return Response(b"\x00\xff" + str(number).encode(), status=203, headers={"content-type": "image/x", "etag": '"7"'})


@app.post("/cookies", allow=SIGNED_IN, idempotent=True)
def post_cookies(tx: Transaction) -> Response:
    response = Response(str(tx.value("select gen_random_uuid()")).encode())
    response.set_cookie("session", "abc")
    response.set_cookie("theme", "dark")
    return response


@app.post("/unwritable", allow=SIGNED_IN, idempotent=True)
def post_unwritable(tx: Transaction) -> dict[str, Any]:
    tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    # No key of a JSON object.
    return {"made": {object(): 1}}


@app.post("/sign-in", allow=TOKEN, status=201, idempotent=True)
def sign_in(tx: Transaction) -> dict[str, object]:
    return {"tag": str(tx.value("select gen_random_uuid()")), "user": tx.value("select auth.uid()")}


def post(client: Client, key: str, body: object = None, path: str = NOTES, method: str = "POST") -> Answer:
    return client.send(method, path, body={"body": "x"} if body is None else body, headers={"idempotency-key": key})


@contextmanager
def alices(lab: Lab) -> Iterator[Client]:
    """Alice's client; no answers are stored."""
    lab.tell("truncate app.answers")
    database = Database(lab.settings)
    app.use(database)
    held.entered.clear()
    held.let_go.clear()
    yield Client(app, person=ALICE)
    app.use(None)
    database.close()
