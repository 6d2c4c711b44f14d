"""Chats: their life from creation to deletion and restoration, and favorites."""

from uuid import UUID

from org_common import (
    SIGNED_IN,
    App,
    AsService,
    Conflict,
    Deadline,
    Gone,
    OrgCheck,
    Page,
    PageRequest,
    Reader,
    Transaction,
)

from cora_modules.chat import bases, members
from cora_modules.chat.models.chats import Chat, ChatPatch, Filter, NewChat, NewPersonalChat, OrgChat
from cora_modules.chat.queries import chats as queries
from cora_modules.chat.rules import ChatCheck
from cora_modules.ws.rules import WsCheck

app = App("chat-chats")
app.include(members.router, bases.router)
app.constraint("chats_shared", "isShared", detail="A personal chat has no workspace to share it with: add members.")

WS_USER = WsCheck("ws_user")
ORG_ADMIN = OrgCheck("org_admin")
VIEW = ChatCheck("view")
EDIT = ChatCheck("edit")
NEWEST = ("last_message_at", "id")


@app.get("/workspaces/{ws_id}/chats", allow=WS_USER)
def list_chats(db: Reader, ws_id: UUID, page: PageRequest, filter: Filter = "all") -> Page[Chat]:
    """List the workspace's chats that the caller sees, the one with the latest message first."""
    values = {"ws_id": ws_id, "filter": filter}
    return db.page(Chat, queries.LIST_OF_WORKSPACE, values, page=page, by=NEWEST, descending=True)


@app.post("/workspaces/{ws_id}/chats", allow=WS_USER, status=201, idempotent=True, location="/chats/{id}")
def create_chat(tx: Transaction, ws_id: UUID, body: NewChat) -> Chat:
    """Create a chat in the workspace. The caller owns it."""
    return tx.one(Chat, queries.CREATE_IN_WORKSPACE, {"ws_id": ws_id, **body.model_dump()})


@app.get("/users/me/chats", allow=SIGNED_IN)
def list_personal_chats(db: Reader, page: PageRequest, filter: Filter = "all") -> Page[Chat]:
    """List the personal chats that the caller owns or is a member of, the one with the latest message first."""
    return db.page(Chat, queries.LIST_PERSONAL, {"filter": filter}, page=page, by=NEWEST, descending=True)


@app.post("/users/me/chats", allow=SIGNED_IN, status=201, idempotent=True, location="/chats/{id}")
def create_personal_chat(tx: Transaction, body: NewPersonalChat) -> Chat:
    """Create a chat outside of a workspace. The caller owns it."""
    chat = tx.maybe(Chat, queries.CREATE_PERSONAL, body)
    if chat is None:
        raise Conflict("You are not a member of an organization with this id.", code="broken_reference")
    return chat


@app.get("/chats/{chat_id}", allow=VIEW)
def get_chat(db: Reader, chat_id: UUID) -> Chat:
    """Return one chat."""
    return db.one(Chat, queries.GET_CHAT, {"chat_id": chat_id})


@app.patch("/chats/{chat_id}", allow=EDIT)
def update_chat(tx: Transaction, chat_id: UUID, body: ChatPatch) -> Chat:
    """Change the fields that are sent."""
    return tx.one(Chat, queries.UPDATE_CHAT, {"chat_id": chat_id, "patch": body})


@app.delete("/chats/{chat_id}", allow=EDIT)
def delete_chat(tx: Transaction, chat_id: UUID) -> None:
    """Delete a chat. An administrator of the organization can restore it until its retention is over."""
    tx.value(queries.DELETE_CHAT, {"chat_id": chat_id})


@app.put("/chats/{chat_id}/favorite", allow=VIEW)
def add_favorite(tx: Transaction, chat_id: UUID) -> None:
    """Mark the chat as a favorite of the caller."""
    tx.run(queries.ADD_FAVORITE, {"chat_id": chat_id}, rows=None)


@app.delete("/chats/{chat_id}/favorite", allow=VIEW)
def remove_favorite(tx: Transaction, chat_id: UUID) -> None:
    """Remove the mark."""
    tx.run(queries.REMOVE_FAVORITE, {"chat_id": chat_id}, rows=None)


@app.get("/orgs/{org_id}/chats", allow=ORG_ADMIN)
def list_org_chats(db: Reader, org_id: UUID, page: PageRequest) -> Page[OrgChat]:
    """List all chats of the organization without their messages, the newest first, deleted ones included."""
    by = ("created_at", "id")
    return db.page(OrgChat, queries.LIST_OF_ORG, {"org_id": org_id}, page=page, by=by, descending=True)


@app.post("/orgs/{org_id}/chats/{chat_id}/restore", allow=ORG_ADMIN, raises=[Gone])
def restore_chat(tx: Transaction, org_id: UUID, chat_id: UUID) -> OrgChat:
    """Restore a deleted chat with its messages and members, for those who saw it before."""
    tx.value(queries.RESTORE_CHAT, {"org_id": org_id, "chat_id": chat_id})
    return tx.one(OrgChat, queries.GET_OF_ORG, {"org_id": org_id, "chat_id": chat_id})


# Before the purge of kb, which deletes the files of the chats' documents, and that of ws.
@app.schedule("cron(30 1 * * ? *)", allow=AsService("chats of all organizations are past their retention"))
def purge_chats(deadline: Deadline) -> None:
    """Delete what is past its retention. What is left near the deadline waits for the next day."""
    from cora_modules.chat.purge import purge_expired

    purge_expired(deadline)
