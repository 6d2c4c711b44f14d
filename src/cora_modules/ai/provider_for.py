"""`provider_for`: from a row of the database to the provider that calls the model."""

from cora_modules.ai.models.resolved_model import ResolvedModel
from cora_modules.ai.protocols.attempts import PAUSE_S, Attempts
from cora_modules.ai.protocols.circuit import circuit_of
from cora_modules.ai.provider import Provider


def provider_for(model: ResolvedModel, *, pause_s: float = PAUSE_S) -> Provider:
    """The provider that calls this model. What its protocol needs is imported now. Its key is read by each call.

    `pause_s` is the first pause before a call is repeated, on average twice as long.
    """
    if model.provider_kind == "local":
        from cora_modules.ai.local import Local

        return Local(model.model_id)
    # A provider with another address is another one to the circuit.
    attempts = Attempts(circuit_of(model.provider_id, model.base_url, model.region), pause_s)
    if model.provider_kind == "bedrock":
        from cora_modules.ai.protocols.bedrock import Bedrock

        return Bedrock(
            model.model_id, attempts, region=model.region, endpoint_url=model.base_url, dimensions=model.dimensions
        )
    from cora_modules.ai.protocols.openai import OpenAi

    assert model.base_url is not None, "the table's check requires it"
    return OpenAi(model.model_id, model.base_url, attempts, secret_ref=model.secret_ref, dimensions=model.dimensions)
