"""Search: passages of documents for a question."""

from collections.abc import Sequence
from uuid import uuid4

from org_common import SIGNED_IN, App, Deadline, Identity, Reader, transaction

from cora_modules.ai.models_in_use import record_call
from cora_modules.kb.models.search import SearchedBase, SearchRequest, SearchResult
from cora_modules.kb.passages import QuestionVector, all_readable, embed_question, find_passages
from cora_modules.kb.queries.search import LIST_BASES

app = App("kb-queries")


# A Reader: each statement is its own transaction, so none is open, and no connection held, while a model embeds.
@app.post("/kb/search", allow=SIGNED_IN)
def search(db: Reader, identity: Identity, body: SearchRequest, deadline: Deadline) -> SearchResult:
    """Find passages in knowledge bases that the caller may read, by meaning, by words, or by both."""
    bases = all_readable(db.all(SearchedBase, LIST_BASES, {"base_ids": body.base_ids}), body.base_ids)
    vectors = [] if body.mode == "text" else embed_question(db, bases, body.query, deadline)
    if vectors:
        record_calls(identity, vectors, deadline)
    words = "" if body.mode == "vector" else body.query
    return SearchResult(passages=find_passages(db, bases, words, vectors, top_k=body.top_k))


def record_calls(identity: Identity, vectors: Sequence[QuestionVector], deadline: Deadline) -> None:
    """Record what the question's vectors have cost, before the search: a failed search is charged for them too."""
    with transaction(identity, database=app.database(), timeout_s=deadline.left_s()) as tx:
        for each in vectors:
            record_call(tx, each.org_id, uuid4(), each.model_id, each.usage, each.latency_ms)
