from decimal import Decimal
from uuid import uuid4

import pytest

from cora_modules.ai.local import CHAT_MODEL, Local
from cora_modules.ai.models.resolved_model import ProviderKind, ResolvedModel
from cora_modules.ai.protocols.bedrock import Bedrock
from cora_modules.ai.protocols.openai import OpenAi
from cora_modules.ai.provider_for import provider_for


def model(provider_kind: ProviderKind) -> ResolvedModel:
    return ResolvedModel(
        id=uuid4(),
        kind="chat",
        model_id=CHAT_MODEL,
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
        base_url="http://127.0.0.1:9",
    )


@pytest.mark.parametrize(
    ("kind", "expected"), [("local", Local), ("bedrock", Bedrock), ("openai", OpenAi), ("anthropic", OpenAi)]
)
def test_provider_of_the_kind(kind: ProviderKind, expected: type) -> None:
    assert isinstance(provider_for(model(kind)), expected)
