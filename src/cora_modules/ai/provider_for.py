"""`provider_for`: from a row of the database to the provider that calls the model."""

from cora_modules.ai.models.resolved_model import ResolvedModel
from cora_modules.ai.provider import Provider, ProviderError


def provider_for(model: ResolvedModel) -> Provider:
    """The provider that calls this model. What its protocol needs is imported now. Its key is read by each call."""
    if model.provider_kind == "local":
        from cora_modules.ai.local import Local

        return Local(model.model_id)
    raise ProviderError("refused", f"providers of the kind {model.provider_kind} are not supported")
