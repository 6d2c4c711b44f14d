from decimal import Decimal
from uuid import uuid4

from cora_modules.ai.models.resolved_model import ResolvedModel


def test_prices_stay_exact() -> None:
    row = {
        "id": uuid4(),
        "kind": "chat",
        "model_id": "large",
        "dimensions": None,
        "context_tokens": 1000,
        "cost_in": Decimal("0.00000001"),
        "cost_out": Decimal("0.10"),
        "provider_id": uuid4(),
        "provider_name": "remote",
        "provider_kind": "openai",
        "auth": "secret",
        "secret_ref": "prod/openai#key",
        "region": None,
        "base_url": "https://models.example/v1",
    }

    model = ResolvedModel.__from_row__(row)

    assert (model.cost_in, model.cost_out) == (Decimal("0.00000001"), Decimal("0.10"))
