"""The vectors of another model for the chunks of a base, batch by batch."""

import time
from uuid import UUID, uuid4

from org_common import Database, Deadline, Identity, reader, transaction

from cora_modules.ai.models.resolved_model import ResolvedModel
from cora_modules.ai.models_in_use import record_call, resolve_model
from cora_modules.ai.provider import Embeddings
from cora_modules.ai.provider_for import provider_for
from cora_modules.kb.models.vectors import PendingChunk, ReindexMessage
from cora_modules.kb.queries import vectors as queries

QUEUE = "kb-reindex"
BATCH = 96
"""Texts in one call of a model: the most that one of Cohere's models on Bedrock takes."""
SPARE_S = 20.0
"""Time left of the deadline for the last batch."""


class VectorBuild:
    """The work of one message, as the user who asked for it. No connection is held while a model computes vectors."""

    def __init__(self, message: ReindexMessage, sender: Identity, deadline: Deadline, database: Database) -> None:
        self._message = message
        self._sender = sender
        self._deadline = deadline
        self._database = database
        self._base = {"base_id": message.base_id, "model_id": message.model_id}

    def build_vectors(self) -> bool:
        """Compute the vectors that are missing and make the model the active one. False if the deadline was near.

        The chunks of the batches that were computed are kept either way, also by a crash. Raises ProviderError.
        """
        message = self._message
        with reader(self._sender, database=self._database, timeout_s=self._deadline.left_s()) as db:
            model = resolve_model(db, message.org_id, "embedding", message.model_id)
        provider = provider_for(model)
        after: PendingChunk | None = None
        while chunks := self._list_pending(after):
            if self._deadline.left_s() < SPARE_S:
                return False
            begun = time.monotonic()
            embedded = provider.embed([each.content for each in chunks], self._deadline)
            self._store(model, chunks, embedded, round((time.monotonic() - begun) * 1000))
            after = chunks[-1]
        with transaction(self._sender, database=self._database, timeout_s=self._deadline.left_s()) as tx:
            # False: a document was added meanwhile. The next message continues with it.
            return bool(tx.value(queries.FINISH_REINDEX, self._base))

    def queue_rest(self) -> None:
        """Send a message for what is left."""
        message = self._message
        rest = {"orgId": str(message.org_id), "baseId": str(message.base_id), "modelId": str(message.model_id)}
        with transaction(self._sender, database=self._database) as tx:
            tx.send(QUEUE, rest, key=str(message.base_id), org_id=message.org_id)

    def _list_pending(self, after: PendingChunk | None) -> list[PendingChunk]:
        place = (UUID(int=0), -1) if after is None else (after.document_id, after.seq)
        values = {**self._base, "after_document": place[0], "after_seq": place[1], "batch": BATCH}
        with reader(self._sender, database=self._database, timeout_s=self._deadline.left_s()) as db:
            return db.all(PendingChunk, queries.LIST_PENDING, values)

    def _store(self, model: ResolvedModel, chunks: list[PendingChunk], embedded: Embeddings, latency_ms: int) -> None:
        values = {
            **self._base,
            "chunk_ids": [each.id for each in chunks],
            "vectors": [str(each) for each in embedded.vectors],
        }
        with transaction(self._sender, database=self._database, timeout_s=self._deadline.left_s()) as tx:
            record_call(tx, self._message.org_id, uuid4(), model.id, embedded.usage, latency_ms)
            tx.value(queries.ADD_VECTORS, values)
