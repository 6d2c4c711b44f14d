from typing import get_args

import pytest

from cora_modules.chat.rules import ChatAccess, ChatCheck
from tests.cora_modules.chat.world import ChatWorld


def test_rule_shows_its_name() -> None:
    assert repr(ChatCheck("edit")) == "ChatCheck('edit')"


@pytest.mark.db
@pytest.mark.parametrize("access", get_args(ChatAccess))
def test_each_access_is_a_value_of_its_type(readonly_world: ChatWorld, access: str) -> None:
    row = readonly_world.admin.execute("select %s::app.chat_access as access", [access]).fetchone()

    assert row == {"access": access}
