import pytest
from pydantic import ValidationError

from cora_modules.chat.models.messages import NewMessage


@pytest.mark.parametrize("content", ["x", " x ", "\nx", "x" * 32_000])
def test_content_is_stored_as_it_is(content: str) -> None:
    assert NewMessage(content=content).content == content


@pytest.mark.parametrize("content", ["", " ", "\n\t", "x" * 32_001])
def test_content_needs_something_to_read(content: str) -> None:
    with pytest.raises(ValidationError):
        NewMessage(content=content)
