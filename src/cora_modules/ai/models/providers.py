"""AI providers, as administrators of the platform see them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from org_common import Model, Patch
from pydantic import ValidationInfo, field_validator

from cora_modules.access.models.fields import Name
from cora_modules.ai.models.fields import BaseUrl, Region, SecretRef

Kind = Literal["bedrock", "openai", "anthropic", "local"]
Auth = Literal["iam_role", "secret"]


class NewProvider(Model):
    """A provider to create."""

    name: Name
    kind: Kind
    """The protocol. `openai` is that of all OpenAI-compatible servers, `anthropic` that of Anthropic's own."""
    auth: Auth = "iam_role"
    """How calls are authenticated: by the role of the function or not at all, or by a stored key."""
    secret_ref: SecretRef | None = None
    """Where the key is stored: `ai/openai#key`. Never the key."""
    region: Region | None = None
    """The region of Bedrock; by default that of the function."""
    base_url: BaseUrl | None = None
    """The address of the API, such as `https://api.openai.com/v1`."""
    is_active: bool = True

    # A field that is not sent is checked by the table: with `validate_default`, pydantic reports it in snake_case.
    @field_validator("auth")
    @classmethod
    def _check_auth(cls, auth: Auth, info: ValidationInfo) -> Auth:
        if auth == "secret" and info.data.get("kind") in ("bedrock", "local"):
            raise ValueError("must be iam_role for this kind")
        return auth

    @field_validator("secret_ref")
    @classmethod
    def _check_secret_ref(cls, secret_ref: str | None, info: ValidationInfo) -> str | None:
        if "auth" in info.data and (info.data["auth"] == "secret") != (secret_ref is not None):
            raise ValueError("is required with the auth secret, and has no meaning without it")
        return secret_ref

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, base_url: str | None, info: ValidationInfo) -> str | None:
        if base_url is None and info.data.get("kind") in ("openai", "anthropic"):
            raise ValueError("is required for this kind")
        return base_url


class ProviderPatch(Patch):
    """The fields of a provider that may change."""

    name: Name
    auth: Auth
    secret_ref: SecretRef | None
    region: Region | None
    base_url: BaseUrl | None
    is_active: bool


class ProviderInfo(Model):
    """A provider."""

    id: UUID
    name: str
    kind: Kind
    auth: Auth
    secret_ref: str | None
    """Where the key is stored."""
    region: str | None
    base_url: str | None
    is_active: bool
    """Whether its models are used."""
    model_count: int
    created_at: datetime
    updated_at: datetime


class Discovery(Model):
    """What a discovery has found."""

    found: int
    """How many models the provider lists."""
    added: int
    """How many of them are new here."""
    gone: int
    """How many models the provider no longer lists: they are unavailable now."""


class Trial(Model):
    """How a call to test a provider or a model has ended."""

    ok: bool
    latency_ms: int
    error_kind: Literal["refused", "throttled", "unavailable", "timeout", "cut", "invalid_response"] | None
    """None for success."""
    detail: str | None
    """What went wrong."""
