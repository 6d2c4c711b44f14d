from uuid import uuid4

import pytest
from pydantic import ValidationError

from cora_modules.chat.models.bases import NewBase, NewBases


def test_chat_has_at_most_twenty_bases() -> None:
    assert len(NewBases(base_ids=[uuid4() for _ in range(20)]).base_ids) == 20
    with pytest.raises(ValidationError):
        NewBases(base_ids=[uuid4() for _ in range(21)])


def test_new_base_has_a_name() -> None:
    assert NewBase().name == "Documents of this chat"
