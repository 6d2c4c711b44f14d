"""The model that an organization uses, and the settings that it is used with."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from org_common import Model

ModelKind = Literal["chat", "embedding"]
ProviderKind = Literal["bedrock", "openai", "anthropic", "local"]
Auth = Literal["iam_role", "secret"]


class CallableProvider(Model):
    """What a call of a provider needs. Not for responses."""

    provider_id: UUID
    provider_name: str
    provider_kind: ProviderKind
    auth: Auth
    secret_ref: str | None
    """Where the provider's key is stored."""
    region: str | None
    base_url: str | None


class ResolvedModel(CallableProvider):
    """A model that can be called, with its provider: a row of `ai.resolve_model`. Not for responses."""

    id: UUID
    kind: ModelKind
    model_id: str
    """The provider's name of the model."""
    dimensions: int | None
    """The length of its vectors, if it is an embedding model and the length is known."""
    context_tokens: int | None
    cost_in: Decimal
    """The price of 1,000 tokens of requests."""
    cost_out: Decimal
    """The price of 1,000 tokens of answers."""


class EffectiveConfig(Model):
    """An organization's settings merged with the platform's: a row of `ai.effective_config`."""

    prompt: str
    """The instructions: the platform's prompt, then the organization's mission, prompts, tone and citations."""
    citation_style: Literal["numbers", "footnotes", "none"]
    tone: Literal["neutral", "formal", "friendly", "concise"]
    temperature: float
    max_tokens: int
    """How long an answer may be: the lower one of the organization's limit and the platform's."""
    top_k: int
    """How many passages a search returns for a question."""
    similarity: float
    """How similar a passage must be to the question, from 0 to 1."""
    chat_model_id: UUID | None
    embedding_model_id: UUID | None
