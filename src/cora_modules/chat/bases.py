"""The knowledge bases that a chat is grounded on."""

from uuid import UUID

from org_common import Conflict, Reader, Router, Transaction

from cora_modules.chat.models.bases import Base, Bases, NewBase, NewBases
from cora_modules.chat.queries import bases as queries
from cora_modules.chat.rules import ChatCheck

router = Router("/chats/{chat_id}/bases")

VIEW = ChatCheck("view")
EDIT = ChatCheck("edit")


@router.get("", allow=VIEW)
def get_bases(db: Reader, chat_id: UUID) -> Bases:
    """Return the knowledge bases of the chat that the caller may read."""
    return db.one(Bases, queries.GET_BASES, {"chat_id": chat_id})


@router.put("", allow=EDIT)
def set_bases(tx: Transaction, chat_id: UUID, body: NewBases) -> Bases:
    """Ground the chat on these knowledge bases. Those that the caller may not read stay as they are."""
    values = {"chat_id": chat_id, "base_ids": body.base_ids}
    tx.run(queries.REMOVE_BASES, values, rows=None)
    if tx.value(queries.ADD_BASES, values) != len(set(body.base_ids)):
        raise Conflict("One of these knowledge bases does not exist.", code="broken_reference")
    return tx.one(Bases, queries.GET_BASES, values)


@router.post("", allow=EDIT, status=201, idempotent=True, location="/kb/{id}")
def create_base(tx: Transaction, chat_id: UUID, body: NewBase) -> Base:
    """Create a knowledge base for the documents of this chat. Who edits the chat may change it."""
    return tx.one(Base, queries.CREATE_BASE, {"chat_id": chat_id, "name": body.name})
