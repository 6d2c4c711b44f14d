"""The passages that answer a question, and the calls of models that found them."""

from collections.abc import Sequence

from org_common import Conflict, Deadline, Reader, Unavailable

from cora_modules.ai.models.resolved_model import EffectiveConfig
from cora_modules.chat.models.messages import Citation
from cora_modules.kb.models.search import MAX_QUESTION, Passage, SearchedBase
from cora_modules.kb.passages import QuestionVector, embed_question, find_passages


def retrieve(
    db: Reader, bases: Sequence[SearchedBase], question: str, config: EffectiveConfig, deadline: Deadline
) -> tuple[list[Citation], list[QuestionVector]]:
    """Passages for the question, the best first, and the calls that embedded it. No connection is held meanwhile.

    If the embedding model does not respond, the words of the question find them.
    """
    if not bases:
        return [], []
    # The end of a long question is usually what is asked.
    query = question[-MAX_QUESTION:]
    try:
        vectors = embed_question(db, bases, query, deadline)
    except (Conflict, Unavailable):
        vectors = []
    found = find_passages(db, bases, query, vectors, top_k=config.top_k)
    similar = [each for each in found if each.similarity is None or each.similarity >= config.similarity]
    return [_citation(number, passage) for number, passage in enumerate(similar, 1)], vectors


def _citation(number: int, passage: Passage) -> Citation:
    return Citation(
        number=number,
        document_id=passage.document_id,
        base_id=passage.base_id,
        title=passage.title,
        page=passage.page,
        box=passage.box,
        heading=passage.heading,
        start=passage.start,
        end=passage.end,
        content=passage.content,
        score=passage.score,
    )
