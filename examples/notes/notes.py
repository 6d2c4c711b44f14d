"""Notes shared by the members of an organization."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from org_common import App, Model, OrgCheck, Page, PageRequest, Reader, Transaction

app = App("notes")

MEMBER = OrgCheck("org_user")
ADMIN = OrgCheck("org_admin")


class NewNote(Model):
    text: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Note(Model):
    id: UUID
    text: str
    created_at: datetime
    created_by: UUID


LIST = """
select n.id, n.text, n.created_at, n.created_by from notes.notes n
where n.org_id = %(org_id)s
"""
GET = LIST + " and n.id = %(note_id)s"
ADD = """
insert into notes.notes (org_id, text) values (%(org_id)s, %(text)s)
returning id, text, created_at, created_by
"""
REMOVE = "delete from notes.notes where org_id = %(org_id)s and id = %(note_id)s"


@app.get("/orgs/{org_id}/notes", allow=MEMBER)
def list_notes(db: Reader, org_id: UUID, page: PageRequest) -> Page[Note]:
    """List the organization's notes, newest first."""
    return db.page(Note, LIST, {"org_id": org_id}, page=page, by=("created_at", "id"), descending=True)


@app.post("/orgs/{org_id}/notes", allow=MEMBER, status=201)
def add_note(tx: Transaction, org_id: UUID, body: NewNote) -> Note:
    """Write a note."""
    return tx.one(Note, ADD, {"org_id": org_id, "text": body.text})


@app.get("/orgs/{org_id}/notes/{note_id}", allow=MEMBER)
def get_note(db: Reader, org_id: UUID, note_id: UUID) -> Note:
    """Get one note."""
    return db.one(Note, GET, {"org_id": org_id, "note_id": note_id})


@app.delete("/orgs/{org_id}/notes/{note_id}", allow=ADMIN)
def remove_note(tx: Transaction, org_id: UUID, note_id: UUID) -> None:
    """Delete a note."""
    tx.run(REMOVE, {"org_id": org_id, "note_id": note_id}, rows=1)
