"""Constrained types that several models share."""

from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints


def _check_secret_ref(text: str) -> str:
    from cora_modules.ai.protocols.key import check_secret_ref

    return check_secret_ref(text)


def _check_base_url(text: str) -> str:
    if urlsplit(text).port == 0:
        raise ValueError("has a port that is not valid")
    return text


SecretRef = Annotated[str, StringConstraints(min_length=1, max_length=2048), AfterValidator(_check_secret_ref)]
"""Where a key is stored, such as `ai/openai#key`. A key in its place is refused: its name has another beginning."""
BaseUrl = Annotated[
    str,
    StringConstraints(
        max_length=2000, pattern=r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$"
    ),
    AfterValidator(_check_base_url),
]
"""The address of an API, without a user, a password or a query, in which a key could be."""
Region = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$")]
"""A region of AWS: `eu-central-1`."""
Cost = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=8)]
"""A price of 1,000 tokens, exact: as a string in JSON."""
Prompt = Annotated[str, StringConstraints(min_length=1, max_length=16_000)]
"""Instructions for a model, at most 16,000 characters."""
Mission = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
"""What an organization does, at most 4,000 characters."""
TokenLimit = Annotated[int, Field(ge=1, le=100_000)]
"""How long an answer may be, in tokens."""
