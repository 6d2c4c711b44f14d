"""Knowledge bases."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from org_common import Model, Patch
from pydantic import Field

from cora_modules.access.models.fields import Name, Text

ChunkTokens = Annotated[int, Field(ge=32, le=2048)]
"""The highest number of tokens in a passage."""
OverlapTokens = Annotated[int, Field(ge=0, le=512)]
"""How many tokens a passage repeats of the one before, at most half a passage."""


class Base(Model):
    """A knowledge base as its readers see it."""

    id: UUID
    org_id: UUID
    scope: Literal["organization", "workspace", "chat"]
    """Who reads it: the organization's members, those of one workspace, or those of one chat."""
    ws_id: UUID | None
    chat_id: UUID | None
    name: str
    description: str | None
    chunk_tokens: int
    overlap_tokens: int
    document_count: int
    can_write: bool
    """Whether the caller may change it and its documents."""
    created_at: datetime
    updated_at: datetime


class NewBase(Model):
    """A knowledge base to create."""

    name: Name
    """Unique among the bases of its organization, or of its workspace."""
    description: Text | None = None
    chunk_tokens: ChunkTokens = 256
    overlap_tokens: OverlapTokens = 32


class BasePatch(Patch):
    """The fields of a knowledge base that may change. Documents that are indexed already keep their passages."""

    name: Name
    description: Text | None
    chunk_tokens: ChunkTokens
    overlap_tokens: OverlapTokens
