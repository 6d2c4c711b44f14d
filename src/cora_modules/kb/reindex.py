"""The vectors of another model for the chunks of a base, batch by batch."""

import time
from uuid import UUID, uuid4

from cora_modules.ai.models.resolved_model import ResolvedModel
from cora_modules.ai.models_in_use import record_call, resolve_model
from cora_modules.ai.provider_for import provider_for
from cora_modules.kb.models.vectors import PendingChunk, ReindexMessage
from cora_modules.kb.queries import vectors as queries
from org_common import Deadline, Transaction

QUEUE = "kb-reindex"
BATCH = 96
"""Texts in one call of a model: the most that one of Cohere's models on Bedrock takes."""
SPARE_S = 20.0
"""Time left of the deadline for the last batch."""


def build_vectors(tx: Transaction, message: ReindexMessage, deadline: Deadline) -> bool:
    """Compute the vectors that are missing and make the model the active one. False if the deadline was near.

    The chunks of the batches that were computed are kept either way. Raises ProviderError.
    """
    model = resolve_model(tx, message.org_id, "embedding", message.model_id)
    base = {"base_id": message.base_id, "model_id": message.model_id}
    document_id, seq = UUID(int=0), -1
    while True:
        after = {"after_document": document_id, "after_seq": seq, "batch": BATCH}
        chunks = tx.all(PendingChunk, queries.LIST_PENDING, {**base, **after})
        if not chunks:
            break
        if deadline.left_s() < SPARE_S:
            return False
        _embed(tx, model, message, chunks, deadline)
        document_id, seq = chunks[-1].document_id, chunks[-1].seq
    # False: a document was added meanwhile. The next message continues with it.
    return bool(tx.value(queries.FINISH_REINDEX, base))


def _embed(
    tx: Transaction, model: ResolvedModel, message: ReindexMessage, chunks: list[PendingChunk], deadline: Deadline
) -> None:
    begun = time.monotonic()
    embedded = provider_for(model).embed([each.content for each in chunks], deadline)
    latency_ms = round((time.monotonic() - begun) * 1000)
    tx.value(
        queries.ADD_VECTORS,
        {
            "base_id": message.base_id,
            "model_id": model.id,
            "chunk_ids": [each.id for each in chunks],
            "vectors": [str(each) for each in embedded.vectors],
        },
    )
    record_call(tx, message.org_id, uuid4(), model.id, embedded.usage, latency_ms)
