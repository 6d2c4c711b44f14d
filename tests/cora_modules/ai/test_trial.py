from decimal import Decimal
from uuid import uuid4

import pytest

from cora_modules.ai import trial
from cora_modules.ai.local import CHAT_MODEL
from cora_modules.ai.models.resolved_model import ModelKind, ProviderKind, ResolvedModel
from org_common import Conflict, Deadline, Unavailable
from tests.cora_modules.ai.protocols.frames import JSON
from tests.cora_modules.ai.protocols.server import Answer, Server


def model(provider_kind: ProviderKind, base_url: str | None = None, kind: ModelKind = "chat") -> ResolvedModel:
    return ResolvedModel(
        id=uuid4(),
        kind=kind,
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
        base_url=base_url,
    )


def test_model_that_answers() -> None:
    outcome = trial.check_model(model("local"), Deadline.after(5))

    assert (outcome.trial.ok, outcome.as_params()) == (True, {"ok": True, "dimensions": None, "is_temporary": False})


def test_vector_tells_the_dimensions(server: Server) -> None:
    server.answers = [Answer([b'{"data": [{"index": 0, "embedding": [1, 2, 3]}]}'], headers=JSON)]

    assert trial.check_model(model("openai", server.url, "embedding"), Deadline.after(5)).dimensions == 3


@pytest.mark.parametrize(("status", "temporary"), [(404, False), (429, True), (503, True)])
def test_error_is_a_result(server: Server, status: int, *, temporary: bool) -> None:
    server.answers = [Answer(status=status)]

    outcome = trial.check_model(model("openai", server.url), Deadline.after(5))

    assert (outcome.trial.ok, outcome.is_temporary, str(status) in str(outcome.trial.detail)) == (
        False,
        temporary,
        True,
    )


def test_no_time_is_a_timeout(server: Server) -> None:
    """A second of the request stays for the statement that records the result."""
    outcome = trial.check_model(model("openai", server.url), Deadline.after(0.9))

    assert (outcome.trial.error_kind, server.requests) == ("timeout", [])


@pytest.mark.parametrize(("status", "error"), [(503, Unavailable), (403, Conflict)])
def test_list_that_fails_is_an_error_of_the_request(server: Server, status: int, error: type[Exception]) -> None:
    server.answers = [Answer(status=status)]

    with pytest.raises(error):
        trial.list_models(model("openai", server.url), Deadline.after(5))


def test_each_model_is_listed_once(server: Server) -> None:
    server.answers = [Answer([b'{"data": [{"id": "a"}, {"id": ""}, {"id": "a"}]}'], headers=JSON)]

    assert trial.list_models(model("openai", server.url), Deadline.after(5)) == [
        {"model_id": "a", "kind": "chat", "dimensions": None}
    ]
