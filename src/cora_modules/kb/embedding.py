"""Vectors of many texts, in batches, and the record of what they cost."""

import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Literal
from uuid import UUID, uuid4

from org_common import Database, Deadline, service_transaction

from cora_modules.ai.models.resolved_model import ResolvedModel
from cora_modules.ai.models_in_use import record_call
from cora_modules.ai.provider import ErrorKind, Provider, ProviderError, Usage

BATCH = 96
"""Texts in one call. The limit of Cohere's models on Bedrock; the others take 2,048."""


class Vectors:
    """Vectors in four bytes for each number: Python's floats would take thirty-two."""

    def __init__(self) -> None:
        self.dimensions = 0
        self._values = array("f")

    def __len__(self) -> int:
        return len(self._values) // self.dimensions if self.dimensions else 0

    def __getitem__(self, at: int) -> list[float]:
        return self._values[at * self.dimensions : (at + 1) * self.dimensions].tolist()

    def add(self, vectors: list[list[float]], count: int) -> None:
        """Add the vectors of a batch of `count` texts. Raises `ProviderError` if they cannot be those."""
        lengths = {len(vector) for vector in vectors}
        if len(vectors) != count or len(lengths) != 1 or self.dimensions not in (0, *lengths) or lengths == {0}:
            raise ProviderError(
                "invalid_response",
                f"{count} texts gave {len(vectors)} vectors of {sorted(lengths)} numbers, after {self.dimensions}",
            )
        self.dimensions = lengths.pop()
        for vector in vectors:
            self._values.extend(vector)


def embed(
    texts: Iterable[str],
    provider: Provider,
    model: ResolvedModel,
    org_id: UUID,
    deadline: Deadline,
    check: Callable[[], None],
    *,
    database: Database | None = None,
) -> Vectors:
    """The vector of each text. Records the use of the model once, also when it fails.

    Raises `ProviderError`, and what `check` raises before a batch.
    """
    began, vectors, tokens_in, tokens_out = time.monotonic(), Vectors(), 0, 0
    failure: ErrorKind | Literal["cancelled"] | None = "cancelled"
    try:
        for batch in _batches(texts):
            check()
            embedded = provider.embed(batch, deadline)
            tokens_in += embedded.usage.tokens_in
            tokens_out += embedded.usage.tokens_out
            vectors.add(embedded.vectors, len(batch))
        failure = None
    except ProviderError as error:
        failure = error.kind
        raise
    finally:
        latency_ms = round((time.monotonic() - began) * 1000)
        with service_transaction(reason="record the use of a model", database=database) as tx:
            record_call(tx, org_id, uuid4(), model.id, Usage(tokens_in, tokens_out), latency_ms, failure)
    return vectors


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(texts)
    while batch := list(islice(remaining, BATCH)):
        yield batch
