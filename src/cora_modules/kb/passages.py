"""Passages for a question: which bases may be read, the question's vectors, and the search itself.

    bases = readable_bases(db, base_ids)               # a 404 before any model is called
    vectors = embed_question(db, bases, question, deadline)
    passages = find_passages(db, bases, question, vectors, top_k=8)

The three are separate, so that no transaction needs to be open while a model computes vectors.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from org_common import Deadline, NotFound, Reader, Transaction, Unavailable

from cora_modules.ai.models_in_use import resolve_model
from cora_modules.ai.provider import ProviderError, Usage, Vector
from cora_modules.ai.provider_for import provider_for
from cora_modules.kb.models.search import Passage, SearchedBase
from cora_modules.kb.queries import search as queries


class QuestionVector(NamedTuple):
    """A question as the vector of one model, and what the call has cost."""

    model_id: UUID
    org_id: UUID
    """Whose call it was."""
    vector: Vector
    usage: Usage
    latency_ms: int


def readable_bases(db: Reader | Transaction, base_ids: Sequence[UUID]) -> list[SearchedBase]:
    """The bases, each with the model whose vectors answer. Raises `NotFound` if the caller may not read one of them."""
    return all_readable(db.all(SearchedBase, queries.LIST_BASES, {"base_ids": base_ids}), base_ids)


def all_readable(bases: list[SearchedBase], base_ids: Sequence[UUID]) -> list[SearchedBase]:
    """The bases that were found. Raises `NotFound` unless they are all that were asked for."""
    if len(bases) < len(set(base_ids)):
        raise NotFound
    return bases


def embed_question(
    db: Reader | Transaction, bases: Sequence[SearchedBase], question: str, deadline: Deadline
) -> list[QuestionVector]:
    """The question's vector by each model that the bases use. None are used by bases without documents.

    Raises `Conflict` with the code `no_model` if a model is not available, and `Unavailable` if its provider fails.
    """
    vectors = []
    for model_id, org_id in {base.model_id: base.org_id for base in bases if base.model_id is not None}.items():
        model = resolve_model(db, org_id, "embedding", model_id)
        begun = time.monotonic()
        try:
            embedded = provider_for(model).embed([question], deadline, purpose="question")
        except ProviderError as error:
            detail = "The embedding model does not respond. Search by words (mode text), or try again."
            raise Unavailable(detail, code="model_unavailable") from error
        latency_ms = round((time.monotonic() - begun) * 1000)
        vectors.append(QuestionVector(model_id, org_id, embedded.vectors[0], embedded.usage, latency_ms))
    return vectors


def find_passages(
    db: Reader | Transaction,
    bases: Sequence[SearchedBase],
    question: str,
    vectors: Sequence[QuestionVector],
    *,
    top_k: int,
) -> list[Passage]:
    """The passages that fit the question best, in one statement.

    Without vectors, the question's words find them; with an empty question, its vectors alone.
    """
    indexed = [base for base in bases if base.model_id is not None]
    values = {
        "base_ids": [base.id for base in indexed],
        "base_models": [base.model_id for base in indexed],
        "searched_models": [each.model_id for each in vectors],
        "vectors": [str(each.vector) for each in vectors],
        "words": question,
        "top_k": top_k,
    }
    return db.all(Passage, queries.SEARCH, values) if indexed else []
