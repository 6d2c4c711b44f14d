"""The messages of a chat, and their export."""

from typing import Annotated
from uuid import UUID

from org_common import App, Page, PageRequest, Reader, Response, Transaction

from cora_modules.chat.export import render
from cora_modules.chat.models.messages import Format, Message, NewMessage, Transcript
from cora_modules.chat.queries import messages as queries
from cora_modules.chat.rules import ChatCheck

app = App("chat-messages")

VIEW = ChatCheck("view")
EDIT = ChatCheck("edit")
MOST_EXPORTED = 5_000
"""How many messages an export has, at most: the newest."""


@app.get("/chats/{chat_id}/messages", allow=VIEW)
def list_messages(db: Reader, chat_id: UUID, page: PageRequest) -> Page[Message]:
    """List the messages, the newest last."""
    return db.page(Message, queries.LIST_MESSAGES, {"chat_id": chat_id}, page=page, by=("created_at", "id"))


@app.post("/chats/{chat_id}/messages", allow=EDIT, status=201, idempotent=True)
def add_message(tx: Transaction, chat_id: UUID, body: NewMessage) -> Message:
    """Store a message, which no model answers."""
    return tx.one(Message, queries.ADD_MESSAGE, {"chat_id": chat_id, **body.model_dump()})


@app.get("/chats/{chat_id}/messages/export", allow=VIEW)
def export_messages(
    db: Reader, chat_id: UUID, format: Format = "markdown"
) -> Annotated[Response, "text/markdown", "application/json"]:
    """Return the chat as a file: Markdown, JSON with citations, or the messages as OpenAI's API takes them."""
    values = {"chat_id": chat_id, "limit": MOST_EXPORTED}
    return render(db.one(Transcript, queries.EXPORT, values), format)


@app.get("/chats/{chat_id}/messages/{message_id}", allow=VIEW)
def get_message(db: Reader, chat_id: UUID, message_id: UUID) -> Message:
    """Return one message."""
    return db.one(Message, queries.GET_MESSAGE, {"chat_id": chat_id, "message_id": message_id})


@app.delete("/chats/{chat_id}/messages/{message_id}", allow=EDIT)
def delete_message(tx: Transaction, chat_id: UUID, message_id: UUID) -> None:
    """Delete a message for good. Its answer stays."""
    tx.run(queries.DELETE_MESSAGE, {"chat_id": chat_id, "message_id": message_id}, rows=1)
