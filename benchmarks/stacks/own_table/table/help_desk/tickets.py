"""Tickets of an organization. Its members read and write them, its admins delete them."""

import base64
import json
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from help_desk.database import Admin, Member
from help_desk.models import Base
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import ForeignKey, Index, func, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

router = APIRouter(prefix="/orgs/{org_id}/tickets", tags=["tickets"])


class TicketRow(Base):
    __tablename__ = "tickets"
    __table_args__ = (Index(None, "org_id", "created_at", "id"),)
    org_id: Mapped[UUID] = mapped_column(ForeignKey("orgs.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    subject: Mapped[str]
    priority: Mapped[int]
    due_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[UUID] = mapped_column(server_default=func.user_id())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    updated_by: Mapped[UUID] = mapped_column(server_default=func.user_id(), onupdate=func.user_id())


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True, extra="forbid")


class NewTicket(Model):
    subject: Annotated[str, Field(min_length=1, max_length=2000)]
    priority: int
    due_on: date | None = None


class TicketPatch(Model):
    subject: Annotated[str, Field(min_length=1, max_length=2000)] = ""
    priority: int = 0
    due_on: date | None = None


class Ticket(NewTicket):
    id: UUID
    created_at: datetime
    created_by: UUID
    updated_at: datetime
    updated_by: UUID


class TicketPage(Model):
    items: list[Ticket]
    next_cursor: str | None


def find(session: Session, org_id: UUID, ticket_id: UUID) -> TicketRow:
    row = session.get(TicketRow, (org_id, ticket_id))
    if row is None:
        raise HTTPException(404)
    return row


@router.get("")
def list_tickets(
    session: Member, org_id: UUID, limit: Annotated[int, Query(ge=1, le=100)] = 50, cursor: str | None = None
) -> TicketPage:
    statement = select(TicketRow).where(TicketRow.org_id == org_id)
    if cursor is not None:
        try:
            created_at, last = json.loads(base64.urlsafe_b64decode(cursor))
            after = (datetime.fromisoformat(created_at), UUID(last))
        except ValueError as error:
            raise HTTPException(400, "The cursor is not valid.") from error
        statement = statement.where(tuple_(TicketRow.created_at, TicketRow.id) < after)
    newest = (TicketRow.created_at.desc(), TicketRow.id.desc())
    rows = session.scalars(statement.order_by(*newest).limit(limit + 1)).all()
    following = None
    if len(rows) > limit:
        key = [rows[limit - 1].created_at.isoformat(), str(rows[limit - 1].id)]
        following = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
    return TicketPage(items=[Ticket.model_validate(row) for row in rows[:limit]], next_cursor=following)


@router.post("", status_code=201)
def create_ticket(session: Member, org_id: UUID, body: NewTicket) -> Ticket:
    row = TicketRow(org_id=org_id, **body.model_dump())
    session.add(row)
    session.flush()
    return Ticket.model_validate(row)


@router.get("/{ticket_id}")
def get_ticket(session: Member, org_id: UUID, ticket_id: UUID) -> Ticket:
    return Ticket.model_validate(find(session, org_id, ticket_id))


@router.patch("/{ticket_id}")
def update_ticket(session: Member, org_id: UUID, ticket_id: UUID, body: TicketPatch) -> Ticket:
    row = find(session, org_id, ticket_id)
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(row, name, value)
    session.flush()
    return Ticket.model_validate(row)


@router.delete("/{ticket_id}", status_code=204)
def remove_ticket(session: Admin, org_id: UUID, ticket_id: UUID) -> None:
    session.delete(find(session, org_id, ticket_id))
