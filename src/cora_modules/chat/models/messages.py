"""Messages and citations."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from org_common import Model
from pydantic import StringConstraints

from cora_modules.kb.models.search import Box

Content = Annotated[str, StringConstraints(min_length=1, max_length=32_000, pattern=r"\S")]
"""What a user writes, 1 to 32,000 characters, of which one at least is visible."""
Role = Literal["user", "assistant", "system"]
Format = Literal["markdown", "json", "openai"]
FinishReason = Literal["stop", "length", "filtered", "cancelled", "error"]
"""Why an answer ended: it was complete, had the most tokens allowed, was filtered by the provider, the client hung up,
or the provider failed."""


class Citation(Model):
    """A passage that the model was given. The answer cites the first one as `[1]`."""

    number: int
    document_id: UUID
    base_id: UUID
    title: str
    """The name of the document's file."""
    page: int | None
    """None for a document without pages."""
    box: Box | None = None
    """Where it is on its page of a PDF. Answers of earlier versions have none."""
    heading: str | None
    start: int
    """Where the passage begins in the text of the document, in characters."""
    end: int
    content: str
    """The passage."""
    score: float


class Message(Model):
    """A message of a chat."""

    id: UUID
    role: Role
    content: str
    citations: list[Citation]
    model: str | None
    """The model that answered; None for the message of a user."""
    tokens_in: int | None
    tokens_out: int | None
    finish_reason: FinishReason | None
    error: str | None
    """What failed, for the finish reason `error`."""
    reply_to: UUID | None
    """The message that this one answers."""
    created_at: datetime
    created_by: UUID | None
    """The user who wrote it, or who asked."""


class NewMessage(Model):
    """A message to store."""

    content: Content
    role: Literal["user", "system"] = "user"
    """A system message is an instruction to the model, for all later questions of the chat."""
    reply_to: UUID | None = None
    """A message of the same chat."""


class Transcript(Model):
    """A chat with its messages, for an export."""

    id: UUID
    title: str
    created_at: datetime
    messages: list[Message]
    """The newest 5,000, oldest first."""
