"""JSON objects in answers of providers."""

from typing import Any

import orjson

from cora_modules.ai.provider import ProviderError


def parse_object(content: bytes) -> dict[str, Any]:
    """The object. Raises ProviderError for anything else."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ProviderError("invalid_response", "the answer is not JSON") from error
    if not isinstance(value, dict):
        raise ProviderError("invalid_response", "the answer is not a JSON object")
    return value
