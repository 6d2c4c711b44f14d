"""A question, and the events of its answer."""

from typing import Literal
from uuid import UUID

from org_common import Model

from cora_modules.chat.models.bases import BaseIds
from cora_modules.chat.models.messages import Citation, Content, FinishReason, Role


class Question(Model):
    """A question to answer."""

    content: Content
    base_ids: BaseIds | None = None
    """The knowledge bases to answer from; None for those of the chat, an empty list for none."""
    model_id: UUID | None = None
    """None for the model of the organization."""


class Turn(Model):
    """An earlier message."""

    role: Role
    content: str


class Asked(Model):
    """A stored question: a row of `chat.ask`. Not for responses."""

    org_id: UUID
    message_id: UUID
    answer_id: UUID
    conversation: list[Turn]
    base_ids: list[UUID]


class Start(Model):
    """The question is stored: the event `start`."""

    question_id: UUID
    message_id: UUID
    """The id that the answer will have."""
    model: str


class Citations(Model):
    """What the model is given: the event `citations`."""

    items: list[Citation]


class Delta(Model):
    """The next part of the answer: the event `delta`."""

    text: str


class TokenUsage(Model):
    """Tokens, as the provider counted them; estimated for an answer that was stopped."""

    tokens_in: int
    tokens_out: int


class Done(Model):
    """The answer is complete and stored: the event `done`."""

    message_id: UUID
    finish_reason: Literal["stop", "length", "filtered"]
    usage: TokenUsage


class Answer(Model):
    """A complete answer: the response where the platform cannot stream."""

    question_id: UUID
    message_id: UUID
    model: str
    content: str
    citations: list[Citation]
    finish_reason: FinishReason
    usage: TokenUsage
