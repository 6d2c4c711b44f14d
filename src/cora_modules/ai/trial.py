"""Calls that test a provider or a model, and the list of a provider's models."""

import time
from collections.abc import Callable
from typing import Any

from org_common import Conflict, Deadline, Unavailable

from cora_modules.ai.models.providers import Trial
from cora_modules.ai.models.resolved_model import CallableProvider, ResolvedModel
from cora_modules.ai.provider import ChatRequest, Message, ProviderError
from cora_modules.ai.provider_for import lister_for, provider_for

TIMEOUT_S = 15.0
"""How long a test waits, at most: API Gateway gives a request 29 seconds."""
_TEST_CHAT = ChatRequest("Answer with one word.", (Message("user", "Are you there?"),), max_tokens=16)


class Outcome:
    """How a test of a model has ended, and what it has found out."""

    def __init__(self, trial: Trial, dimensions: int | None, *, is_temporary: bool) -> None:
        self.trial: Trial = trial
        self.dimensions: int | None = dimensions
        """The length of the model's vectors."""
        self.is_temporary: bool = is_temporary
        """Whether the same test may succeed later."""

    def as_params(self) -> dict[str, Any]:
        """The values of a statement that records it."""
        return {"ok": self.trial.ok, "dimensions": self.dimensions, "is_temporary": self.is_temporary}


def check_provider(provider: CallableProvider, deadline: Deadline) -> Trial:
    """List the provider's models: this takes its address, its key and the network."""
    return _try(lambda: _list(provider, deadline)).trial


def check_model(model: ResolvedModel, deadline: Deadline) -> Outcome:
    """Let the model answer a question, or make one vector."""
    limit = _limited(deadline)
    if model.kind == "embedding":
        return _try(lambda: len(provider_for(model).embed(["test"], limit).vectors[0]))
    return _try(lambda: _chat(model, limit))


def list_models(provider: CallableProvider, deadline: Deadline) -> list[dict[str, Any]]:
    """The provider's models as rows, each once.

    Raises `Unavailable` if the provider does not answer, and `Conflict` if it refuses.
    """
    try:
        return _list(provider, deadline)
    except ProviderError as error:
        if error.is_temporary:
            raise Unavailable(f"The provider does not answer: {error}.", code="provider_unavailable") from error
        raise Conflict(f"The provider refuses: {error}.", code="provider_refused") from error


def _list(provider: CallableProvider, deadline: Deadline) -> list[dict[str, Any]]:
    listed = lister_for(provider).list_models(_limited(deadline))
    return list({each.model_id: each._asdict() for each in listed if 0 < len(each.model_id) <= 200}.values())


def _chat(model: ResolvedModel, deadline: Deadline) -> None:
    reply = provider_for(model).chat(_TEST_CHAT, deadline)
    for _ in reply.deltas:
        pass


def _try(call: Callable[[], object]) -> Outcome:
    started_s = time.monotonic()
    found: object = None
    failed: ProviderError | None = None
    try:
        found = call()
    except ProviderError as error:
        failed = error
    trial = Trial(
        ok=failed is None,
        latency_ms=int((time.monotonic() - started_s) * 1000),
        error_kind=None if failed is None else failed.kind,
        detail=None if failed is None else str(failed),
    )
    dimensions = found if isinstance(found, int) else None
    return Outcome(trial, dimensions, is_temporary=failed is not None and failed.is_temporary)


def _limited(deadline: Deadline) -> Deadline:
    # A second stays for the statements that follow.
    return Deadline.after(min(deadline.left_s() - 1, TIMEOUT_S))
