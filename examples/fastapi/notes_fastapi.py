"""The notes behind FastAPI: its router and its validation, our way into the database."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Request
from fastapi import Response as Answer
from mangum import Mangum
from pydantic import StringConstraints

from org_common import Identity, Model, OrgError, Reader, Transaction, Unauthorized, problem, reader, transaction

app = FastAPI(title="notes")


# FastAPI builds its validators at once, and warns of a body that would be built at its first use.
class NewNote(Model, defer_build=False):
    text: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Note(Model):
    id: UUID
    text: str
    created_at: datetime
    created_by: UUID


LIST = """
select n.id, n.text, n.created_at, n.created_by from notes.notes n
where n.org_id = %(org_id)s order by n.created_at desc limit 100
"""
ADD = """
insert into notes.notes (org_id, text) values (%(org_id)s, %(text)s)
returning id, text, created_at, created_by
"""


def caller(request: Request) -> Identity:
    """Whoever the API's authorizer vouches for; nobody else gets a handle."""
    context = request.scope["aws.event"]["requestContext"].get("authorizer", {}).get("lambda") or {}
    if "claims" not in context:
        raise Unauthorized
    return Identity.from_claims(context["claims"])


def reading(identity: Annotated[Identity, Depends(caller)]) -> Iterator[Reader]:
    with reader(identity) as db:
        yield db


def writing(identity: Annotated[Identity, Depends(caller)]) -> Iterator[Transaction]:
    """Committed when the handler has returned and before its answer is sent, rolled back when it raised."""
    with transaction(identity) as tx:
        yield tx


# scope="function": FastAPI would commit after the answer is on its way otherwise, when nobody can be told of a failure.
Db = Annotated[Reader, Depends(reading, scope="function")]
Tx = Annotated[Transaction, Depends(writing, scope="function")]


@app.exception_handler(OrgError)
def refuse(request: Request, error: OrgError) -> Answer:
    """Our errors as problems: a row that is not there, a policy that refuses, a duplicate, no time left."""
    made = problem(error, request.scope["aws.event"]["requestContext"]["requestId"])
    return Answer(made.body, status_code=made.status, headers=made.headers)


@app.get("/orgs/{org_id}/notes")
def list_notes(db: Db, org_id: UUID) -> list[Note]:
    """The organization's notes, the newest first."""
    return db.all(Note, LIST, {"org_id": org_id})


@app.post("/orgs/{org_id}/notes", status_code=201)
def add_note(tx: Tx, org_id: UUID, body: NewNote) -> Note:
    """Write a note."""
    return tx.one(Note, ADD, {"org_id": org_id, "text": body.text})


# Mangum takes all it does not know for binary, and problems are text.
handler = Mangum(app, lifespan="off", text_mime_types=["application/json", "application/problem+json", "text/"])
