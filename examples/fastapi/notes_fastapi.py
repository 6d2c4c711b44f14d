"""The notes behind FastAPI: its router and validation, our database layer."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Request
from fastapi import Response as HttpResponse
from mangum import Mangum
from pydantic import StringConstraints

from org_common import Identity, Model, OrgError, Reader, Transaction, Unauthorized, problem, reader, transaction

app = FastAPI(title="notes")


# FastAPI builds validators at once, and warns about a body model that defers it to first use.
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
    """The identity that the API's authorizer passed on; `Unauthorized` for a request that has none."""
    context = request.scope["aws.event"]["requestContext"].get("authorizer", {}).get("lambda") or {}
    if "claims" not in context:
        raise Unauthorized
    return Identity.from_claims(context["claims"])


def open_reader(identity: Annotated[Identity, Depends(caller)]) -> Iterator[Reader]:
    with reader(identity) as db:
        yield db


def open_transaction(identity: Annotated[Identity, Depends(caller)]) -> Iterator[Transaction]:
    """Committed after the handler returns and before the response is sent; rolled back if it raises."""
    with transaction(identity) as tx:
        yield tx


# scope="function": FastAPI would commit after the answer is on its way otherwise, when nobody can be told of a failure.
Db = Annotated[Reader, Depends(open_reader, scope="function")]
Tx = Annotated[Transaction, Depends(open_transaction, scope="function")]


@app.exception_handler(OrgError)
def error_response(request: Request, error: OrgError) -> HttpResponse:
    """Return our errors as problems: a missing row, a policy violation, a duplicate, a timeout."""
    response = problem(error, request.scope["aws.event"]["requestContext"]["requestId"])
    return HttpResponse(response.body, status_code=response.status, headers=response.headers)


@app.get("/orgs/{org_id}/notes")
def list_notes(db: Db, org_id: UUID) -> list[Note]:
    """List the organization's notes, newest first."""
    return db.all(Note, LIST, {"org_id": org_id})


@app.post("/orgs/{org_id}/notes", status_code=201)
def add_note(tx: Tx, org_id: UUID, body: NewNote) -> Note:
    """Write a note."""
    return tx.one(Note, ADD, {"org_id": org_id, "text": body.text})


# Mangum takes all it does not know for binary, and problems are text.
handler = Mangum(app, lifespan="off", text_mime_types=["application/json", "application/problem+json", "text/"])
