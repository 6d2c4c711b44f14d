"""The keys of providers, fetched by their references."""

import os

from org_common import OrgError, Reference, Secret, get_secret

from cora_modules.ai.provider import ErrorKind, ProviderError

PREFIX = "CORA_AI_SECRETS_PREFIX"
"""The environment variable with the beginning of the names of keys; without it, `ai/`."""


def allowed_prefix() -> str:
    """How the name of a key must begin."""
    return os.environ.get(PREFIX, "ai/")


def is_allowed(reference: Reference) -> bool:
    """Whether the name of a secret is that of a key of a provider.

    Administrators choose the reference and the address that the key is sent to. Without this limit, they could have any
    secret that the function may read sent to a server of theirs.
    """
    prefix = allowed_prefix()
    if reference.service == "env":
        return reference.id.startswith(prefix.upper().replace("/", "_").replace("-", "_"))
    name = reference.id
    if name.startswith("arn:"):
        name = name.split(":", 5)[5].removeprefix("secret:").removeprefix("parameter/")
    return name.removeprefix("/").startswith(prefix)


def fetch_key(secret_ref: str, *, force_refresh: bool = False) -> Secret:
    """The key. Raises ProviderError if it does not exist, cannot be fetched, or is not the key of a provider."""
    try:
        reference = Reference.parse(secret_ref)
        if not is_allowed(reference):
            raise ProviderError("refused", f"the names of keys begin with {allowed_prefix()}")
        return get_secret(reference, force_refresh=force_refresh)
    except (OrgError, ValueError) as error:
        kind: ErrorKind = "unavailable" if isinstance(error, OrgError) and error.status == 503 else "refused"
        raise ProviderError(kind, f"the key cannot be fetched: {error}") from error


def check_secret_ref(text: str) -> str:
    """The reference. The `ValueError` does not repeat it, which may be the key itself by mistake."""
    if not is_allowed(Reference.parse(text)):
        raise ValueError(
            f"is not a reference to the key of a provider, whose name begins with {allowed_prefix()}: store the key in "
            "Secrets Manager, and send its name"
        )
    return text
