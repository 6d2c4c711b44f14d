"""Questions, and the passages that are found for them."""

from typing import Annotated, Literal
from uuid import UUID

from org_common import Model
from pydantic import Field, StringConstraints

MAX_BASES = 50
"""How many knowledge bases one search reads."""
MAX_PASSAGES = 50
"""How many passages one search returns."""
MAX_QUESTION = 4000
"""How long a question is, in characters."""

Mode = Literal["hybrid", "vector", "text"]
"""Which lists answer: passages with a similar meaning (vector), with the question's words (text), or both together."""
Question = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUESTION, pattern=r"^[^\x00]*$")]

Box = Annotated[list[float], Field(min_length=4, max_length=4)]
"""Left, bottom, right and top of a rectangle on a page of a PDF, in points (1/72 inch).

The origin is that of the page, usually its lower left corner: x grows to the right and y upwards, before the page is
turned by its `/Rotate`.
"""


class SearchRequest(Model):
    """A question, and where to look for passages."""

    query: Question
    base_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_BASES)]
    top_k: Annotated[int, Field(ge=1, le=MAX_PASSAGES)] = 8
    """How many passages are returned, if there are as many."""
    mode: Mode = "hybrid"


class Passage(Model):
    """A passage of a document: `text[start:end]` of the document's text is its content."""

    id: UUID
    base_id: UUID
    document_id: UUID
    title: str
    """The document's file name."""
    page: int | None
    """From 1. None where the format has no pages."""
    box: Box | None
    """Where it is on its page. None for other formats than PDF, and for a text whose place is not known."""
    heading: str | None
    """The heading of its section."""
    start: int
    """Where it begins in the document's text, in characters."""
    end: int
    content: str
    score: float
    """Comparable within one search only."""
    similarity: float | None
    """The cosine of the angle between question and passage, at most 1. None for a passage that only its words found."""


class SearchResult(Model):
    """The passages found, the best first."""

    passages: list[Passage]


class SearchedBase(Model):
    """A base that the caller may read. Not for responses."""

    id: UUID
    org_id: UUID
    model_id: UUID | None
    """The embedding model whose vectors answer. None while the base is empty."""
