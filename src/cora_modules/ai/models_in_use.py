"""The models that organizations use: which one, with which settings, and the record of each call.

model = resolve_model(db, org_id, "chat")
reply = provider_for(model).chat(request, deadline)
...
record_call(tx, org_id, call_id, model.id, reply.usage, latency_ms)
"""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from org_common import Reader, Transaction

from cora_modules.ai.models.resolved_model import EffectiveConfig, ModelKind, ResolvedModel
from cora_modules.ai.provider import ErrorKind, Usage
from cora_modules.ai.queries import models_in_use as queries


def resolve_model(
    db: Reader | Transaction, org_id: UUID, kind: ModelKind, model_id: UUID | None = None
) -> ResolvedModel:
    """The model that the organization uses: the given one, else its own, else the platform's.

    Raises `NotFound` unless the caller is a member of the organization, and `Conflict` with the code `no_model` if that
    model is not available.
    """
    return db.one(ResolvedModel, queries.RESOLVE_MODEL, {"org_id": org_id, "kind": kind, "model_id": model_id})


def effective_config(db: Reader | Transaction, org_id: UUID) -> EffectiveConfig:
    """The organization's settings, merged with the platform's. Raises `NotFound` unless the caller is a member."""
    return db.one(EffectiveConfig, queries.EFFECTIVE_CONFIG, {"org_id": org_id})


def record_call(
    tx: Transaction,
    org_id: UUID,
    call_id: UUID,
    model_id: UUID,
    usage: Usage,
    latency_ms: int,
    error_kind: ErrorKind | Literal["cancelled"] | None = None,
) -> Decimal | None:
    """Record a call of a model and return its cost. A repetition with the same `call_id` records nothing.

    The cost is None if the model was deleted during the call. Raises `NotFound` unless the caller is a member.
    """
    cost: Decimal | None = tx.value(
        queries.RECORD_CALL,
        {
            "org_id": org_id,
            "call_id": call_id,
            "model_id": model_id,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "latency_ms": latency_ms,
            "error_kind": error_kind,
        },
    )
    return cost
