"""Search: passages of documents for a question."""

from uuid import uuid4

from cora_modules.ai.models_in_use import record_call
from cora_modules.kb.models.search import SearchedBase, SearchRequest, SearchResult
from cora_modules.kb.passages import all_readable, embed_question, find_passages
from cora_modules.kb.queries.search import LIST_BASES
from org_common import SIGNED_IN, App, Deadline, Transaction

app = App("kb-queries")


@app.post("/kb/search", allow=SIGNED_IN)
def search(tx: Transaction, body: SearchRequest, deadline: Deadline) -> SearchResult:
    """Find passages in knowledge bases that the caller may read, by meaning, by words, or by both."""
    bases = all_readable(tx.all(SearchedBase, LIST_BASES, {"base_ids": body.base_ids}), body.base_ids)
    vectors = [] if body.mode == "text" else embed_question(tx, bases, body.query, deadline)
    words = "" if body.mode == "vector" else body.query
    found = find_passages(tx, bases, words, vectors, top_k=body.top_k)
    for each in vectors:
        record_call(tx, each.org_id, uuid4(), each.model_id, each.usage, each.latency_ms)
    return SearchResult(passages=found)
