"""AI providers and their models: what the platform can call, and at which prices."""

from uuid import UUID

from org_common import (
    App,
    Conflict,
    Deadline,
    Json,
    Needs,
    Page,
    PageRequest,
    Reader,
    SysCheck,
    Transaction,
    Unavailable,
)

from cora_modules.ai import trial
from cora_modules.ai.models.models import ModelInfo, ModelPatch
from cora_modules.ai.models.providers import Discovery, NewProvider, ProviderInfo, ProviderPatch, Trial
from cora_modules.ai.models.resolved_model import CallableProvider, ResolvedModel
from cora_modules.ai.queries import providers as queries

app = App(
    "ai-providers",
    needs=Needs(
        actions=[
            "bedrock:InvokeModel",
            "bedrock:InvokeModelWithResponseStream",
            "bedrock:ListFoundationModels",
            "bedrock:ListInferenceProfiles",
            "secretsmanager:GetSecretValue",
        ]
    ),
)

SYS_ADMIN = SysCheck("sys_admin")


@app.get("/admin/sys/ai/providers", allow=SYS_ADMIN)
def list_providers(db: Reader, page: PageRequest) -> Page[ProviderInfo]:
    """List the providers by name."""
    return db.page(ProviderInfo, queries.LIST_PROVIDERS, page=page, by=("name", "id"))


@app.post("/admin/sys/ai/providers", allow=SYS_ADMIN, status=201, idempotent=True)
def add_provider(tx: Transaction, body: NewProvider) -> ProviderInfo:
    """Add a provider. Its key is stored elsewhere, and a key in the body is refused. Discover its models next."""
    return tx.one(ProviderInfo, queries.ADD_PROVIDER, body)


@app.get("/admin/sys/ai/providers/{provider_id}", allow=SYS_ADMIN)
def get_provider(db: Reader, provider_id: UUID) -> ProviderInfo:
    """Return one provider."""
    return db.one(ProviderInfo, queries.GET_PROVIDER, {"provider_id": provider_id})


@app.patch("/admin/sys/ai/providers/{provider_id}", allow=SYS_ADMIN)
def update_provider(tx: Transaction, provider_id: UUID, body: ProviderPatch) -> ProviderInfo:
    """Change the fields that are sent. The models of an inactive provider are not used."""
    return tx.one(ProviderInfo, queries.UPDATE_PROVIDER, {"provider_id": provider_id, "patch": body})


@app.delete("/admin/sys/ai/providers/{provider_id}", allow=SYS_ADMIN)
def remove_provider(tx: Transaction, provider_id: UUID) -> None:
    """Remove a provider with its models, unless the platform's settings name one of them."""
    tx.run(queries.DELETE_PROVIDER, {"provider_id": provider_id}, rows=1)


# The transaction stays open while the provider answers, at most 15 s. Few administrators do this, and seldom.
@app.post("/admin/sys/ai/providers/{provider_id}/discover", allow=SYS_ADMIN, raises=[Unavailable, Conflict])
def discover_models(tx: Transaction, deadline: Deadline, provider_id: UUID) -> Discovery:
    """Store the models that the provider lists. New ones are used once they are available: test them."""
    provider = tx.one(CallableProvider, queries.GET_CALLABLE_PROVIDER, {"provider_id": provider_id})
    models = trial.list_models(provider, deadline)
    return tx.one(Discovery, queries.STORE_MODELS, {"provider_id": provider_id, "models": Json(models)})


@app.post("/admin/sys/ai/providers/{provider_id}/test", allow=SYS_ADMIN)
def check_provider(db: Reader, deadline: Deadline, provider_id: UUID) -> Trial:
    """Call the provider, and report how it went. Changes nothing."""
    provider = db.one(CallableProvider, queries.GET_CALLABLE_PROVIDER, {"provider_id": provider_id})
    return trial.check_provider(provider, deadline)


@app.get("/admin/sys/ai/models", allow=SYS_ADMIN)
def list_models(db: Reader, page: PageRequest) -> Page[ModelInfo]:
    """List the models of all providers by name."""
    return db.page(ModelInfo, queries.LIST_MODELS, page=page, by=("model_id", "id"))


@app.patch("/admin/sys/ai/models/{model_id}", allow=SYS_ADMIN)
def update_model(tx: Transaction, model_id: UUID, body: ModelPatch) -> ModelInfo:
    """Change prices, limits or the status of a model. Earlier calls keep their cost."""
    return tx.one(ModelInfo, queries.UPDATE_MODEL, {"model_id": model_id, "patch": body})


@app.post("/admin/sys/ai/models/{model_id}/test", allow=SYS_ADMIN)
def check_model(tx: Transaction, deadline: Deadline, model_id: UUID) -> Trial:
    """Call the model, and report how it went. It is available from then on, or unavailable if it was refused."""
    model = tx.one(ResolvedModel, queries.GET_CALLABLE_MODEL, {"model_id": model_id})
    outcome = trial.check_model(model, deadline)
    tx.run(queries.RECORD_TRIAL, {"model_id": model_id, **outcome.as_params()}, rows=1)
    return outcome.trial
