"""The members of a chat."""

from uuid import UUID

from org_common import Check, Page, PageRequest, Reader, Router, Transaction

from cora_modules.chat.models.chats import Member, NewMember
from cora_modules.chat.queries import chats as queries
from cora_modules.chat.rules import ChatCheck

router = Router("/chats/{chat_id}/members")

VIEW = ChatCheck("view")
EDIT = ChatCheck("edit")
SELF = Check("%(user_id)s = app.uid()")


@router.get("", allow=VIEW)
def list_members(db: Reader, chat_id: UUID, page: PageRequest) -> Page[Member]:
    """List the members, oldest first. The owner is not one of them."""
    return db.page(Member, queries.LIST_MEMBERS, {"chat_id": chat_id}, page=page, by=("created_at", "id"))


@router.post("", allow=EDIT, status=201, idempotent=True, retry=True)
def add_member(tx: Transaction, chat_id: UUID, body: NewMember) -> Member:
    """Let another member of the workspace, or of the organization for a personal chat, view or edit the chat."""
    return tx.one(Member, queries.ADD_MEMBER, {"chat_id": chat_id, **body.model_dump()})


@router.delete("/{user_id}", allow=EDIT | VIEW & SELF, retry=True)
def remove_member(tx: Transaction, chat_id: UUID, user_id: UUID) -> None:
    """Remove a member. Members may remove themselves."""
    tx.value(queries.REMOVE_MEMBER, {"chat_id": chat_id, "user_id": user_id})
