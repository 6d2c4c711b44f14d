from uuid import uuid4

import pytest
from pydantic import ValidationError

from cora_modules.kb.models.search import MAX_BASES, MAX_PASSAGES, MAX_QUESTION, SearchRequest

BASE = str(uuid4())


def test_defaults_are_a_hybrid_search_for_eight_passages() -> None:
    request = SearchRequest.model_validate({"query": "q", "baseIds": [BASE]})

    assert (request.mode, request.top_k) == ("hybrid", 8)


@pytest.mark.parametrize(
    "values",
    [
        {"query": ""},
        {"query": "q" * (MAX_QUESTION + 1)},
        {"query": "a\x00b"},
        {"query": None},
        {"baseIds": []},
        {"baseIds": [BASE] * (MAX_BASES + 1)},
        {"baseIds": ["x"]},
        {"topK": 0},
        {"topK": MAX_PASSAGES + 1},
        {"mode": "magic"},
        {"unknown": 1},
    ],
)
def test_invalid_request_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SearchRequest.model_validate({"query": "q", "baseIds": [BASE], **values})
