"""The vectors of a knowledge base: which models have some, a change of the model, and what is left of an old one."""

from uuid import UUID

from org_common import App, Conflict, Deadline, Identity, Reader, Transaction

from cora_modules.ai.models_in_use import resolve_model
from cora_modules.kb.models.vectors import Reindex, ReindexMessage, Vectors
from cora_modules.kb.models.vectors import VectorIndex as Index
from cora_modules.kb.queries import vectors as queries
from cora_modules.kb.reindex import QUEUE, VectorBuild
from cora_modules.kb.rules import BASE_READER, BASE_WRITER

app = App("kb-vectors")

VECTORS = "/kb/{base_id}/vectors"


@app.get(VECTORS, allow=BASE_READER)
def get_vectors(db: Reader, base_id: UUID) -> Vectors:
    """Return the models that have vectors of the base, and how many."""
    return Vectors(indexes=db.all(Index, queries.LIST_INDEXES, {"base_id": base_id}))


@app.post(VECTORS + "/reindex", allow=BASE_WRITER, status=202)
def reindex(tx: Transaction, base_id: UUID, body: Reindex) -> Vectors:
    """Compute the vectors of another model. Searches read the old ones until the new ones are complete."""
    org_id: UUID = tx.value(queries.GET_ORG, {"base_id": base_id})
    model = resolve_model(tx, org_id, "embedding", body.model_id)
    if model.dimensions is None:
        raise Conflict("The length of this model's vectors is not known. Test the model first.", code="no_dimensions")
    values = {"base_id": base_id, "model_id": body.model_id}
    if tx.value(queries.BEGIN_REINDEX, {**values, "dimensions": model.dimensions}):
        message = {"orgId": str(org_id), "baseId": str(base_id), "modelId": str(body.model_id)}
        tx.send(QUEUE, message, key=str(base_id), org_id=org_id)
    return Vectors(indexes=tx.all(Index, queries.LIST_INDEXES, {"base_id": base_id}))


@app.delete(VECTORS, allow=BASE_WRITER)
def delete_stale_vectors(tx: Transaction, base_id: UUID) -> None:
    """Delete the vectors of models that no search reads."""
    tx.value(queries.DELETE_STALE, {"base_id": base_id})


# The sender instead of a Transaction: none is open while vectors are computed, which takes minutes.
@app.sqs(QUEUE, allow=BASE_WRITER)
def build(message: ReindexMessage, sender: Identity, deadline: Deadline) -> None:
    """Compute vectors until all chunks have one or the deadline is near. What is left continues with a new message."""
    work = VectorBuild(message, sender, deadline, app.database())
    if not work.build_vectors():
        work.queue_rest()
