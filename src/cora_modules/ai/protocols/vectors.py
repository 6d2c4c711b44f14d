"""Checks of the vectors that a provider returns: a wrong one would fail later, in the database."""

import math
from typing import Any

from cora_modules.ai.provider import ProviderError, Vector


def check_vectors(vectors: list[Any], count: int, dimensions: int | None) -> list[Vector]:
    """The vectors. Raises ProviderError if they are not `count` lists of finite numbers of the same length."""
    if len(vectors) != count:
        raise ProviderError("invalid_response", f"{count} texts have {len(vectors)} vectors")
    for vector in vectors:
        if not isinstance(vector, list) or not vector:
            raise ProviderError("invalid_response", "a vector is not a list of numbers")
        dimensions = dimensions or len(vector)
        if len(vector) != dimensions:
            raise ProviderError("invalid_response", f"a vector has {len(vector)} dimensions instead of {dimensions}")
        if not all(type(each) in (int, float) and math.isfinite(each) for each in vector):
            raise ProviderError("invalid_response", "a vector has an entry that is not a finite number")
    return vectors
