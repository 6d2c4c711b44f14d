from decimal import Decimal
from uuid import uuid4

from cora_modules.ai.local import CHAT_MODEL, Local
from cora_modules.ai.models.resolved_model import ProviderKind, ResolvedModel
from cora_modules.ai.provider_for import provider_for


def model(provider_kind: ProviderKind, model_id: str) -> ResolvedModel:
    return ResolvedModel(
        id=uuid4(),
        kind="chat",
        model_id=model_id,
        dimensions=None,
        context_tokens=None,
        cost_in=Decimal(0),
        cost_out=Decimal(0),
        provider_id=uuid4(),
        provider_name="one",
        provider_kind=provider_kind,
        auth="iam_role",
        secret_ref=None,
        region=None,
        base_url=None,
    )


def test_local_model_has_the_embedded_provider() -> None:
    assert isinstance(provider_for(model("local", CHAT_MODEL)), Local)
