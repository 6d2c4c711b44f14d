from typing import Any

import pytest
from pydantic import ValidationError

from cora_modules.ai.models.providers import NewProvider


def faults(**values: Any) -> list[str]:
    try:
        NewProvider.model_validate({"name": "one", **values})
    except ValidationError as error:
        return [str(fault["loc"][0]) for fault in error.errors()]
    return []


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"kind": "bedrock"}, []),
        ({"kind": "bedrock", "region": "eu-central-1"}, []),
        ({"kind": "local"}, []),
        ({"kind": "openai", "baseUrl": "http://vllm:8000/v1"}, []),
        ({"kind": "anthropic", "baseUrl": "https://a.example/v1", "auth": "secret", "secretRef": "ai/a"}, []),
        ({"kind": "openai", "baseUrl": None}, ["baseUrl"]),
        ({"kind": "openai", "baseUrl": "http://vllm:8000/v1", "auth": "secret", "secretRef": None}, ["secretRef"]),
        ({"kind": "openai", "baseUrl": "http://vllm:8000/v1", "secretRef": "ai/a"}, ["secretRef"]),
        ({"kind": "bedrock", "auth": "secret", "secretRef": "ai/a"}, ["auth"]),
    ],
)
def test_fields_fit_together(values: dict[str, Any], fields: list[str]) -> None:
    assert faults(**values) == fields
