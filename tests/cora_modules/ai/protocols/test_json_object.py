import pytest

from cora_modules.ai.protocols.json_object import parse_object
from cora_modules.ai.provider import ProviderError


def test_object_is_parsed() -> None:
    assert parse_object(b'{"a": [1]}') == {"a": [1]}


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"NaN", b'{"a": NaN}', b"\xff", b'{"a": 1'])
def test_anything_else_is_an_invalid_response(content: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        parse_object(content)
    assert caught.value.kind == "invalid_response"
