import math
from typing import Any

import pytest

from cora_modules.ai.protocols.vectors import check_vectors
from cora_modules.ai.provider import ProviderError


@pytest.mark.parametrize("dimensions", [None, 2])
def test_good_vectors_are_returned(dimensions: int | None) -> None:
    assert check_vectors([[1, 2.5], [0.0, -1]], 2, dimensions) == [[1, 2.5], [0.0, -1]]


@pytest.mark.parametrize(
    "vectors", [[], [[1.0]], [[1.0, 2.0], [1.0]], [[1.0, math.nan]] * 2, [[1.0, True]] * 2, [[[1.0]]] * 2, [None] * 2]
)
def test_bad_vectors_are_refused(vectors: list[Any]) -> None:
    with pytest.raises(ProviderError):
        check_vectors(vectors, 2, 2)
