from decimal import Decimal

from cora_modules.ai.models.models import ModelPatch


def test_prices_are_sent_to_the_database_as_strings() -> None:
    patch = ModelPatch.model_validate({"costIn": "0.00000001"})

    (sent,) = patch.sent().values()
    assert (patch.cost_in, type(sent), Decimal(sent)) == (Decimal("0.00000001"), str, Decimal("0.00000001"))
