from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from cora_modules.ai.models.fields import BaseUrl, Cost, Region, SecretRef


def accepts(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://api.openai.com/v1", True),
        ("http://localhost:11434/v1/", True),
        ("http://[::1]:8000/v1", True),
        ("https://one.openai.azure.com/openai/v1/", True),
        ("https://a:b@models.example/v1", False),
        ("https://models.example/v1?api-key=x", False),
        ("https://models.example/v1#x", False),
        ("https://models.example:99999/v1", False),
        ("https://models.example:0/v1", False),
        ("https:///v1", False),
        ("ftp://models.example/v1", False),
        ("https://models.example/v1\n", False),
        ("https://models.example/v 1", False),
        ("models.example/v1", False),
    ],
)
def test_base_url(url: str, *, accepted: bool) -> None:
    assert accepts(BaseUrl, url) is accepted


@pytest.mark.parametrize(
    ("reference", "accepted"),
    [("ai/openai", True), ("ai/openai#key", True), ("sk-proj-1234", False), ("prod/x", False), ("", False)],
)
def test_secret_reference(reference: str, *, accepted: bool) -> None:
    assert accepts(SecretRef, reference) is accepted


@pytest.mark.parametrize(
    ("cost", "accepted"),
    [("0", True), ("9999.99999999", True), ("0.000000001", False), ("10000", False), ("-1", False), ("NaN", False)],
)
def test_cost(cost: str, *, accepted: bool) -> None:
    assert accepts(Cost, cost) is accepted


@pytest.mark.parametrize(
    ("region", "accepted"),
    [
        ("eu-central-1", True),
        ("us-gov-west-1", True),
        ("eu", False),
        ("EU-central-1", False),
        ("eu-central-1\n", False),
    ],
)
def test_region(region: str, *, accepted: bool) -> None:
    assert accepts(Region, region) is accepted
