"""`provider_for`: from a row of the database to the provider that calls the model."""

from cora_modules.ai.models.resolved_model import CallableProvider, ResolvedModel
from cora_modules.ai.protocols.attempts import PAUSE_S, Attempts
from cora_modules.ai.protocols.circuit import circuit_of
from cora_modules.ai.provider import ListingProvider, Provider


def provider_for(model: ResolvedModel, *, pause_s: float = PAUSE_S) -> Provider:
    """The provider that calls this model. What its protocol needs is imported now. Its key is read by each call.

    `pause_s` is the first pause before a call is repeated: a random part of it, and later more.
    """
    return _make(model, model.model_id, model.dimensions, pause_s)


def lister_for(provider: CallableProvider, *, pause_s: float = PAUSE_S) -> ListingProvider:
    """The same without a model, to list those of the provider."""
    return _make(provider, "", None, pause_s)


def _make(of: CallableProvider, model_id: str, dimensions: int | None, pause_s: float) -> ListingProvider:
    if of.provider_kind == "local":
        from cora_modules.ai.local import Local

        return Local(model_id)
    # A provider with another address is another one to the circuit.
    attempts = Attempts(circuit_of(of.provider_id, of.base_url, of.region), pause_s)
    if of.provider_kind == "bedrock":
        from cora_modules.ai.protocols.bedrock import Bedrock

        return Bedrock(model_id, attempts, region=of.region, endpoint_url=of.base_url, dimensions=dimensions)
    from cora_modules.ai.protocols.openai import OpenAi

    assert of.base_url is not None, "a check of the table requires it"
    return OpenAi(model_id, of.base_url, attempts, secret_ref=of.secret_ref, dimensions=dimensions)
