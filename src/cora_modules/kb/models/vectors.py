"""The vectors of a knowledge base, by embedding model."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from org_common import Model


class VectorIndex(Model):
    """The vectors of one model in a base."""

    model_id: UUID
    dimensions: int
    """The length of each vector."""
    state: Literal["active", "building", "stale"]
    """Searches read the active one. A stale one was active before."""
    method: Literal["hnsw", "exact"]
    """How a search of more than 20,000 chunks finds the nearest: in a graph, or one by one."""
    chunk_count: int
    document_count: int
    activated_at: datetime | None
    created_at: datetime


class Vectors(Model):
    """The vectors of a base, the active ones first."""

    indexes: list[VectorIndex]


class Reindex(Model):
    """The embedding model that a base is to have."""

    model_id: UUID


class ReindexMessage(Model):
    """The message that builds the vectors of a model."""

    org_id: UUID
    base_id: UUID
    model_id: UUID


class PendingChunk(Model):
    """A chunk without a vector of the model that is being built. Not for responses."""

    id: UUID
    document_id: UUID
    seq: int
    content: str
