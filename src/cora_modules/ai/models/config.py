"""Settings of answers: those of the platform, and what an organization adds."""

from typing import Annotated, Literal
from uuid import UUID

from org_common import Model
from pydantic import Field

from cora_modules.ai.models.fields import Mission, Prompt, TokenLimit

CitationStyle = Literal["numbers", "footnotes", "none"]
Tone = Literal["neutral", "formal", "friendly", "concise"]


class SysConfig(Model):
    """The platform's settings of answers."""

    chat_model_id: UUID | None
    """The model that answers, where an organization has chosen none."""
    embedding_model_id: UUID | None
    """The model of the vectors of new documents."""
    system_prompt: Prompt
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: TokenLimit
    """How long an answer may be, at most."""
    top_k: Annotated[int, Field(ge=1, le=100)]
    """How many passages a search returns for a question."""
    similarity: Annotated[float, Field(ge=0, le=1)]
    """How similar a passage must be to the question."""


class OrgConfig(Model):
    """An organization's settings of answers."""

    mission: Mission | None
    """What the organization does, for the prompt."""
    custom_prompts: Annotated[list[Prompt], Field(max_length=20)]
    """More instructions, at most 16,000 characters together."""
    citation_style: CitationStyle
    tone: Tone
    max_response_tokens: TokenLimit | None
    """How long an answer may be; None for the platform's limit, which is also the upper one."""
    chat_model_id: UUID | None
    """The model that answers; None for the platform's."""
