"""Models of AI providers, as administrators of the platform see them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from org_common import Model, Patch
from pydantic import Field

from cora_modules.ai.models.fields import Cost

Kind = Literal["chat", "embedding"]
Status = Literal["discovered", "available", "unavailable", "deprecated"]


class ModelInfo(Model):
    """A model."""

    id: UUID
    provider_id: UUID
    provider_name: str
    model_id: str
    """The provider's name of the model."""
    kind: Kind
    dimensions: int | None
    """The length of its vectors, if it is an embedding model and the length is known."""
    context_tokens: int | None
    """How many tokens a request and its answer may have together, if known."""
    cost_in: Decimal
    """The price of 1,000 tokens of requests, as a string: it is exact."""
    cost_out: Decimal
    """The price of 1,000 tokens of answers."""
    status: Status
    """Only available models are used."""
    last_checked_at: datetime | None
    """When the provider has last listed it, or a test has last called it."""


class ModelPatch(Patch):
    """The fields of a model that may change."""

    kind: Kind
    dimensions: Annotated[int, Field(ge=1, le=16_000)] | None
    context_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None
    cost_in: Cost
    cost_out: Cost
    status: Status
