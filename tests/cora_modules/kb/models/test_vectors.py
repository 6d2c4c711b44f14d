import pytest
from pydantic import ValidationError

from cora_modules.kb.models.vectors import Reindex


@pytest.mark.parametrize("values", [{}, {"modelId": None}, {"modelId": "local-word-vectors-256"}])
def test_model_is_named_by_its_id(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Reindex.model_validate(values)
