"""Vectors of many texts: in batches, in little memory, with one record of their cost."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from cora_modules.ai.models.resolved_model import ResolvedModel
from cora_modules.ai.provider import ChatRequest, Embeddings, ProviderError, Purpose, Reply, Usage
from cora_modules.kb.embedding import BATCH, Vectors, embed
from org_common import Deadline
from tests.cora_modules.access.world import ACME
from tests.cora_modules.kb.parsing.nothing import nothing
from tests.cora_modules.kb.uploads import Uploads

LEXICAL = UUID("0198a000-0000-7000-8000-0000000a1003")


class Lengths:
    """A provider of vectors with the length of their text."""

    def __init__(self, fails_at: int = -1) -> None:
        self.batches: list[int] = []
        self.fails_at = fails_at

    def embed(self, texts: Sequence[str], deadline: Deadline, *, purpose: Purpose = "document") -> Embeddings:
        if len(self.batches) == self.fails_at:
            raise ProviderError("throttled", "later")
        self.batches.append(len(texts))
        return Embeddings([[float(len(text)), 1.0] for text in texts], Usage(len(texts), 0))

    def chat(self, request: ChatRequest, deadline: Deadline) -> Reply:
        raise NotImplementedError


def model(uploads: Uploads) -> ResolvedModel:
    row = uploads.world.admin.execute(
        "select m.*, p.name as provider_name, p.kind as provider_kind, p.auth, p.secret_ref, p.region, p.base_url"
        " from ai.ai_models m join ai.ai_providers p on p.id = m.provider_id where m.id = %s",
        [LEXICAL],
    ).fetchone()
    assert row is not None
    return ResolvedModel(**{name: row[name] for name in ResolvedModel.__pydantic_fields__})


@pytest.mark.db
def test_texts_are_sent_in_batches_and_recorded_once(uploads: Uploads) -> None:
    provider = Lengths()
    texts = ("x" * at for at in range(2 * BATCH + 1))

    vectors = embed(texts, provider, model(uploads), ACME, Deadline.after(9), nothing, database=uploads.service)

    (call,) = uploads.calls()
    assert provider.batches == [BATCH, BATCH, 1]
    assert (len(vectors), vectors[0], vectors[2 * BATCH]) == (2 * BATCH + 1, [0.0, 1.0], [2.0 * BATCH, 1.0])
    assert (call["tokens_in"], call["error_kind"], call["model_id"]) == (2 * BATCH + 1, None, LEXICAL)


@pytest.mark.db
def test_failed_call_is_recorded_with_what_it_cost_until_then(uploads: Uploads) -> None:
    texts = ("x" for _ in range(2 * BATCH))

    with pytest.raises(ProviderError):
        embed(texts, Lengths(1), model(uploads), ACME, Deadline.after(9), nothing, database=uploads.service)

    (call,) = uploads.calls()
    assert (call["tokens_in"], call["error_kind"]) == (BATCH, "throttled")


@pytest.mark.parametrize("vectors", [[], [[1.0]], [[1.0, 2.0], [1.0]], [[], []], [[1.0], [1.0]]])
def test_wrong_vectors_are_refused(vectors: list[list[float]]) -> None:
    found = Vectors()
    found.add([[1.0, 2.0]], 1)

    with pytest.raises(ProviderError) as caught:
        found.add(vectors, 2)

    assert caught.value.kind == "invalid_response"
