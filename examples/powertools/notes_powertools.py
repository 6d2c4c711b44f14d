"""The notes behind Powertools' resolver: its router and validation, our database layer."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import StringConstraints

from org_common import Identity, Model, OrgError, Unauthorized, problem, reader, transaction

app = APIGatewayHttpResolver(enable_validation=True)


class NewNote(Model):
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


def caller() -> Identity:
    """The identity that the API's authorizer passed on; `Unauthorized` for a request that has none."""
    context: dict[str, Any] = app.current_event["requestContext"].get("authorizer", {}).get("lambda") or {}
    if "claims" not in context:
        raise Unauthorized
    return Identity.from_claims(context["claims"])


@app.exception_handler(OrgError)  # type: ignore[untyped-decorator]  # Powertools has no type for it
def error_response(error: OrgError) -> Response[str]:
    """Return our errors as problems: a missing row, a policy violation, a duplicate, a timeout."""
    response = problem(error, app.current_event["requestContext"]["requestId"])
    return Response(response.status, body=response.body.decode(), headers=response.headers)


@app.get("/orgs/<org_id>/notes")
def list_notes(org_id: UUID) -> list[Note]:
    """List the organization's notes, newest first."""
    with reader(caller()) as db:
        return db.all(Note, LIST, {"org_id": org_id})


@app.post("/orgs/<org_id>/notes")
def add_note(org_id: UUID, body: Annotated[NewNote, Body()]) -> Note:
    """Write a note."""
    with transaction(caller()) as tx:
        return tx.one(Note, ADD, {"org_id": org_id, "text": body.text})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point of the Lambda function."""
    return app.resolve(event, context)
