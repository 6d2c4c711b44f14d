"""What the worker receives and claims."""

from typing import Literal
from uuid import UUID

from org_common import Model


class IngestMessage(Model):
    """A document to process."""

    document_id: UUID
    base_id: UUID


class Claim(Model):
    """A document that a worker may work on: a row of `kb.claim_document`."""

    outcome: Literal["claimed", "busy", "done", "exhausted"]
    org_id: UUID | None
    base_id: UUID | None
    filename: str | None
    media_type: str | None
    size_bytes: int | None
    sha256: str | None
    storage_key: str | None
    chunk_tokens: int | None
    overlap_tokens: int | None
    active_model_id: UUID | None
    """The model that the base is searched with; None for the first document."""


class ClaimedDocument(Model):
    """A document that this worker has claimed."""

    document_id: UUID
    claim_id: UUID
    org_id: UUID
    base_id: UUID
    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    storage_key: str
    chunk_tokens: int
    overlap_tokens: int
    active_model_id: UUID | None
